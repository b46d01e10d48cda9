using System.Runtime.InteropServices;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>
/// Proposes what a smaller model of the same vocabulary would say, all sequences in one batch. It keeps its own keys and values, reads
/// what was really said before it goes on, and forgets what it guessed wrong.
/// </summary>
/// <remarks>Source: Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding".</remarks>
sealed class DraftModel : IProposer
{
    const double NewestWeight = 1.0 / 16;

    readonly IModelRunner _runner;
    readonly TimeProvider _time;
    readonly KvMemory _memory;
    readonly Batch _batch;
    readonly Dictionary<Sequence, Shadow> _shadows = [];
    readonly List<(Shadow Shadow, Sequence Sequence, int Room)> _active = [];

    /// <summary>Proposals by a runner, which is disposed with this.</summary>
    internal DraftModel(IModelRunner runner, TimeProvider time)
    {
        _runner = runner;
        _time = time;
        _memory = new KvMemory(runner.Pool);
        _batch = new Batch(runner.Limits.MaxSequences);
    }

    public double SecondsPerGuess { get; private set; }

    public Evidence EvidenceFor(Sequence sequence) => new(GuessOrigin.Model, 0);

    public void Propose(ReadOnlySpan<Sequence> writing, ReadOnlySpan<int> room)
    {
        _active.Clear();
        for (int i = 0; i < writing.Length; i++)
        {
            if (room[i] > 0 && Follow(writing[i], room[i]) is { } shadow)
            {
                _active.Add((shadow, writing[i], room[i]));
            }
        }

        while (_active.Count > 0)
        {
            long start = _time.GetTimestamp();
            bool isOneEach = Fill();
            if (_batch.Tokens == 0)
            {
                return;
            }

            _runner.Run(_batch);
            if (isOneEach)
            {
                double seconds = _time.GetElapsedTime(start).TotalSeconds / _batch.Tokens;
                SecondsPerGuess += (SecondsPerGuess == 0 ? 1 : NewestWeight) * (seconds - SecondsPerGuess);
            }

            Take();
        }
    }

    public void Ended(Sequence sequence) => Forget(sequence);

    void Forget(Sequence sequence)
    {
        if (_shadows.Remove(sequence, out Shadow? shadow))
        {
            _memory.Release(shadow.Self.Blocks);
        }
    }

    public void Dispose() => _runner.Dispose();

    /// <summary>The shadow of a sequence, brought to what was really said; null where there is no memory for it.</summary>
    Shadow? Follow(Sequence sequence, int room)
    {
        if (sequence.Tokens.Count + room > _runner.Limits.ContextLength)
        {
            Forget(sequence);
            return null;
        }

        if (!_shadows.TryGetValue(sequence, out Shadow? shadow))
        {
            shadow = new Shadow(sequence);
            _shadows.Add(sequence, shadow);
        }

        // Up to where it last followed it agrees; behind that stand its own guesses, right ones and wrong ones.
        ReadOnlySpan<int> said = CollectionsMarshal.AsSpan(sequence.Tokens);
        List<int> tokens = shadow.Self.Tokens;
        int agreed = shadow.Followed + said[shadow.Followed..].CommonPrefixLength(CollectionsMarshal.AsSpan(tokens)[shadow.Followed..]);
        tokens.RemoveRange(agreed, tokens.Count - agreed);
        tokens.AddRange(said[agreed..]);
        shadow.Followed = tokens.Count;

        // The last token's logits are always needed.
        shadow.Self.Computed = Math.Min(shadow.Self.Computed, Math.Min(agreed, tokens.Count - 1));
        if (!_memory.TryGrow(shadow.Self.Blocks, tokens.Count + room))
        {
            Forget(sequence);
            return null;
        }

        return shadow;
    }

    /// <summary>Fills the batch with what each active shadow has yet to read; says whether that was a single token for each.</summary>
    bool Fill()
    {
        _batch.Clear();
        int left = _runner.Limits.MaxTokens;
        bool isOneEach = true;
        for (int i = 0; i < _active.Count && left > 0; i++)
        {
            Sequence self = _active[i].Shadow.Self;
            int count = Math.Min(self.Pending, left);
            isOneEach &= self.Pending == 1;
            _batch.Add(self, self.Computed, count, count == self.Pending ? 1 : 0);
            left -= count;
        }

        return isOneEach && _batch.Entries.Length == _active.Count;
    }

    void Take()
    {
        int vocab = _runner.Limits.Vocab;
        for (int i = _batch.Entries.Length - 1; i >= 0; i--)
        {
            BatchEntry entry = _batch.Entries[i];
            (Shadow shadow, Sequence sequence, int room) = _active[i];
            shadow.Self.Computed = entry.Start + entry.Count;
            if (entry.Outputs > 0)
            {
                int guess = Argmax.Of(_runner.Logits(entry.FirstOutput)[..vocab]).Index;
                if (guess >= 0)
                {
                    shadow.Self.Tokens.Add(guess);
                    sequence.Drafts.Add(guess);
                }

                if (guess < 0 || sequence.Drafts.Count == room)
                {
                    _active.RemoveAt(i);
                }
            }
            else
            {
                // A long text is read over several steps, and nobody waits for it.
                _active.RemoveAt(i);
            }
        }

        // Who did not fit the batch waits for the next step too.
        if (_active.Count > _batch.Entries.Length)
        {
            _active.RemoveRange(_batch.Entries.Length, _active.Count - _batch.Entries.Length);
        }
    }

    /// <summary>What stands for a sequence in the smaller model's batches.</summary>
    sealed class Shadow(Sequence of)
    {
        internal Sequence Self { get; } = new(of.Id, of.Request, of.MaxTokens, seed: 0, eventBuffer: 1, _ => { });

        /// <summary>How many tokens of the sequence it had when it last followed.</summary>
        internal int Followed { get; set; }
    }
}
