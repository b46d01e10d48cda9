using OpenAutoGlm.Engine.Constraints.Masks;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>What a byte does to the topmost frame.</summary>
enum Move : byte
{
    /// <summary>No text of the language goes on so.</summary>
    Dead,

    /// <summary>The frame becomes another.</summary>
    Stay,

    /// <summary>A part begins: the frame becomes another, which waits under a new one.</summary>
    Push,

    /// <summary>The byte ends the frame, which hands its result to the one below.</summary>
    Pop,

    /// <summary>The frame ended before the byte, which is for the one below.</summary>
    Yield,
}

/// <summary>A byte's effect.</summary>
/// <param name="Move">What happens.</param>
/// <param name="Next">The frame afterwards, for Stay and Push.</param>
/// <param name="Child">The new frame on top, for Push.</param>
/// <param name="Result">What is handed down, for Pop and Yield.</param>
sealed record Edge(Move Move, Frame? Next = null, Frame? Child = null, object? Result = null)
{
    public static Edge Dead { get; } = new(Move.Dead);

    public static Edge Stay(Frame next) => new(Move.Stay, next);

    public static Edge Push(Frame next, Frame child) => new(Move.Push, next, child);

    public static Edge Pop(object result) => new(Move.Pop, Result: result);

    public static Edge Yield(object result) => new(Move.Yield, Result: result);
}

/// <summary>
/// One level of what has been read: a value of JSON, a state of a regular expression. What follows a frame depends on it
/// alone, apart from what comes after its end. So frames are made once for each state that is met (two that are equal are
/// the same object within a constraint), their steps are worked out when first needed, and so is the part of a mask that
/// does not look below. Every frame can still reach its end.
/// </summary>
abstract class Frame
{
    readonly Edge?[] _edges = new Edge?[256];
    Dictionary<object, Frame?>? _resumed;

    /// <summary>What it hands down if nothing more of it comes; null where it has not ended.</summary>
    internal virtual object? Completed => null;

    /// <summary>Whether, at the bottom, the whole text is complete.</summary>
    internal virtual bool IsFinal => false;

    /// <summary>
    /// How many plain characters (see <see cref="ConstraintVocabulary.PlainUpTo"/>) may follow, whichever they are; any
    /// more are too many. −1 where it depends on the characters.
    /// </summary>
    internal virtual int FreeCharacters => -1;

    /// <summary>
    /// Whether <see cref="FreeCharacters"/> holds of escaped characters too, and the quote that ends the text does the same
    /// whatever stands before it, unless that is one of <see cref="Exceptions"/>.
    /// </summary>
    internal virtual bool IsUniform => false;

    /// <summary>Texts after which the quote does something else.</summary>
    internal virtual IEnumerable<byte[]> Exceptions => [];

    /// <summary>What the quote does after a text that is no exception.</summary>
    internal virtual Edge UniformClose => Edge.Dead;

    /// <summary>A frame that no token of the vocabulary tells from this one; most often itself.</summary>
    internal virtual Frame Twin => this;

    /// <summary>The part of the mask that does not depend on the frames below; made by <see cref="MaskBuilder"/>.</summary>
    internal FrameMask? Mask { get; set; }

    /// <summary>The effect of a byte.</summary>
    internal Edge Step(byte value) => _edges[value] ??= Compute(value);

    /// <summary>The frame after one above it has ended; null where that result leaves nothing possible.</summary>
    internal Frame? Resume(object result)
    {
        _resumed ??= [];
        if (!_resumed.TryGetValue(result, out Frame? frame))
        {
            frame = ComputeResumed(result);
            _resumed.Add(result, frame);
        }

        return frame;
    }

    private protected abstract Edge Compute(byte value);

    private protected virtual Frame? ComputeResumed(object result) => throw new InvalidOperationException($"{GetType().Name} waits for nothing.");
}

/// <summary>The frames below the topmost one. Equal stacks of a constraint are the same object.</summary>
sealed record FrameStack(Frame Top, FrameStack? Below)
{
    public bool Equals(FrameStack? other) => other is not null && ReferenceEquals(Top, other.Top) && ReferenceEquals(Below, other.Below);

    public override int GetHashCode() => HashCode.Combine(
        System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(Top), Below is null ? 0 : System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(Below));
}

/// <summary>A place in a text: the topmost frame and those below.</summary>
readonly record struct Place(Frame Top, FrameStack? Below)
{
    public bool Equals(Place other) => ReferenceEquals(Top, other.Top) && ReferenceEquals(Below, other.Below);

    public override int GetHashCode() => HashCode.Combine(
        System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(Top), Below is null ? 0 : System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(Below));

    /// <summary>Whether the text may end here.</summary>
    internal bool IsFinal
    {
        get
        {
            (Frame? top, FrameStack? below) = (Top, Below);
            while (true)
            {
                if (below is null)
                {
                    return top.IsFinal;
                }

                if (top.Completed is not { } result || below.Top.Resume(result) is not { } resumed)
                {
                    return false;
                }

                (top, below) = (resumed, below.Below);
            }
        }
    }
}

/// <summary>A language: where its texts begin, and how many frames were made for it.</summary>
abstract class Machine
{
    /// <summary>The place before the first byte.</summary>
    internal abstract Place Start { get; }

    /// <summary>Lets go of frames that are kept only to be found again, when there are too many or they hold too much.</summary>
    internal abstract void Trim(bool force);
}
