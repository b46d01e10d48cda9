using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>What the schemas of a document allow, type by type, and the nodes that are made up on the way.</summary>
sealed class SchemaMeaning
{
    readonly Dictionary<string, SchemaNode> _made = [];
    readonly Dictionary<string, bool> _empty = [];
    readonly Dictionary<(int, int), List<Dfa>> _shared = [];
    int _depth;

    public SchemaMeaning(SchemaDocument document)
    {
        Document = document;
        Never = new Literal(new SchemaNode(document, "") { Boolean = false }, false);
        Words = new Evaluation<Words>(new WordAlgebra());
        Numbers = new Evaluation<NumberSet>(new NumberAlgebra());
        Strings = new Evaluation<StringLanguage>(new StringAlgebra());
        Objects = new Evaluation<IReadOnlyList<ObjectClause>>(ObjectSets = new ObjectAlgebra(this));
        Arrays = new Evaluation<IReadOnlyList<ArrayClause>>(ArraySets = new ArrayAlgebra(this));
    }

    public SchemaDocument Document { get; }

    /// <summary>What no value satisfies.</summary>
    public Literal Never { get; }

    public Evaluation<Words> Words { get; }

    public Evaluation<NumberSet> Numbers { get; }

    public Evaluation<StringLanguage> Strings { get; }

    public Evaluation<IReadOnlyList<ObjectClause>> Objects { get; }

    public Evaluation<IReadOnlyList<ArrayClause>> Arrays { get; }

    public IAlgebra<IReadOnlyList<ObjectClause>> ObjectSets { get; }

    public IAlgebra<IReadOnlyList<ArrayClause>> ArraySets { get; }

    /// <summary>What only a value equal to another satisfies.</summary>
    public Literal Constant(SchemaNode owner, JsonElement value)
    {
        string key = "=" + value.GetRawText();
        if (!_made.TryGetValue(key, out SchemaNode? node))
        {
            node = new SchemaNode(Document, owner.Pointer);
            node.ValueLists.Add([value]);
            _made.Add(key, node);
        }

        return new Literal(node, false);
    }

    /// <summary>What satisfies one of several schemas.</summary>
    public SchemaNode AnyOf(SchemaNode owner, SchemaNode[] options)
    {
        string key = "|" + string.Join(',', options.Select(option => option.Id));
        if (!_made.TryGetValue(key, out SchemaNode? node))
        {
            node = new SchemaNode(Document, owner.Pointer) { AnyOf = [.. options] };
            _made.Add(key, node);
        }

        return node;
    }

    /// <summary>An automaton that equals this one and was seen before, if there is one.</summary>
    public Dfa Shared(Dfa automaton)
    {
        (int, int) size = (automaton.StateCount, automaton.ClassCount);
        if (!_shared.TryGetValue(size, out List<Dfa>? known))
        {
            _shared.Add(size, known = []);
        }

        Dfa? same = known.FirstOrDefault(other => DfaAlgebra.Except(other, automaton).IsEmpty && DfaAlgebra.Except(automaton, other).IsEmpty);
        if (same is null)
        {
            known.Add(automaton);
        }

        return same ?? automaton;
    }

    /// <summary>
    /// Whether it can be told without following a schema round in a circle that no value satisfies all of some literals.
    /// false may also mean: it is not known.
    /// </summary>
    public bool IsProvablyEmpty(Literal[] literals)
    {
        const int Deepest = 3;
        if (literals.Any(literal => literal.IsFalse))
        {
            return true;
        }

        if (literals.Length == 0 || _depth >= Deepest)
        {
            return false;
        }

        string key = string.Join(',', literals.Select(literal => (literal.Negated ? "-" : "") + literal.Schema.Id).Order(StringComparer.Ordinal));
        if (_empty.TryGetValue(key, out bool known))
        {
            return known;
        }

        _depth++;
        try
        {
            bool empty = Conjunction(Words, new WordAlgebra(), literals) == Schemas.Words.None
                && Conjunction(Numbers, new NumberAlgebra(), literals).IsNone
                && Conjunction(Strings, new StringAlgebra(), literals).IsEmpty
                && ObjectSets.AreDisjoint(Conjunction(Objects, ObjectSets, literals), ObjectSets.Any)
                && ArraySets.AreDisjoint(Conjunction(Arrays, ArraySets, literals), ArraySets.Any);
            _empty[key] = empty;
            return empty;
        }
        catch (ConstraintException)
        {
            return false; // It is being worked out just now, or it is refused elsewhere.
        }
        catch (ConstraintLimitException)
        {
            return false;
        }
        finally
        {
            _depth--;
        }
    }

    /// <summary>The values that satisfy all of some literals.</summary>
    public static T Conjunction<T>(Evaluation<T> evaluation, IAlgebra<T> algebra, IEnumerable<Literal> literals)
    {
        T set = algebra.Any;
        foreach (Literal literal in literals)
        {
            set = algebra.IsNone(set) ? set : algebra.And(set, evaluation.Of(literal));
        }

        return set;
    }
}
