using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>A schema or its opposite.</summary>
readonly record struct Literal(SchemaNode Schema, bool Negated)
{
    public Literal Opposite => this with { Negated = !Negated };

    /// <summary>Whether no value can satisfy it, as far as can be seen at once.</summary>
    public bool IsFalse => Schema.Boolean == Negated;

    /// <summary>Whether every value satisfies it, as far as can be seen at once.</summary>
    public bool IsTrue => Schema.Boolean == !Negated;
}

/// <summary>
/// Sets of values of one type that a schema can describe, with what combines them. Because all of them have complements,
/// not, oneOf and if are exact.
/// </summary>
interface IAlgebra<T>
{
    T Any { get; }

    T None { get; }

    bool IsNone(T set);

    T And(T left, T right);

    T Or(T left, T right);

    T Not(T set);

    /// <summary>What the keywords of one schema say, those apart that combine other schemas.</summary>
    T Local(SchemaNode schema, bool annotated);

    /// <summary>The objects that have a key; nothing for other types.</summary>
    T Having(string key);

    /// <summary>Whether two sets can be told to have nothing in common.</summary>
    bool AreDisjoint(T left, T right) => IsNone(And(left, right));

    /// <summary>What a schema's parts leave unevaluated must satisfy its unevaluatedItems and unevaluatedProperties.</summary>
    T Unevaluated(SchemaNode schema, T set) => set;
}

/// <summary>The values of one type that schemas allow. Every schema is worked out once.</summary>
/// <param name="algebra">The sets.</param>
sealed class Evaluation<T>(IAlgebra<T> algebra)
{
    readonly Dictionary<(SchemaNode, bool), T> _known = [];
    readonly HashSet<(SchemaNode, bool)> _open = [];

    public T Of(Literal literal) => literal.Negated ? algebra.Not(Of(literal.Schema)) : Of(literal.Schema);

    /// <summary>What a schema allows.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="annotated">Whether it matters which parts of a value it evaluated.</param>
    /// <exception cref="ConstraintException">It refers to itself for the same value, or is too entangled.</exception>
    public T Of(SchemaNode schema, bool annotated = false)
    {
        (SchemaNode, bool) key = (schema, annotated);
        if (_known.TryGetValue(key, out T? known))
        {
            return known;
        }

        if (!_open.Add(key))
        {
            throw schema.Refuse("", "it refers to itself for the same value, without end.", "Put the reference under properties or items.");
        }

        try
        {
            T set = schema.Boolean is { } fixedTo ? (fixedTo ? algebra.Any : algebra.None) : Combined(schema, annotated || schema.HasUnevaluated);
            _known.Add(key, set);
            return set;
        }
        catch (ConstraintLimitException error)
        {
            throw schema.Refuse("", $"it {error.Message}.", "Simplify it, for example by giving the alternatives of oneOf a property with different const values.");
        }
        finally
        {
            _open.Remove(key);
        }
    }

    T Combined(SchemaNode schema, bool annotated)
    {
        T set = algebra.Local(schema, annotated);
        foreach (SchemaNode part in schema.References.Concat(schema.AllOf))
        {
            set = And(set, part, annotated);
        }

        if (schema.AnyOf.Length > 0 && !algebra.IsNone(set))
        {
            set = algebra.And(set, AnyOf(schema, annotated));
        }

        if (schema.OneOf.Length > 0 && !algebra.IsNone(set))
        {
            set = algebra.And(set, OneOf(schema, annotated));
        }

        if (schema.Not is { } not && !algebra.IsNone(set))
        {
            set = algebra.And(set, algebra.Not(Of(not)));
        }

        if (schema.If is { } condition && (schema.Then ?? schema.Else) is not null && !algebra.IsNone(set))
        {
            T then = schema.Then is { } consequence ? And(Of(condition, annotated), consequence, annotated) : Of(condition, annotated);
            T otherwise = schema.Else is { } alternative ? And(algebra.Not(Of(condition)), alternative, annotated) : algebra.Not(Of(condition));
            set = algebra.And(set, algebra.Or(then, otherwise));
        }
        else if (annotated && schema.If is { } lone)
        {
            // Without then and else it decides nothing, but what it matches counts as evaluated.
            set = algebra.And(set, algebra.Or(Of(lone, annotated), algebra.Not(Of(lone))));
        }

        foreach ((string key, SchemaNode dependent) in schema.DependentSchemas)
        {
            T having = algebra.Having(key);
            set = algebra.IsNone(having) || algebra.IsNone(set) ? set : algebra.And(set, algebra.Or(algebra.Not(having), And(having, dependent, annotated)));
        }

        return annotated ? algebra.Unevaluated(schema, set) : set;
    }

    T And(T set, SchemaNode part, bool annotated) => algebra.IsNone(set) ? set : algebra.And(set, Of(part, annotated));

    T AnyOf(SchemaNode schema, bool annotated)
    {
        T any = algebra.None;
        foreach (SchemaNode option in schema.AnyOf)
        {
            T one = Of(option, annotated);

            // A value may satisfy several options, and then each of them evaluated its parts.
            any = annotated ? algebra.Or(algebra.Or(any, one), algebra.And(any, one)) : algebra.Or(any, one);
        }

        return any;
    }

    T OneOf(SchemaNode schema, bool annotated)
    {
        T[] options = [.. schema.OneOf.Select(option => Of(option))];
        T exactlyOne = algebra.None;
        for (int i = 0; i < options.Length; i++)
        {
            T one = Of(schema.OneOf[i], annotated);
            for (int j = 0; j < options.Length && !algebra.IsNone(one); j++)
            {
                if (j != i && !algebra.AreDisjoint(options[i], options[j]))
                {
                    one = algebra.And(one, algebra.Not(options[j]));
                }
            }

            exactlyOne = algebra.Or(exactlyOne, one);
        }

        return exactlyOne;
    }
}
