using System.Text;
using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>null, false and true.</summary>
[Flags]
enum Words
{
    None = 0,
    Null = 1,
    False = 2,
    True = 4,
    All = 7,
}

/// <summary>Sets of null, false and true.</summary>
sealed class WordAlgebra : IAlgebra<Words>
{
    public Words Any => Words.All;

    public Words None => Words.None;

    public bool IsNone(Words set) => set == Words.None;

    public Words And(Words left, Words right) => left & right;

    public Words Or(Words left, Words right) => left | right;

    public Words Not(Words set) => Words.All & ~set;

    public Words Having(string key) => Words.None;

    public Words Local(SchemaNode schema, bool annotated)
    {
        Words words = (schema.Types.HasFlag(JsonTypes.Null) ? Words.Null : 0) | (schema.Types.HasFlag(JsonTypes.Boolean) ? Words.False | Words.True : 0);
        foreach (IReadOnlyList<JsonElement> values in schema.ValueLists)
        {
            words &= values.Aggregate(Words.None, (listed, value) => listed | value.ValueKind switch
            {
                JsonValueKind.Null => Words.Null,
                JsonValueKind.False => Words.False,
                JsonValueKind.True => Words.True,
                _ => Words.None,
            });
        }

        return words;
    }
}

/// <summary>Numbers by their spelling.</summary>
/// <param name="Spellings">null for all.</param>
/// <param name="PlainOnly">Whether it is exact for spellings without exponent alone.</param>
sealed record NumberSet(Dfa? Spellings, bool PlainOnly)
{
    public bool IsNone => Spellings is { IsEmpty: true };

    /// <summary>The automaton that stands for the set; empty where nothing is in it.</summary>
    public Dfa Automaton => Spellings is null ? NumberAutomata.Any : PlainOnly ? DfaAlgebra.Intersect(Spellings, NumberAutomata.Plain) : Spellings;
}

/// <summary>Sets of numbers.</summary>
sealed class NumberAlgebra : IAlgebra<NumberSet>
{
    public NumberSet Any { get; } = new(null, false);

    public NumberSet None { get; } = new(Dfa.None, false);

    public bool IsNone(NumberSet set) => set.IsNone;

    public NumberSet Having(string key) => None;

    public NumberSet And(NumberSet left, NumberSet right) =>
        left.Spellings is null ? right
        : right.Spellings is null ? left
        : new NumberSet(DfaAlgebra.Intersect(left.Spellings, right.Spellings), left.PlainOnly || right.PlainOnly);

    public NumberSet Or(NumberSet left, NumberSet right) =>
        left.Spellings is null || right.Spellings is null ? Any
        : new NumberSet(DfaAlgebra.Union(left.Spellings, right.Spellings), left.PlainOnly || right.PlainOnly);

    public NumberSet Not(NumberSet set) => set.Spellings is null ? None
        : set.IsNone ? Any
        : new NumberSet(DfaAlgebra.Except(NumberAutomata.Universe, set.Spellings), set.PlainOnly);

    public NumberSet Local(SchemaNode schema, bool annotated)
    {
        if (!schema.Types.HasFlag(JsonTypes.Integer))
        {
            return None;
        }

        NumberSet set = schema.Types.HasFlag(JsonTypes.Number) ? Any
            : Exact(schema.HasStrictIntegers ? NumberAutomata.WholeSpellings : NumberAutomata.Integers);
        foreach ((JsonNumber bound, string relation) in schema.Bounds)
        {
            set = And(set, Exact(NumberAutomata.Compare(bound, relation)));
        }

        if (schema.MultipleOf is { } divisor)
        {
            Dfa multiples = NumberAutomata.MultiplesOf(divisor)
                ?? throw schema.Refuse("multipleOf", $"a divisor may have {NumberAutomata.MaxDivisor} as its digits at most.", "Use a smaller or a rounder one.");
            set = And(set, new NumberSet(DfaAlgebra.Intersect(multiples, NumberAutomata.Universe), divisor.AsScaled().Whole != 1));
        }

        foreach (IReadOnlyList<JsonElement> values in schema.ValueLists)
        {
            Dfa listed = Dfa.None;
            foreach (JsonElement value in values.Where(value => value.ValueKind == JsonValueKind.Number))
            {
                listed = JsonNumber.TryParse(value.GetRawText(), out JsonNumber number)
                    ? DfaAlgebra.Union(listed, NumberAutomata.Compare(number, "="))
                    : throw schema.Refuse("", $"the value {ConstraintException.Clip(value.GetRawText())} has too many digits.");
            }

            set = And(set, Exact(listed));
        }

        return set;
    }

    static NumberSet Exact(Dfa spellings) => new(DfaAlgebra.Intersect(spellings, NumberAutomata.Universe), false);
}

/// <summary>Sets of strings.</summary>
sealed class StringAlgebra : IAlgebra<StringLanguage>
{
    public StringLanguage Any => StringLanguage.Any;

    public StringLanguage None => StringLanguage.None;

    public bool IsNone(StringLanguage set) => set.IsEmpty;

    public StringLanguage Having(string key) => None;

    public StringLanguage And(StringLanguage left, StringLanguage right) => left.And(right);

    public StringLanguage Or(StringLanguage left, StringLanguage right) => left.Or(right);

    public StringLanguage Not(StringLanguage set) => set.Not();

    public StringLanguage Local(SchemaNode schema, bool annotated)
    {
        StringLanguage language = schema.Types.HasFlag(JsonTypes.String) ? schema.Text : None;
        foreach (IReadOnlyList<JsonElement> values in schema.ValueLists)
        {
            byte[][] listed = [.. values.Where(value => value.ValueKind == JsonValueKind.String).Select(value => Encoding.UTF8.GetBytes(value.GetString()!))];
            language = language.And(listed.Length == 0 ? None : StringLanguage.Of(DfaAlgebra.Strings(listed)));
        }

        return language;
    }
}
