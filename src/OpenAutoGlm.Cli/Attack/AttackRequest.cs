using System.Text;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>What is sent, and what may be expected of it.</summary>
/// <param name="Route">Where it goes, for the report.</param>
/// <param name="Kind">What was done to it, for the report.</param>
/// <param name="Pieces">Bytes, one write each.</param>
sealed record AttackRequest(string Route, string Kind, IReadOnlyList<byte[]> Pieces)
{
    /// <summary>The address, by which the form of errors is known.</summary>
    public string Path { get; init; } = "/";

    /// <summary>Whether it is whole HTTP, so that an answer is due.</summary>
    public bool IsWhole { get; init; } = true;

    /// <summary>Answers that are due, where requests were sent in a row.</summary>
    public int Answers { get; init; } = 1;

    /// <summary>Whether an answer has no body, whatever its headers say.</summary>
    public bool IsHead { get; init; }

    /// <summary>Bytes of the answer after which the client goes; null to read all.</summary>
    public int? LeaveAfter { get; init; }

    /// <summary>The bytes as one text, for a report; a NUL as ␀, long ones cut.</summary>
    public string Preview
    {
        get
        {
            string text = Encoding.UTF8.GetString([.. Pieces.SelectMany(piece => piece).Take(2000)]);
            return text.Replace('\0', '␀');
        }
    }
}
