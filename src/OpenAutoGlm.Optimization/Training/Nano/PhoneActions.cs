namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>The lines that a phone agent answers with.</summary>
static class PhoneActions
{
    public const string Back = "do(action=\"Back\")";
    public const string Home = "do(action=\"Home\")";
    public const string Note = "do(action=\"Note\", message=\"True\")";

    public static string Launch(string app) => $"do(action=\"Launch\", app=\"{app}\")";

    public static string Tap(PhoneElement element) => On("Tap", element);

    public static string LongPress(PhoneElement element) => On("Long Press", element);

    public static string DoubleTap(PhoneElement element) => On("Double Tap", element);

    /// <summary>A tap that spends money or cannot be taken back.</summary>
    public static string SensitiveTap(PhoneElement element) => $"do(action=\"Tap\", element={element.Place}, message=\"重要操作\")";

    public static string Type(string text) => $"do(action=\"Type\", text=\"{text}\")";

    public static string Wait(string seconds) => $"do(action=\"Wait\", duration=\"{seconds} seconds\")";

    public static string CallApi(string instruction) => $"do(action=\"Call_API\", instruction=\"{instruction}\")";

    public static string TakeOver(string message) => $"do(action=\"Take_over\", message=\"{message}\")";

    public static string Swipe(string start, string end) => $"do(action=\"Swipe\", start={start}, end={end})";

    public static string Finish(string message) => $"finish(message=\"{message}\")";

    static string On(string action, PhoneElement element) => $"do(action=\"{action}\", element={element.Place})";
}
