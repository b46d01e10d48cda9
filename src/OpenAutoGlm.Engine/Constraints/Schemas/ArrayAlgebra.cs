using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>Sets of arrays, as unions of clauses.</summary>
sealed class ArrayAlgebra(SchemaMeaning meaning) : IAlgebra<IReadOnlyList<ArrayClause>>
{
    public IReadOnlyList<ArrayClause> Any { get; } = [ArrayClause.Any];

    public IReadOnlyList<ArrayClause> None { get; } = [];

    public bool IsNone(IReadOnlyList<ArrayClause> set) => set.Count == 0;

    public IReadOnlyList<ArrayClause> Having(string key) => None;

    public IReadOnlyList<ArrayClause> And(IReadOnlyList<ArrayClause> left, IReadOnlyList<ArrayClause> right)
    {
        List<ArrayClause> all = [];
        foreach (ArrayClause one in left)
        {
            foreach (ArrayClause other in right)
            {
                Include(all, one.And(other));
            }
        }

        return all;
    }

    public IReadOnlyList<ArrayClause> Or(IReadOnlyList<ArrayClause> left, IReadOnlyList<ArrayClause> right)
    {
        if (left.Count == 0 || right.Count == 0)
        {
            return left.Count == 0 ? right : left;
        }

        List<ArrayClause> all = [.. left];
        foreach (ArrayClause clause in right)
        {
            Include(all, clause);
        }

        return all;
    }

    public IReadOnlyList<ArrayClause> Not(IReadOnlyList<ArrayClause> set) =>
        set.Aggregate(Any, (rest, clause) => And(rest, [.. clause.Negate()]));

    public bool AreDisjoint(IReadOnlyList<ArrayClause> left, IReadOnlyList<ArrayClause> right) => And(left, right).All(IsProvablyEmpty);

    public IReadOnlyList<ArrayClause> Local(SchemaNode schema, bool annotated)
    {
        if (!schema.Types.HasFlag(JsonTypes.Array))
        {
            return None;
        }

        List<(int, int, Literal)> items = [.. schema.Prefix.Select((item, index) => (index, index, new Literal(item, false)))];
        if (schema.Items is { } rest)
        {
            items.Add((schema.Prefix.Length, -1, new Literal(rest, false)));
        }

        ArrayClause clause = new()
        {
            Items = [.. items.Where(item => !item.Item3.IsTrue)],
            Counts = schema.Contains is { } contained && (schema.LeastContains > 0 || schema.MostContains >= 0)
                ? [new ItemCount(new Literal(contained, false), 0, schema.LeastContains, schema.MostContains)]
                : [],
            Least = schema.LeastItems,
            Most = schema.MostItems,
            Evaluated = !annotated ? 0 : schema.Items is not null ? int.MaxValue : schema.Prefix.Length,
            EvaluatedLike = annotated && schema.Contains is { } like ? [new Literal(like, false)] : [],
        };
        IReadOnlyList<ArrayClause> set = clause.And(ArrayClause.Any) is { } possible ? [possible] : None;
        foreach (IReadOnlyList<JsonElement> values in schema.ValueLists)
        {
            set = And(set, [.. values.Where(value => value.ValueKind == JsonValueKind.Array).Select(value => Exactly(schema, value))]);
        }

        if (schema.UniqueItems && set.Count > 0)
        {
            set = And(set, Unique(schema, set));
        }

        return set;
    }

    public IReadOnlyList<ArrayClause> Unevaluated(SchemaNode schema, IReadOnlyList<ArrayClause> set)
    {
        if (schema.UnevaluatedItems is not { } unevaluated)
        {
            return set;
        }

        List<ArrayClause> all = [];
        foreach (ArrayClause clause in set)
        {
            Literal value = new(unevaluated, false);
            if (clause.EvaluatedLike.Any(like => like.Negated))
            {
                throw schema.Refuse("unevaluatedItems", "it stands beside a contains that is turned round.", "Spell out the items.");
            }

            if (!clause.EvaluatedLike.IsEmpty)
            {
                value = new Literal(meaning.AnyOf(schema, [.. clause.EvaluatedLike.Select(like => like.Schema), unevaluated]), false);
            }

            all.Add(clause.Evaluated == int.MaxValue || value.IsTrue ? clause : clause with { Items = clause.Items.Add((clause.Evaluated, -1, value)) });
        }

        return And(all, [new ArrayClause { Evaluated = int.MaxValue }]);
    }

    /// <summary>Unequal items need memory of all values before; it is not needed where there are no two items.</summary>
    IReadOnlyList<ArrayClause> Unique(SchemaNode schema, IReadOnlyList<ArrayClause> set)
    {
        if (set.All(clause => clause.Most is 0 or 1))
        {
            return Any;
        }

        throw schema.Refuse("uniqueItems", "it would need memory of all items before.", "Leave it out, or set maxItems to 1; check uniqueness afterwards.");
    }

    ArrayClause Exactly(SchemaNode schema, JsonElement value)
    {
        int length = value.GetArrayLength();
        return new ArrayClause
        {
            Items = [.. value.EnumerateArray().Select((item, index) => (index, index, meaning.Constant(schema, item)))],
            Least = length,
            Most = length,
        };
    }

    bool IsProvablyEmpty(ArrayClause clause)
    {
        int looked = Math.Min(clause.Least, 8);
        for (int i = 0; i < looked; i++)
        {
            if (meaning.IsProvablyEmpty([.. clause.Items.Where(item => item.From <= i && (item.To < 0 || item.To >= i)).Select(item => item.Value)]))
            {
                return true;
            }
        }

        return false;
    }

    static void Include(List<ArrayClause> all, ArrayClause? clause)
    {
        if (clause is not null && !all.Any(clause.IsSame))
        {
            all.Add(clause);
        }

        if (all.Count > ObjectAlgebra.MaxClauses)
        {
            throw new ConstraintLimitException($"makes more than {ObjectAlgebra.MaxClauses} cases of arrays to tell apart");
        }
    }
}
