using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// Works out every symbol that a schema leads to, and which of them any value satisfies. After that nothing changes: what
/// has no values is out of the rules, so that generation is never led where it cannot end.
/// </summary>
sealed class SymbolTable
{
    const int MaxSymbols = 20_000;
    const int MaxQuotas = 5;
    const int MaxWanted = 6;
    const int MaxPlaces = 2_000;

    readonly SchemaMeaning _meaning;
    readonly Dictionary<string, Symbol> _symbols = [];
    readonly List<Symbol> _all = [];
    readonly Dictionary<(string, string), KeySpace> _spaces = [];
    readonly Dictionary<Dfa, int> _formIds = [];

    public SymbolTable(SchemaDocument document)
    {
        _meaning = new SchemaMeaning(document);
        Start = Of([new Literal(document.Start, false)]);
        for (int i = 0; i < _all.Count; i++)
        {
            document.Cancellation.ThrowIfCancellationRequested();
            Expand(_all[i]);
        }

        FindPossible();
        if (!Start.IsPossible)
        {
            throw document.Start.Refuse("", "no value can satisfy it.", "Look for keywords that contradict each other.");
        }
    }

    /// <summary>The whole document's symbol.</summary>
    public Symbol Start { get; }

    public int Count => _all.Count;

    Symbol Of(IEnumerable<Literal> literals)
    {
        Literal[] sorted = [.. literals.Where(literal => !literal.IsTrue).Distinct().OrderBy(literal => literal.Schema.Id).ThenBy(literal => literal.Negated)];
        bool never = Array.Exists(sorted, literal => literal.IsFalse)
            || sorted.Zip(sorted.Skip(1)).Any(pair => ReferenceEquals(pair.First.Schema, pair.Second.Schema));
        sorted = never ? [_meaning.Never] : sorted;
        string key = string.Join(',', sorted.Select(literal => literal.Negated ? -literal.Schema.Id - 1 : literal.Schema.Id));
        if (!_symbols.TryGetValue(key, out Symbol? symbol))
        {
            symbol = new Symbol(_all.Count, sorted);
            _symbols.Add(key, symbol);
            _all.Add(symbol);
            if (_all.Count > MaxSymbols)
            {
                throw Owner(symbol).Refuse("", $"it leads to more than {MaxSymbols} combinations of schemas.", "Simplify allOf, oneOf and not.");
            }
        }

        return symbol;
    }

    SchemaNode Owner(Symbol symbol) => symbol.Literals.Length > 0 ? symbol.Literals[0].Schema : _meaning.Document.Start;

    void Expand(Symbol symbol)
    {
        Literal[] literals = symbol.Literals;
        try
        {
            symbol.Words = SchemaMeaning.Conjunction(_meaning.Words, new WordAlgebra(), literals);
            symbol.Number = SchemaMeaning.Conjunction(_meaning.Numbers, new NumberAlgebra(), literals).Automaton;
            symbol.Text = new StringLanguage([.. SchemaMeaning.Conjunction(_meaning.Strings, new StringAlgebra(), literals).Terms.Where(term => LengthTable.Of(term).HasText)]);
            symbol.Objects = Shape(SchemaMeaning.Conjunction(_meaning.Objects, _meaning.ObjectSets, literals));
            symbol.Arrays = [.. SchemaMeaning.Conjunction(_meaning.Arrays, _meaning.ArraySets, literals).Select(clause => Shape(clause, symbol))];
        }
        catch (ConstraintLimitException error)
        {
            throw Owner(symbol).Refuse("", $"it {error.Message}.", "Simplify it.");
        }
    }

    ObjectShape? Shape(IReadOnlyList<ObjectClause> clauses)
    {
        if (clauses.Count == 0)
        {
            return null;
        }

        HashSet<string> names = [];
        HashSet<Dfa> forms = [];
        foreach (ObjectClause clause in clauses)
        {
            foreach ((KeyMatcher keys, Literal _) in clause.Members.Concat(clause.Exists))
            {
                keys.Collect(names, forms);
            }

            names.UnionWith(clause.Required);
        }

        KeySpace space = Space(names, forms);
        return new ObjectShape(space, [.. clauses.Select(clause => Rules(clause, space))]);
    }

    KeySpace Space(HashSet<string> names, HashSet<Dfa> forms)
    {
        string formKey = string.Join(',', forms.Select(form => _formIds.TryGetValue(form, out int id) ? id : _formIds[form] = _formIds.Count).Order());
        (string, string) key = (string.Join('\0', names.Order(StringComparer.Ordinal)), formKey + "/" + names.Count);
        if (!_spaces.TryGetValue(key, out KeySpace? space))
        {
            space = KeySpace.Of(names, forms, _meaning.Document.Cancellation);
            _spaces.Add(key, space);
        }

        return space;
    }

    ObjectRules Rules(ObjectClause clause, KeySpace space)
    {
        Symbol[] values = new Symbol[space.Count];
        ItemChoice[][] having = new ItemChoice[space.Count][];
        if (clause.Exists.Length > MaxWanted)
        {
            throw new ConstraintLimitException($"wants {clause.Exists.Length} things of which some key must have each, and {MaxWanted} is the limit");
        }

        for (int kind = 0; kind < space.Count; kind++)
        {
            Literal[] literals = [.. clause.Members.Where(member => space.Matches(kind, member.Keys)).Select(member => member.Value)];
            values[kind] = Of(literals);
            int wanted = 0;
            for (int i = 0; i < clause.Exists.Length; i++)
            {
                wanted |= space.Matches(kind, clause.Exists[i].Keys) ? 1 << i : 0;
            }

            List<ItemChoice> choices = [];
            for (int had = wanted; had != 0; had = (had - 1) & wanted)
            {
                choices.Add(new ItemChoice(Of([.. literals, .. clause.Exists.Where((_, i) => (had >> i & 1) != 0).Select(exists => exists.Value)]), had));
            }

            having[kind] = [.. choices];
        }

        int[] required = [.. Enumerable.Range(0, space.Count).Where(kind => space.Name(kind) is { } name && clause.Required.Contains(name))];
        return new ObjectRules { Values = values, Required = required, Wanted = clause.Exists.Length, Having = having, Least = clause.Least, Most = clause.Most };
    }

    ArrayShape Shape(ArrayClause clause, Symbol symbol)
    {
        int places = clause.Items.Select(item => item.To < 0 ? item.From : item.To + 1).Concat(clause.Counts.Select(count => count.From)).Append(0).Max();
        if (clause.Counts.Length > MaxQuotas || places > MaxPlaces)
        {
            throw Owner(symbol).Refuse("", $"it counts {clause.Counts.Length} kinds of items over {places} places; {MaxQuotas} and {MaxPlaces} are the limits.", "Simplify contains and items.");
        }

        ItemChoice[][] choices = new ItemChoice[places + 1][];
        for (int place = 0; place <= places; place++)
        {
            Literal[] literals = [.. clause.Items.Where(item => item.From <= place && (item.To < 0 || item.To >= place)).Select(item => item.Value)];
            choices[place] = [.. Choices(clause, place, literals)];
        }

        return new ArrayShape
        {
            Places = choices,
            Quotas = [.. clause.Counts.Select(count => new ItemQuota(count.From, count.Least, count.Most))],
            Least = clause.Least,
            Most = clause.Most,
        };
    }

    /// <summary>
    /// An item counts towards each quota or not. Where a quota has a limit the two exclude each other; where it has none, an
    /// item that is not counted may be anything.
    /// </summary>
    IEnumerable<ItemChoice> Choices(ArrayClause clause, int place, Literal[] literals)
    {
        int active = 0;
        for (int i = 0; i < clause.Counts.Length; i++)
        {
            active |= clause.Counts[i].From <= place ? 1 << i : 0;
        }

        for (int counted = active; ; counted = (counted - 1) & active)
        {
            List<Literal> all = [.. literals];
            for (int i = 0; i < clause.Counts.Length; i++)
            {
                if ((counted >> i & 1) != 0)
                {
                    all.Add(clause.Counts[i].Value);
                }
                else if ((active >> i & 1) != 0 && clause.Counts[i].Most >= 0)
                {
                    all.Add(clause.Counts[i].Value.Opposite);
                }
            }

            yield return new ItemChoice(Of(all), counted);
            if (counted == 0)
            {
                yield break;
            }
        }
    }

    /// <summary>Marks symbols until no further one turns out to have a value: the least fixed point.</summary>
    void FindPossible()
    {
        bool found = true;
        while (found)
        {
            found = false;
            _meaning.Document.Cancellation.ThrowIfCancellationRequested();
            foreach (Symbol symbol in _all)
            {
                if (!symbol.IsPossible && HasValue(symbol))
                {
                    symbol.IsPossible = true;
                    found = true;
                }
            }
        }
    }

    static bool HasValue(Symbol symbol) => symbol.Words != Words.None
        || !symbol.Number.IsEmpty
        || !symbol.Text.IsEmpty
        || (symbol.Objects is { } objects && objects.Rules.Any(rules => rules.CanComplete(objects.Keys, default, 0, 0)))
        || symbol.Arrays.Any(shape => shape.CanComplete(0, stackalloc int[MaxQuotas]));
}
