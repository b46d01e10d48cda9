using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Patterns;

/// <summary>Regular expressions as automata over UTF-8. Time is bounded by the automaton's size whatever the pattern.</summary>
static class PatternCompiler
{
    /// <summary>The texts in which a pattern is found somewhere, as JSON Schema's pattern means it; there may be none.</summary>
    /// <exception cref="ConstraintException">The pattern is wrong, not regular, or too large.</exception>
    public static Dfa Search(string pattern) => Compile(pattern, whole: false);

    /// <summary>The texts that a pattern matches from beginning to end.</summary>
    /// <exception cref="ConstraintException">The pattern is wrong, not regular, or too large.</exception>
    public static Dfa Whole(string pattern) => Compile(pattern, whole: true);

    static Dfa Compile(string pattern, bool whole)
    {
        Pattern tree = PatternParser.Parse(pattern);
        try
        {
            NfaBuilder builder = new();
            int start = builder.AddState();
            int first = builder.AddState();
            builder.AddEmpty(start, first);
            int end = Add(builder, tree, first);
            int accept = builder.AddState();
            builder.AddEmpty(end, accept);
            if (!whole)
            {
                int before = builder.AddState();
                builder.AddEmpty(start, before);
                builder.AddCodePoints(before, before, CodePointSet.All);
                builder.AddEmpty(before, first);

                // After the match anything may follow, unless it ended at an assertion of the end.
                builder.AddCodePoints(accept, accept, CodePointSet.All);
            }

            Dfa automaton = builder.Determinise(start, accept, acceptsAnything: !whole);
            return automaton.IsEmpty && whole
                ? throw ConstraintException.Text("Regular expression", 0, "no text can match it.", "Check its anchors: ^ after or $ before a character never holds.")
                : automaton;
        }
        catch (ConstraintLimitException error)
        {
            throw ConstraintException.Text("Regular expression", 0, $"it {error.Message}.", "Lower its repeat counts.");
        }
    }

    /// <summary>Adds a tree behind a state and returns the state after it.</summary>
    internal static int Add(NfaBuilder builder, Pattern tree, int from)
    {
        int to;
        switch (tree)
        {
            case Pattern.Empty:
                return from;
            case Pattern.Characters characters:
                to = builder.AddState();
                builder.AddCodePoints(from, to, characters.Set);
                return to;
            case Pattern.Sequence sequence:
                return sequence.Parts.Aggregate(from, (at, part) => Add(builder, part, at));
            case Pattern.Choice choice:
                to = builder.AddState();
                foreach (Pattern option in choice.Options)
                {
                    // Each option begins at a state of its own: loops in one must not lead into another.
                    int begin = builder.AddState();
                    builder.AddEmpty(from, begin);
                    builder.AddEmpty(Add(builder, option, begin), to);
                }

                return to;
            case Pattern.Repeat repeat:
                return Repeat(builder, repeat, from);
            case Pattern.Beginning:
                to = builder.AddState();
                builder.AddBeginning(from, to);
                return to;
            case Pattern.End:
                to = builder.AddState();
                builder.AddEnd(from, to);
                return to;
            default:
                throw new InvalidOperationException($"There is no pattern of the kind {tree.GetType().Name}.");
        }
    }

    static int Repeat(NfaBuilder builder, Pattern.Repeat repeat, int from)
    {
        if (repeat.Body is Pattern.Empty or Pattern.Sequence { Parts.Count: 0 })
        {
            return from;
        }

        int at = from;
        for (int i = 0; i < repeat.Least; i++)
        {
            at = Add(builder, repeat.Body, at);
        }

        int end = builder.AddState();
        if (repeat.Most < 0)
        {
            int loop = builder.AddState();
            builder.AddEmpty(at, loop);
            builder.AddEmpty(Add(builder, repeat.Body, loop), loop);
            builder.AddEmpty(loop, end);
            return end;
        }

        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            builder.AddEmpty(at, end);
            int begin = builder.AddState();
            builder.AddEmpty(at, begin);
            at = Add(builder, repeat.Body, begin);
        }

        builder.AddEmpty(at, end);
        return end;
    }
}
