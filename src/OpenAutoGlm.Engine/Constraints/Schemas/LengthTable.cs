using System.Runtime.CompilerServices;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// For texts of a form and a length: whether from a state of the form's automaton, with so many characters read, an end is
/// still within the length. Needed because a form may have gaps: (abc)* has no text of four characters.
/// </summary>
sealed class LengthTable
{
    const long MaxBits = 1L << 26;

    static readonly ConditionalWeakTable<StringTerm, LengthTable> Tables = [];

    readonly StringTerm _term;
    readonly ulong[][]? _lengths; // by state: which numbers of characters lead to an end

    LengthTable(StringTerm term)
    {
        _term = term;
        if (term.Form is { } form && term.HasLength)
        {
            // Where there is no upper limit, an end that is further than this can be pumped down to one that is not.
            int longest = term.Most >= 0 ? term.Most : term.Least + form.StateCount;
            if ((long)form.StateCount * longest > MaxBits)
            {
                throw new ConstraintLimitException($"combines a length of {longest} with a form of {form.StateCount} states, which is too large");
            }

            _lengths = Lengths(form, longest);
        }
    }

    /// <summary>The table of a term, worked out once.</summary>
    /// <exception cref="ConstraintLimitException">It is too large.</exception>
    public static LengthTable Of(StringTerm term) => Tables.GetValue(term, created => new LengthTable(created));

    /// <summary>Whether there is any text of the term's.</summary>
    public bool HasText => CanComplete(_term.Form?.Start ?? 0, 0);

    /// <summary>Whether an end can be reached.</summary>
    /// <param name="state">A state of the form.</param>
    /// <param name="count">Characters so far; those not complete count.</param>
    public bool CanComplete(int state, int count)
    {
        if (state < 0 || (_term.Most >= 0 && count > _term.Most))
        {
            return false;
        }

        if (_lengths is null)
        {
            return true;
        }

        ulong[] lengths = _lengths[state];
        int most = _term.Most >= 0 ? _term.Most - count : lengths.Length * 64 - 1;
        for (int length = Math.Max(0, _term.Least - count); length <= most; length++)
        {
            ulong word = lengths[length >> 6] >> length;
            if (word == 0)
            {
                length |= 63;
            }
            else if ((word & 1) != 0)
            {
                return true;
            }
        }

        return false;
    }

    static ulong[][] Lengths(Dfa form, int longest)
    {
        ulong[][] lengths = [.. Enumerable.Range(0, form.StateCount).Select(_ => new ulong[longest / 64 + 1])];
        bool[] continues = new bool[form.ClassCount];
        for (int value = 0x80; value < 0xC0; value++)
        {
            continues[form.Classes[value]] = true;
        }

        for (int length = 0; length <= longest; length++)
        {
            // Up to three bytes that continue a character add no length; so many rounds carry them through.
            for (int round = 0; round < 4; round++)
            {
                for (int state = 0; state < form.StateCount; state++)
                {
                    bool ends = length == 0 && form.IsAccepting(state);
                    for (int byteClass = 0; byteClass < form.ClassCount && !ends; byteClass++)
                    {
                        int next = form.StepClass(state, byteClass);
                        int rest = continues[byteClass] ? length : length - 1;
                        ends = next >= 0 && rest >= 0 && (lengths[next][rest >> 6] >> rest & 1) != 0;
                    }

                    lengths[state][length >> 6] |= ends ? 1UL << length : 0;
                }
            }
        }

        return lengths;
    }
}
