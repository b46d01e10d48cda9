using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>Sets of objects, as unions of clauses.</summary>
sealed class ObjectAlgebra(SchemaMeaning meaning) : IAlgebra<IReadOnlyList<ObjectClause>>
{
    /// <summary>Most clauses of one set.</summary>
    public const int MaxClauses = 400;

    public IReadOnlyList<ObjectClause> Any { get; } = [ObjectClause.Any];

    public IReadOnlyList<ObjectClause> None { get; } = [];

    public bool IsNone(IReadOnlyList<ObjectClause> set) => set.Count == 0;

    public IReadOnlyList<ObjectClause> Having(string key) => [new ObjectClause { Required = ObjectClause.Any.Required.Add(key) }];

    public IReadOnlyList<ObjectClause> And(IReadOnlyList<ObjectClause> left, IReadOnlyList<ObjectClause> right)
    {
        List<ObjectClause> all = [];
        foreach (ObjectClause one in left)
        {
            foreach (ObjectClause other in right)
            {
                Include(all, one.And(other));
            }
        }

        return all.Count > 8 ? [.. all.Where(clause => !IsProvablyEmpty(clause))] : all;
    }

    public IReadOnlyList<ObjectClause> Or(IReadOnlyList<ObjectClause> left, IReadOnlyList<ObjectClause> right)
    {
        if (left.Count == 0 || right.Count == 0)
        {
            return left.Count == 0 ? right : left;
        }

        List<ObjectClause> all = [.. left];
        foreach (ObjectClause clause in right)
        {
            Include(all, clause);
        }

        return all;
    }

    public IReadOnlyList<ObjectClause> Not(IReadOnlyList<ObjectClause> set)
    {
        IReadOnlyList<ObjectClause> rest = Any;
        foreach (ObjectClause clause in set)
        {
            rest = And(rest, [.. clause.Negate(meaning.Never).Where(other => !other.Exists.Any(exists => exists.Value.IsFalse))]);
        }

        return rest;
    }

    public bool AreDisjoint(IReadOnlyList<ObjectClause> left, IReadOnlyList<ObjectClause> right) => And(left, right).All(IsProvablyEmpty);

    public IReadOnlyList<ObjectClause> Local(SchemaNode schema, bool annotated)
    {
        if (!schema.Types.HasFlag(JsonTypes.Object))
        {
            return None;
        }

        KeyMatcher[] named = [.. schema.Properties.Select(property => KeyMatcher.Named(property.Name)), .. schema.PatternProperties.Select(property => KeyMatcher.Like(property.Names))];
        SchemaNode[] schemas = [.. schema.Properties.Select(property => property.Schema), .. schema.PatternProperties.Select(property => property.Schema)];
        List<(KeyMatcher, Literal)> members = [.. named.Zip(schemas.Select(value => new Literal(value, false)))];
        if (schema.AdditionalProperties is { } additional)
        {
            members.Add((KeyMatcher.Except(named), new Literal(additional, false)));
        }

        if (schema.PropertyNames is { } names)
        {
            StringLanguage wrong = meaning.Strings.Of(names).Not();
            if (!wrong.IsEmpty)
            {
                members.Add((wrong.IsAny ? KeyMatcher.All : KeyMatcher.Like(meaning.Shared(wrong.ToAutomaton())), meaning.Never));
            }
        }

        ObjectClause clause = new()
        {
            Members = [.. members.Where(member => !member.Item2.IsTrue)],
            Required = ObjectClause.Any.Required.Union(schema.Required),
            Least = schema.LeastProperties,
            Most = schema.MostProperties,
            Evaluated = !annotated ? [] : schema.AdditionalProperties is not null ? [KeyMatcher.All] : [.. named],
        };
        IReadOnlyList<ObjectClause> set = clause.And(ObjectClause.Any) is { } possible ? [possible] : None;
        foreach ((string key, IReadOnlyList<string> required) in schema.DependentRequired)
        {
            ObjectClause with = new() { Required = ObjectClause.Any.Required.Union(required).Add(key) };
            set = And(set, [new ObjectClause { Members = [(KeyMatcher.Named(key), meaning.Never)] }, with]);
        }

        foreach (IReadOnlyList<JsonElement> values in schema.ValueLists)
        {
            set = And(set, [.. values.Where(value => value.ValueKind == JsonValueKind.Object).Select(value => Exactly(schema, value))]);
        }

        return set;
    }

    public IReadOnlyList<ObjectClause> Unevaluated(SchemaNode schema, IReadOnlyList<ObjectClause> set)
    {
        if (schema.UnevaluatedProperties is not { } unevaluated)
        {
            return set;
        }

        Literal value = new(unevaluated, false);
        return And(
            [.. set.Select(clause => clause with { Members = value.IsTrue ? clause.Members : clause.Members.Add((KeyMatcher.Except(clause.Evaluated), value)) })],
            [new ObjectClause { Evaluated = [KeyMatcher.All] }]);
    }

    ObjectClause Exactly(SchemaNode schema, JsonElement value)
    {
        Dictionary<string, JsonElement> members = [];
        foreach (JsonProperty member in value.EnumerateObject())
        {
            members[member.Name] = member.Value;
        }

        KeyMatcher[] named = [.. members.Keys.Select(KeyMatcher.Named)];
        return new ObjectClause
        {
            Members = [.. named.Zip(members.Values.Select(member => meaning.Constant(schema, member))), (KeyMatcher.Except(named), meaning.Never)],
            Required = ObjectClause.Any.Required.Union(members.Keys),
        };
    }

    bool IsProvablyEmpty(ObjectClause clause) => clause.Required.Any(key => meaning.IsProvablyEmpty([.. clause.Of(key)]));

    static void Include(List<ObjectClause> all, ObjectClause? clause)
    {
        if (clause is not null && !all.Any(clause.IsSame))
        {
            all.Add(clause);
        }

        if (all.Count > MaxClauses)
        {
            throw new ConstraintLimitException($"makes more than {MaxClauses} cases of objects to tell apart");
        }
    }
}
