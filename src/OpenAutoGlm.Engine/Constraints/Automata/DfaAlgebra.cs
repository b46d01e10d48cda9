namespace OpenAutoGlm.Engine.Constraints.Automata;

/// <summary>Union, intersection and difference of the languages of automata.</summary>
static class DfaAlgebra
{
    public static Dfa Intersect(Dfa left, Dfa right) =>
        left.IsEmpty || right.IsEmpty ? Dfa.None
        : ReferenceEquals(left, right) ? left
        : Product(left, right, keepsLeft: false, keepsRight: false, (inLeft, inRight) => inLeft && inRight);

    public static Dfa Union(Dfa left, Dfa right) =>
        left.IsEmpty || ReferenceEquals(left, right) ? right
        : right.IsEmpty ? left
        : Product(left, right, keepsLeft: true, keepsRight: true, (inLeft, inRight) => inLeft || inRight);

    /// <summary>What is in one language and not in another.</summary>
    public static Dfa Except(Dfa left, Dfa right) =>
        left.IsEmpty || right.IsEmpty ? left
        : ReferenceEquals(left, right) ? Dfa.None
        : Product(left, right, keepsLeft: true, keepsRight: false, (inLeft, inRight) => inLeft && !inRight);

    /// <summary>Exactly the given strings of UTF-8.</summary>
    public static Dfa Strings(IEnumerable<byte[]> strings)
    {
        NfaBuilder builder = new();
        int start = builder.AddState();
        int end = builder.AddState();
        foreach (byte[] text in strings)
        {
            int at = start;
            for (int i = 0; i < text.Length; i++)
            {
                int next = i == text.Length - 1 ? end : builder.AddState();
                builder.AddEdge(at, text[i], text[i], next);
                at = next;
            }

            if (text.Length == 0)
            {
                builder.AddEmpty(start, end);
            }
        }

        return builder.Determinise(start, end);
    }

    static Dfa Product(Dfa left, Dfa right, bool keepsLeft, bool keepsRight, Func<bool, bool, bool> accepts)
    {
        byte[] classes = DfaExplorer.Refine(left.Classes, right.Classes);
        return DfaExplorer.Explore(
            (Left: 0, Right: 0),
            classes,
            ((int Left, int Right) at, byte value, out (int Left, int Right) next) =>
            {
                next = (at.Left < 0 ? -1 : left.Step(at.Left, value), at.Right < 0 ? -1 : right.Step(at.Right, value));
                return (next.Left >= 0 && next.Right >= 0) || (keepsLeft && next.Left >= 0) || (keepsRight && next.Right >= 0);
            },
            at => accepts(at.Left >= 0 && left.IsAccepting(at.Left), at.Right >= 0 && right.IsAccepting(at.Right)));
    }
}
