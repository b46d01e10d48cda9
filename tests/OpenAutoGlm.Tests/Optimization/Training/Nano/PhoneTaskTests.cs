using System.Globalization;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Optimization.Training.Nano;

public sealed partial class PhoneTaskTests
{
    const int Many = 4000;

    public static TheoryData<NanoSplit, NanoLanguage> Kinds => new()
    {
        { NanoSplit.Train, NanoLanguage.English }, { NanoSplit.Train, NanoLanguage.Chinese }, { NanoSplit.HeldOut, NanoLanguage.English }, { NanoSplit.HeldOut, NanoLanguage.Chinese },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_turn_thinks_and_then_answers_with_one_action_of_the_protocol(NanoSplit split, NanoLanguage language) =>
        Assert.All(Made(split, language).SelectMany(example => example.Messages).Where(message => message.Role == "assistant"), message =>
        {
            Match turn = Turn().Match(message.Content);
            Assert.True(turn.Success, message.Content);
            Match action = Action().Match(turn.Groups[1].Value);
            Assert.True(action.Success, turn.Groups[1].Value);
            Assert.All(action.Groups["n"].Captures, number => Assert.InRange(int.Parse(number.Value, CultureInfo.InvariantCulture), 0, 999));
        });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_element_that_is_tapped_stands_on_the_last_screen_once(NanoSplit split, NanoLanguage language)
    {
        NanoExample[] taps = [.. Made(split, language).Where(example => example.Group is "tap" or "long_press" or "double_tap" or "sensitive")];
        Assert.NotEmpty(taps);
        Assert.All(taps, example =>
        {
            string place = Place().Match(example.Answer).Value;
            string[] lines = example.Messages[^2].Content.Split('\n');
            string line = Assert.Single(lines, line => line.EndsWith(" " + place, StringComparison.Ordinal));
            string name = line[..^(place.Length + 1)];
            Assert.Single(lines, other => other.StartsWith(name + " [", StringComparison.OrdinalIgnoreCase));
            Assert.Contains(name, example.Messages[example.Messages[0].Role == "system" ? 1 : 0].Content, StringComparison.Ordinal);
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_searched_for_is_not_on_the_screen(NanoSplit split, NanoLanguage language)
    {
        NanoExample[] searches = [.. Made(split, language).Where(example => example.Group == "search")];
        Assert.NotEmpty(searches);
        Assert.All(searches, example =>
        {
            string name = Missed().Match(example.Messages[^1].Content).Groups[1].Value;
            Assert.NotEmpty(name);
            Assert.DoesNotContain($"\n{name} [", example.Messages[^2].Content, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public void All_actions_occur()
    {
        HashSet<string> groups = [.. Made(NanoSplit.HeldOut, NanoLanguage.English).Select(example => example.Group)];
        string[] expected =
        [
            "tap", "long_press", "double_tap", "type", "launch", "finish", "search", "sensitive", "back", "home", "wait", "swipe", "note", "call_api", "loading", "take_over", "reload", "no_screen",
        ];
        Assert.Empty(expected.Except(groups));
    }

    static NanoExample[] Made(NanoSplit split, NanoLanguage language)
    {
        Dice dice = new(11);
        return [.. Enumerable.Range(0, Many).Select(_ => PhoneTasks.Make(dice, split, language))];
    }

    [GeneratedRegex("^<think>[^<>]+</think><answer>([^<>]+)</answer>$")]
    private static partial Regex Turn();

    [GeneratedRegex("""
        ^(do\(action="(Launch", app="[^"]+"|Tap", element=\[(?<n>\d+),(?<n>\d+)\](, message="重要操作")?|(Long Press|Double Tap)", element=\[(?<n>\d+),(?<n>\d+)\]|Type", text="[^"]+"|Swipe", start=\[(?<n>\d+),(?<n>\d+)\], end=\[(?<n>\d+),(?<n>\d+)\]|Back"|Home"|Wait", duration="\d+ seconds"|Note", message="True"|Call_API", instruction="[^"]+"|Take_over", message="[^"]+")\)|finish\(message="[^"]+"\))$
        """)]
    private static partial Regex Action();

    [GeneratedRegex(@"\[\d+,\d+\]")]
    private static partial Regex Place();

    [GeneratedRegex("<think>(.+)(: not on|：不在)")]
    private static partial Regex Missed();
}
