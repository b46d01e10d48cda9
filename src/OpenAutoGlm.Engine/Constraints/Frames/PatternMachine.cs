using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Frames;

/// <summary>The texts of an automaton.</summary>
sealed class PatternMachine : Machine
{
    readonly Dfa _automaton;
    readonly StateFrame?[] _frames;

    public PatternMachine(Dfa automaton)
    {
        _automaton = automaton;
        _frames = new StateFrame?[automaton.StateCount];
    }

    internal override Place Start => new(Of(_automaton.Start), null);

    internal override void Trim(bool force)
    {
        if (force)
        {
            Array.Clear(_frames);
        }
    }

    StateFrame Of(int state) => _frames[state] ??= new StateFrame(this, state);

    sealed class StateFrame(PatternMachine machine, int state) : Frame
    {
        internal override bool IsFinal => machine._automaton.IsAccepting(state);

        private protected override Edge Compute(byte value) =>
            machine._automaton.Step(state, value) is >= 0 and int next ? Edge.Stay(machine.Of(next)) : Edge.Dead;
    }
}
