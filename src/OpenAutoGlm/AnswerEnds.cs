using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm;

/// <summary>How an answer's last event becomes an exception, for callers that want text or an error.</summary>
static class AnswerEnds
{
    /// <summary>Throws unless the answer came to its end.</summary>
    /// <exception cref="SequenceFailedException">A step failed.</exception>
    /// <exception cref="SequenceCancelledException">It was cancelled.</exception>
    internal static void ThrowUnlessWhole(this ChoiceFinished end)
    {
        switch (end.Reason)
        {
            case FinishReason.Failed:
                throw end.Error as SequenceFailedException ?? new SequenceFailedException("The answer failed.", end.Error);

            case FinishReason.Cancelled:
                throw new SequenceCancelledException(end.Cancellation, "The answer was cancelled.");
        }
    }
}
