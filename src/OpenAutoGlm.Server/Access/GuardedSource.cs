using System.Runtime.CompilerServices;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// Holds requests to what their key entitles to and to the server's limit of time. It stands at the wall to the engine, so
/// that no dialect can forget it. Work that belongs to no request, such as a batch that was taken up again, has no key.
/// </summary>
sealed class GuardedSource(ITextSource inner, string model, TimeSpan? timeLimit) : ITextSource
{
    public InferenceEngine? Engine => inner.Engine;

    public ITextTools? Tools => RequestRecord.Current?.Caller is { } caller && !caller.MayUse(model)
        ? throw new ApiException(ApiError.Forbidden("model_not_allowed", $"The key '{caller.Key.Name}' is not good for the model '{model}'."))
        : inner.Tools;

    public ITextRun Start(GenerationRequest request, CancellationToken cancellation)
    {
        RequestRecord? record = RequestRecord.Current;
        GenerationRequest limited = record?.Caller is { } caller ? caller.Limit(model, request) : request;
        if (timeLimit is not null && (limited.Timeout is null || limited.Timeout > timeLimit))
        {
            limited = limited with { Timeout = timeLimit };
        }

        record?.Reserve((long)(limited.MaxTokens ?? 0) * limited.Choices);
        ITextRun run = inner.Start(limited, cancellation);
        record?.CountPrompt(run.PromptTokens);
        return new Run(run, record, limited.Timeout);
    }

    sealed class Run(ITextRun inner, RequestRecord? record, TimeSpan? timeLimit) : ITextRun
    {
        public int PromptTokens => inner.PromptTokens;

        public int GeneratedTokens => inner.GeneratedTokens;

        public async IAsyncEnumerable<GenerationEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            await foreach (GenerationEvent next in inner.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                if (next is ChoiceFinished finished)
                {
                    record?.CountChoice(finished);
                    if (finished is { Cancellation: CancellationReason.Deadline })
                    {
                        throw new ApiException(ApiError.TookTooLong(timeLimit!.Value));
                    }
                }
                else
                {
                    record?.CountEvent();
                }

                yield return next;
            }
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
