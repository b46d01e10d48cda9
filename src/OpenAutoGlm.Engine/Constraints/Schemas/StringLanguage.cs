using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>Texts of a form and a length.</summary>
/// <param name="Form">An automaton over UTF-8; null for every text.</param>
/// <param name="Least">Fewest characters.</param>
/// <param name="Most">Most characters; −1 where there is no limit.</param>
sealed record StringTerm(Dfa? Form, int Least, int Most)
{
    public bool IsAny => Form is null && Least == 0 && Most < 0;

    public bool HasLength => Least > 0 || Most >= 0;
}

/// <summary>
/// A set of texts: any of some terms. Lengths stay numbers beside the automata, so that a length of 10,000 takes no 10,000
/// states.
/// </summary>
sealed record StringLanguage(IReadOnlyList<StringTerm> Terms)
{
    const int MaxTerms = 64;

    public static StringLanguage Any { get; } = new([new StringTerm(null, 0, -1)]);

    public static StringLanguage None { get; } = new([]);

    public bool IsEmpty => Terms.Count == 0;

    public bool IsAny => Terms.Any(term => term.IsAny);

    public static StringLanguage Of(Dfa form) => form.IsEmpty ? None : new([new StringTerm(form, 0, -1)]);

    public static StringLanguage OfLength(int least, int most) => most >= 0 && most < least ? None : new([new StringTerm(null, least, most)]);

    public StringLanguage And(StringLanguage other)
    {
        List<StringTerm> terms = [];
        foreach (StringTerm left in Terms)
        {
            foreach (StringTerm right in other.Terms)
            {
                Dfa? form = left.Form is null ? right.Form : right.Form is null ? left.Form : DfaAlgebra.Intersect(left.Form, right.Form);
                StringTerm term = new(form, Math.Max(left.Least, right.Least), left.Most < 0 ? right.Most : right.Most < 0 ? left.Most : Math.Min(left.Most, right.Most));
                Include(terms, term);
            }
        }

        return Bounded(terms);
    }

    public StringLanguage Or(StringLanguage other)
    {
        if (IsAny || other.IsAny)
        {
            return Any;
        }

        List<StringTerm> terms = [];
        foreach (StringTerm term in Terms.Concat(other.Terms))
        {
            int same = terms.FindIndex(known => known.Least == term.Least && known.Most == term.Most);
            if (same < 0)
            {
                Include(terms, term);
            }
            else
            {
                terms[same] = terms[same] with { Form = terms[same].Form is null || term.Form is null ? null : DfaAlgebra.Union(terms[same].Form!, term.Form) };
            }
        }

        return Bounded(terms);
    }

    public StringLanguage Not()
    {
        StringLanguage rest = Any;
        foreach (StringTerm term in Terms)
        {
            StringLanguage others = term.Form is null ? None : Of(DfaAlgebra.Except(Dfa.AnyText, term.Form));
            others = term.Least > 0 ? others.Or(OfLength(0, term.Least - 1)) : others;
            others = term.Most >= 0 ? others.Or(OfLength(term.Most + 1, -1)) : others;
            rest = rest.And(others);
        }

        return rest;
    }

    public bool Contains(ReadOnlySpan<byte> text)
    {
        int length = Characters(text);
        foreach (StringTerm term in Terms)
        {
            if (length >= term.Least && (term.Most < 0 || length <= term.Most) && (term.Form?.Matches(text) ?? true))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The same set as one automaton, lengths unrolled.</summary>
    /// <exception cref="ConstraintLimitException">It is too large.</exception>
    public Dfa ToAutomaton() => Terms.Aggregate(Dfa.None, (all, term) => DfaAlgebra.Union(all, Unrolled(term)));

    /// <summary>Characters of UTF-8: its bytes but those that continue a character.</summary>
    public static int Characters(ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach (byte value in text)
        {
            count += (value & 0xC0) != 0x80 ? 1 : 0;
        }

        return count;
    }

    static Dfa Unrolled(StringTerm term)
    {
        Dfa form = term.Form ?? Dfa.AnyText;
        return !term.HasLength ? form : DfaExplorer.Explore(
            (State: 0, Length: 0),
            form.Classes,
            ((int State, int Length) at, byte value, out (int State, int Length) next) =>
            {
                int length = at.Length + ((value & 0xC0) != 0x80 ? 1 : 0);
                next = (form.Step(at.State, value), term.Most < 0 ? Math.Min(length, term.Least) : length);
                return next.State >= 0 && (term.Most < 0 || next.Length <= term.Most);
            },
            at => form.IsAccepting(at.State) && at.Length >= term.Least);
    }

    static void Include(List<StringTerm> terms, StringTerm term)
    {
        bool impossible = term.Form is { IsEmpty: true } || (term.Most >= 0 && term.Most < term.Least);
        if (!impossible && !terms.Contains(term))
        {
            terms.Add(term);
        }
    }

    static StringLanguage Bounded(List<StringTerm> terms) => terms.Count <= MaxTerms
        ? new StringLanguage(terms)
        : throw new ConstraintLimitException($"combines more than {MaxTerms} forms and lengths of strings");
}
