using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>Where a parameter may stand.</summary>
[Flags]
enum Routes
{
    Chat = 1,
    Completions = 2,
    Both = Chat | Completions,
}

/// <summary>What becomes of a parameter.</summary>
enum Treatment
{
    /// <summary>It does what it says.</summary>
    Honoured,

    /// <summary>It is checked and has no effect, because there is nothing here that it could affect.</summary>
    Accepted,

    /// <summary>It is known and not supported: only the value that asks for nothing passes.</summary>
    Refused,
}

/// <summary>A name that a request may carry.</summary>
/// <param name="Name">The name.</param>
/// <param name="Routes">Where it may stand.</param>
/// <param name="Treatment">What becomes of it.</param>
/// <param name="Values">Type, range and default, for people.</param>
/// <param name="Meaning">What it does, or why it does nothing.</param>
/// <param name="Read">Puts its value into the draft, or refuses it. Is never given null, which means absent everywhere.</param>
sealed record Parameter(string Name, Routes Routes, Treatment Treatment, string Values, string Meaning, Action<RequestDraft, RequestValue> Read);
