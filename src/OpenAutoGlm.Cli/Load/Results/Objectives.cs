using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Load.Client;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>What a request must keep to count as good. One that did not finish never does.</summary>
/// <param name="FirstToken">Longest time to the first token.</param>
/// <param name="PerOutputToken">Longest time for each token after it.</param>
/// <param name="EndToEnd">Longest time to the end.</param>
sealed record Objectives(TimeSpan? FirstToken, TimeSpan? PerOutputToken, TimeSpan? EndToEnd)
{
    public bool Any => FirstToken is not null || PerOutputToken is not null || EndToEnd is not null;

    public bool Met(RequestRecord record) => record.Finished
        && !(record.TimeToFirstToken > FirstToken?.TotalSeconds)
        && !(record.TimePerOutputToken > PerOutputToken?.TotalSeconds)
        && !(record.EndToEnd > EndToEnd?.TotalSeconds);

    public JsonObject ToJson() => new()
    {
        ["ttftMs"] = FirstToken?.TotalMilliseconds,
        ["tpotMs"] = PerOutputToken?.TotalMilliseconds,
        ["e2eMs"] = EndToEnd?.TotalMilliseconds,
    };

    public override string ToString() => string.Join(", ", new[] { ("first token", FirstToken), ("each further token", PerOutputToken), ("whole answer", EndToEnd) }
        .Where(part => part.Item2 is not null)
        .Select(part => $"{part.Item1} within {Consoles.Units.Duration(part.Item2!.Value)}"));
}
