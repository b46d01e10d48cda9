using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Beams;

/// <summary>A token that may follow one of the continuations, and the log probability of that continuation with it.</summary>
readonly record struct BeamCandidate(int Branch, int Token, double LogProbability);

/// <summary>
/// The continuations of a beam search and the answers that are complete. Pure: it is given log probabilities and says which tokens follow which continuation.
/// </summary>
/// <remarks>Equals are ordered by branch and token, so that the same numbers give the same answers.</remarks>
sealed class BeamFrontier(BeamOptions options, ImmutableArray<int> stopTokens, int maxTokens)
{
    readonly List<BeamResult> _complete = []; // best first, at most Width
    readonly List<BeamCandidate> _next = [];

    /// <summary>Whether nothing can improve the answers any more.</summary>
    internal bool IsDone { get; private set; }

    /// <summary>The best complete answers, best first.</summary>
    internal ImmutableArray<BeamResult> Results => [.. _complete.Take(options.Results)];

    /// <summary>
    /// Chooses how the search goes on.
    /// </summary>
    /// <param name="candidates">For each branch at least its 2 × width most likely continuations.</param>
    /// <param name="answerOf">The tokens that a branch has written.</param>
    /// <returns>The continuations that are followed from now on, the most likely first; none when the search is done.</returns>
    internal IReadOnlyList<BeamCandidate> Advance(List<BeamCandidate> candidates, Func<int, ReadOnlySpan<int>> answerOf)
    {
        candidates.Sort(static (a, b) =>
            a.LogProbability != b.LogProbability ? b.LogProbability.CompareTo(a.LogProbability)
            : a.Branch != b.Branch ? a.Branch.CompareTo(b.Branch)
            : a.Token.CompareTo(b.Token));
        _next.Clear();
        int length = 0;
        for (int rank = 0; rank < candidates.Count && _next.Count < options.Width; rank++)
        {
            BeamCandidate candidate = candidates[rank];
            ReadOnlySpan<int> answer = answerOf(candidate.Branch);
            length = answer.Length + 1;
            if (stopTokens.Contains(candidate.Token))
            {
                // An answer that ends here counts only where it would have been followed otherwise.
                if (rank < options.Width)
                {
                    Complete(candidate, answer, FinishReason.Stop);
                }
            }
            else if (length == maxTokens)
            {
                Complete(candidate, answer, FinishReason.Length);
                _next.Add(candidate);
            }
            else
            {
                _next.Add(candidate);
            }
        }

        IsDone = _next.Count == 0 || length == maxTokens || (_complete.Count == options.Width && (options.EarlyStopping || Score(_next[0].LogProbability, length) <= _complete[^1].Score));
        if (IsDone)
        {
            _next.Clear();
        }

        return _next;
    }

    double Score(double logProbability, int length) => logProbability / Math.Pow(length, options.LengthPenalty);

    void Complete(BeamCandidate candidate, ReadOnlySpan<int> answer, FinishReason reason)
    {
        double score = Score(candidate.LogProbability, answer.Length + 1);
        int place = _complete.Count;
        while (place > 0 && score > _complete[place - 1].Score)
        {
            place--;
        }

        _complete.Insert(place, new BeamResult([.. answer, candidate.Token], candidate.LogProbability, score, reason));
        if (_complete.Count > options.Width)
        {
            _complete.RemoveAt(options.Width);
        }
    }
}
