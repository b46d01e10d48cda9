using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Operations;

/// <summary>What the log will say of a request. It takes nothing that a client wrote.</summary>
sealed class RequestRecord
{
    /// <summary>The served model's own id.</summary>
    public string Model { get; set; } = "-";

    public int PromptTokens { get; set; }

    public int CompletionTokens { get; set; }

    /// <summary>Tokens written so far, while the answer is written; null before.</summary>
    public Func<int>? Written { get; set; }

    /// <summary>The code of the error that ended it, also where it ended a stream with status 200.</summary>
    public string Outcome { get; set; } = "ok";

    public static RequestRecord Of(HttpContext context) => context.Features.Get<RequestRecord>() ?? new();
}
