using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Scheduling;

namespace OpenAutoGlm.Engine.Beams;

/// <summary>
/// A beam search that an <see cref="InferenceEngine"/> accepted. Its continuations run as sequences among all others, share the memory of what
/// they have in common, and wait for one another before the best of their continuations are followed.
/// </summary>
public sealed class BeamSearch
{
    readonly BeamOptions _options;
    readonly BeamFrontier _frontier;
    readonly TaskCompletionSource<ImmutableArray<BeamResult>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly List<BeamCandidate> _candidates = [];
    readonly double[] _sums; // by branch: log probability so far
    readonly bool[] _hasArrived;
    readonly bool[] _isFollowed;

    internal BeamSearch(BeamOptions options, ImmutableArray<Sequence> branches)
    {
        _options = options;
        Branches = branches;
        _frontier = new BeamFrontier(options, branches[0].Request.StopTokens, branches[0].MaxTokens);
        _sums = new double[branches.Length];
        _hasArrived = new bool[branches.Length];
        _isFollowed = new bool[branches.Length];
        _isFollowed[0] = true;
    }

    /// <summary>The best answers, best first. Throws <see cref="SequenceFailedException"/> where a step failed and <see cref="SequenceCancelledException"/> where it was cancelled.</summary>
    public Task<ImmutableArray<BeamResult>> Completion => _completion.Task;

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens => Branches[0].Request.Prompt.Length;

    internal ImmutableArray<Sequence> Branches { get; }

    /// <summary>Asks for the end of the search. Any number of calls, at any time, from any thread.</summary>
    public void Cancel() => Branches[0].Cancel();

    /// <summary>Whether a branch has computed its logits and waits for the others.</summary>
    internal bool HasArrived(Sequence branch) => _hasArrived[Branches.IndexOf(branch)];

    /// <summary>Takes the logits of a branch. logits: [vocab]. Says whether it was the last to come.</summary>
    /// <exception cref="ArithmeticException">A logit is no number, or no token is allowed.</exception>
    internal bool Arrive(Sequence branch, Sampler sampler, ReadOnlySpan<float> logits)
    {
        int index = Branches.IndexOf(branch);
        TokenHistory? history = null;
        if (branch.Request.Sampling.HasPenalties)
        {
            history = new TokenHistory(branch.Request.Prompt.AsSpan());
            foreach (int token in Answer(index))
            {
                history.Add(token);
            }
        }

        foreach ((int token, float logprob) in sampler.Likeliest(logits, branch.Request.Sampling, history, 2 * _options.Width))
        {
            _candidates.Add(new BeamCandidate(index, token, _sums[index] + logprob));
        }

        _hasArrived[index] = true;
        return _hasArrived.AsSpan().SequenceEqual(_isFollowed);
    }

    /// <summary>Follows the best continuations; says whether the search is done instead.</summary>
    internal bool Advance(Scheduler scheduler)
    {
        IReadOnlyList<BeamCandidate> next = _frontier.Advance(_candidates, Answer);
        _candidates.Clear();
        Array.Clear(_hasArrived);
        if (_frontier.IsDone)
        {
            return true;
        }

        // The first continuation of a branch stays in its place; the others take those of branches that nobody follows.
        BeamCandidate?[] stays = new BeamCandidate?[Branches.Length];
        List<BeamCandidate> moves = [];
        foreach (BeamCandidate candidate in next)
        {
            if (stays[candidate.Branch] is null)
            {
                stays[candidate.Branch] = candidate;
            }
            else
            {
                moves.Add(candidate);
            }
        }

        Array.Clear(_isFollowed);
        Queue<int> free = new();
        for (int branch = 0; branch < Branches.Length; branch++)
        {
            if (stays[branch] is null)
            {
                scheduler.Hold(Branches[branch]);
                free.Enqueue(branch);
            }
        }

        foreach (BeamCandidate candidate in moves)
        {
            int branch = free.Dequeue();
            Sequence target = Branches[branch];
            target.Tokens.Clear();
            target.Tokens.AddRange(Branches[candidate.Branch].Tokens);
            scheduler.ForkOrWait(Branches[candidate.Branch], target);
            Write(branch, candidate);
        }

        for (int branch = 0; branch < Branches.Length; branch++)
        {
            if (stays[branch] is { } candidate)
            {
                Write(branch, candidate);
                scheduler.Unhold(Branches[branch]);
            }
        }

        return false;

        void Write(int branch, BeamCandidate candidate)
        {
            Branches[branch].Tokens.Add(candidate.Token);
            _sums[branch] = candidate.LogProbability;
            _isFollowed[branch] = true;
        }
    }

    /// <summary>Tells whoever waits how it ended.</summary>
    internal void End(in Ending ending)
    {
        switch (ending.Reason)
        {
            case FinishReason.Failed:
                _completion.TrySetException(ending.Error!);
                break;
            case FinishReason.Cancelled:
                _completion.TrySetException(new SequenceCancelledException(ending.Cancellation, "The beam search was cancelled."));
                break;
            default:
                _completion.TrySetResult(_frontier.Results);
                break;
        }
    }

    ReadOnlySpan<int> Answer(int branch) => CollectionsMarshal.AsSpan(Branches[branch].Tokens)[PromptTokens..];
}
