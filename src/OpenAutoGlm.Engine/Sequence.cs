using System.Threading.Channels;

namespace OpenAutoGlm.Engine;

/// <summary>
/// A request that an <see cref="InferenceEngine"/> accepted: its tokens as they come, and how it ends. It ends in
/// exactly one of finished (<see cref="FinishReason.Stop"/>, <see cref="FinishReason.Length"/>), failed and cancelled.
/// </summary>
public sealed class Sequence
{
    internal Sequence()
    {
    }

    /// <summary>A number that no other sequence of the engine has; later sequences have larger ones.</summary>
    public long Id => throw new NotSupportedException();

    /// <summary>What was asked for.</summary>
    public SequenceRequest Request => throw new NotSupportedException();

    /// <summary>
    /// The generated tokens, for one reader. It completes when the sequence has ended; where that is not a finish,
    /// reading past the last token throws: <see cref="SequenceFailedException"/> for a failure,
    /// <see cref="SequenceCancelledException"/> for a cancellation. The buffer is bounded
    /// (<see cref="EngineOptions.EventBuffer"/>): a reader that stays away loses the sequence.
    /// </summary>
    public ChannelReader<TokenEvent> Events => throw new NotSupportedException();

    /// <summary>How the sequence ended. Never faults and is never cancelled itself.</summary>
    public Task<SequenceOutcome> Completion => throw new NotSupportedException();

    /// <summary>Asks for the end of the sequence. Any number of calls, at any time, from any thread.</summary>
    public void Cancel() => throw new NotSupportedException();
}
