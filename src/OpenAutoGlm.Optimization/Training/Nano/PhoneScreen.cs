using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>Something on the screen.</summary>
/// <param name="Name">What it says.</param>
/// <param name="X">Its middle, 0 (left) to 999.</param>
/// <param name="Y">Its middle, 0 (top) to 999.</param>
/// <param name="IsFocused">Whether typing goes into it.</param>
sealed record PhoneElement(string Name, int X, int Y, bool IsFocused = false)
{
    /// <summary>Its place as actions write it.</summary>
    public string Place => string.Create(CultureInfo.InvariantCulture, $"[{X},{Y}]");
}

/// <summary>What a phone shows, as autoglm-nano reads it: the app as the phone agent's client says it, and one line for each element.</summary>
/// <param name="App">The current app.</param>
/// <param name="Elements">What can be seen, in no particular order; none where nobody says.</param>
sealed record PhoneScreen(string App, IReadOnlyList<PhoneElement> Elements)
{
    /// <summary>The first turn: the task, then the screen.</summary>
    public string First(string task) => $"{task}\n\n{Text}";

    /// <summary>A later turn.</summary>
    public string Later => $"** Screen Info **\n\n{Text}";

    string Text
    {
        get
        {
            StringBuilder text = new();
            text.Append("{\"current_app\": \"").Append(App).Append("\"}");
            foreach (PhoneElement element in Elements)
            {
                text.Append('\n').Append(element.Name).Append(' ').Append(element.Place).Append(element.IsFocused ? " focused" : "");
            }

            return text.ToString();
        }
    }
}
