using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Access;

namespace OpenAutoGlm.Server.Operations;

/// <summary>What the server knows of a request while it runs and will log of it. It takes nothing that a client wrote.</summary>
sealed class RequestRecord
{
    static readonly AsyncLocal<RequestRecord?> Flowing = new();

    int _events;
    int _written;
    long _reserved;
    int _read;
    bool _settled;

    /// <summary>The request that the calling code works for; null where it works for none.</summary>
    public static RequestRecord? Current
    {
        get => Flowing.Value is { _settled: false } record ? record : null;
        set => Flowing.Value = value;
    }

    /// <summary>The served model's own id.</summary>
    public string Model { get; set; } = "-";

    public int PromptTokens { get; set; }

    public int CompletionTokens { get; set; }

    /// <summary>Tokens written so far, while the answer is written; null before.</summary>
    public Func<int>? Written { get; set; }

    /// <summary>The code of the error that ended it, also where it ended a stream with status 200.</summary>
    public string Outcome { get; set; } = "ok";

    /// <summary>Who sent it; null where no key says.</summary>
    public Caller? Caller { get; set; }

    /// <summary>Where the time of its first choice that ended went; null before.</summary>
    public SequenceTimings? Timings { get; private set; }

    /// <summary>Tokens written so far; while choices run one for each event, which is about what there is.</summary>
    public int WrittenTokens => Math.Max(Volatile.Read(ref _written), Volatile.Read(ref _events));

    public static RequestRecord Of(HttpContext context) => context.Features.Get<RequestRecord>() ?? new();

    /// <summary>Takes tokens from the caller's allowance before they are written.</summary>
    public void Reserve(long tokens)
    {
        if (Caller is { } caller)
        {
            caller.ReserveTokens(tokens);
            Interlocked.Add(ref _reserved, Math.Min(tokens, caller.Key.TokensPerMinute ?? tokens));
        }
    }

    public void CountPrompt(int tokens) => Interlocked.Add(ref _read, tokens);

    /// <summary>Counts a piece of an answer.</summary>
    public void CountEvent() => Interlocked.Increment(ref _events);

    /// <summary>Counts the tokens of a choice that ended.</summary>
    public void CountChoice(ChoiceFinished finished)
    {
        Interlocked.Add(ref _written, finished.Usage.CompletionTokens);
        Timings ??= finished.Timings;
    }

    /// <summary>Sets the caller's allowance right when all is over.</summary>
    public void Settle()
    {
        _settled = true;
        Caller?.Settle((long)Math.Max(_read, PromptTokens) + Math.Max(_written > 0 ? _written : _events, CompletionTokens), _reserved);
    }
}
