using OpenAutoGlm.Engine.Constraints.Frames;

namespace OpenAutoGlm.Engine.Constraints.Calls;

/// <summary>A place in the text around the values of calls: some fixed texts may follow, or a value of another language.</summary>
abstract record CallNode
{
    /// <summary>One of some texts, none of which begins another; each leads on.</summary>
    internal sealed record Branch(IReadOnlyList<(byte[] Text, Func<CallNode> Next)> Options, bool IsFinal = false) : CallNode;

    /// <summary>A value; what follows it must be a branch.</summary>
    internal sealed record Value(Machine Machine, Func<CallNode> Next) : CallNode;
}

/// <summary>
/// Calls of tools: texts that a format puts around names and arguments, with languages of their own for the arguments.
/// Nodes are made when they are reached, and each once.
/// </summary>
sealed class CallMachine : Machine
{
    readonly Dictionary<CallNode, Frame> _frames = new(ReferenceEqualityComparer.Instance);
    readonly HashSet<Machine> _parts = [];

    public CallMachine(CallNode start)
    {
        Start = start is CallNode.Value value
            ? new Place(Part(value.Machine), new FrameStack(Of(value), null))
            : new Place(Of(start), null);
    }

    internal override Place Start { get; }

    internal override void Trim(bool force)
    {
        foreach (Machine part in _parts)
        {
            part.Trim(force);
        }
    }

    Frame Part(Machine machine)
    {
        _parts.Add(machine);
        return machine.Start.Top;
    }

    Frame Of(CallNode node)
    {
        if (!_frames.TryGetValue(node, out Frame? frame))
        {
            frame = node is CallNode.Branch branch ? TreeFrame.Root(this, branch) : new WaitFrame(this, (CallNode.Value)node);
            _frames.Add(node, frame);
        }

        return frame;
    }

    Edge Enter(CallNode node) => node is CallNode.Value value ? Edge.Push(Of(value), Part(value.Machine)) : Edge.Stay(Of(node));

    /// <summary>Within one of some texts: a node of the tree that they make.</summary>
    sealed class TreeFrame(CallMachine machine, bool isFinal) : Frame
    {
        readonly Dictionary<byte, TreeFrame> _longer = [];
        Func<CallNode>? _next;

        internal override bool IsFinal => isFinal;

        public static TreeFrame Root(CallMachine machine, CallNode.Branch branch)
        {
            TreeFrame root = new(machine, branch.IsFinal);
            foreach ((byte[] text, Func<CallNode> next) in branch.Options)
            {
                TreeFrame at = root;
                foreach (byte value in text)
                {
                    if (!at._longer.TryGetValue(value, out TreeFrame? longer))
                    {
                        at._longer.Add(value, longer = new TreeFrame(machine, false));
                    }

                    at = longer;
                }

                at._next = next;
            }

            return root;
        }

        private protected override Edge Compute(byte value) =>
            !_longer.TryGetValue(value, out TreeFrame? longer) ? Edge.Dead
            : longer._next is { } next ? machine.Enter(next())
            : Edge.Stay(longer);
    }

    /// <summary>Waits for a value to end, whatever it was.</summary>
    sealed class WaitFrame(CallMachine machine, CallNode.Value value) : Frame
    {
        private protected override Edge Compute(byte next) => Edge.Dead;

        private protected override Frame ComputeResumed(object result) => machine.Of(value.Next());
    }
}
