using OpenAutoGlm.Engine.Constraints.Frames;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>
/// A constraint over a vocabulary, shared by all answers under it: what one answer has worked out serves the next. Safe for
/// use from many threads.
/// </summary>
public sealed class CompiledConstraint
{
    const int MaxMasks = 128; // in each of two generations
    const int MaxStacks = 100_000;
    const long MaxMaskBytes = 32 << 20;

    readonly Lock _lock = new();
    readonly Machine _machine;
    readonly MaskBuilder _builder;
    readonly Dictionary<FrameStack, FrameStack> _stacks = [];
    Dictionary<Place, TokenSet> _masks = [];
    Dictionary<Place, TokenSet> _olderMasks = [];

    internal CompiledConstraint(OutputConstraint constraint, ConstraintVocabulary vocabulary, CancellationToken cancellation)
    {
        (Constraint, Vocabulary) = (constraint, vocabulary);
        _machine = constraint.ToMachine(vocabulary, cancellation);
        _builder = new MaskBuilder(vocabulary);
    }

    /// <summary>What was compiled.</summary>
    public OutputConstraint Constraint { get; }

    internal ConstraintVocabulary Vocabulary { get; }

    internal Place Start => _machine.Start;

    /// <summary>A mask for one answer.</summary>
    /// <param name="after">
    /// Where the constraint begins: after the first occurrence of this text or special token, for models that think first
    /// (&lt;/think&gt;). Before it everything but the end is allowed. null to begin at once.
    /// </param>
    public ITokenMask CreateMask(string? after = null) => new ConstraintMask(this, after);

    /// <summary>The tokens that may come at a place.</summary>
    internal TokenSet Allowed(Place place)
    {
        lock (_lock)
        {
            if (_masks.TryGetValue(place, out TokenSet? known))
            {
                return known;
            }

            if (!_olderMasks.TryGetValue(place, out known))
            {
                known = _builder.Build(place);
            }

            if (_masks.Count >= MaxMasks)
            {
                (_masks, _olderMasks) = ([], _masks);
            }

            _masks.Add(place, known);
            return known;
        }
    }

    /// <summary>The place after some bytes; null where they may not come.</summary>
    internal Place? Advance(Place place, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            bool isFull = _builder.Bytes > MaxMaskBytes;
            _machine.Trim(isFull);
            if (isFull || _stacks.Count > MaxStacks)
            {
                _builder.Bytes = 0;
                _stacks.Clear();
                _masks.Clear();
                _olderMasks.Clear();
            }

            foreach (byte value in bytes)
            {
                if (Step(place, value) is not { } next)
                {
                    return null;
                }

                place = next;
            }

            return place;
        }
    }

    Place? Step(Place place, byte value)
    {
        (Frame top, FrameStack? below) = place;
        while (true)
        {
            Edge edge = top.Step(value);
            switch (edge.Move)
            {
                case Move.Stay:
                    return new Place(edge.Next!, below);
                case Move.Push:
                    return new Place(edge.Child!, Stack(edge.Next!, below));
                case Move.Pop when below?.Top.Resume(edge.Result!) is { } resumed:
                    return new Place(resumed, below.Below);
                case Move.Yield when below?.Top.Resume(edge.Result!) is { } resumed:
                    (top, below) = (resumed, below.Below);
                    continue;
                default:
                    return null;
            }
        }
    }

    FrameStack Stack(Frame top, FrameStack? below)
    {
        FrameStack stack = new(top, below);
        if (!_stacks.TryGetValue(stack, out FrameStack? known))
        {
            _stacks.Add(stack, stack);
            known = stack;
        }

        return known;
    }
}
