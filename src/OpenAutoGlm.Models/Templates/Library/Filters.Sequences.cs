using System.Globalization;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Filters on lists, maps and other sequences.</summary>
static partial class Filters
{
    static void AddSequenceFilters()
    {
        Add("length", "obj, /", (_, a) => (long)Access.Length(a[0]!));
        All["count"] = All["length"];
        Add("list", "value", (interpreter, a) => new ListValue(Copy(a[0]!, interpreter)));
        Add("first", "seq", (interpreter, a) => (a[0] is ListValue list ? list.First() : Access.Walk(a[0]!, interpreter.Budget).FirstOrDefault())
            ?? new UndefinedValue("No first item, sequence was empty."));
        Add("last", "seq", (interpreter, a) => a[0] is ListValue { Kind: SequenceKind.Generator }
            ? throw TemplateFault.Evaluation("'generator' object is not reversible")
            : Access.Walk(a[0]!, interpreter.Budget).LastOrDefault() ?? new UndefinedValue("No last item, sequence was empty."));
        Add("reverse", "value", Reverse);
        Add("items", "value", (interpreter, a) => a[0] switch
        {
            UndefinedValue => Generator([]),
            MapValue map => Generator(CollectionMethods.Items(map, interpreter.Budget)),
            _ => throw TemplateFault.Evaluation("Can only get item pairs from a mapping."),
        });
        Add("join", "value, d=, attribute=", Join);
        Add("sum", "iterable, attribute=, start=", (interpreter, a) =>
        {
            TemplateValue total = a[2] ?? 0L;
            foreach (TemplateValue item in Access.Walk(a[0]!, interpreter.Budget))
            {
                total = Operators.Apply("+", total, a[1] is null or NoneValue ? item : Path(a[1]!)(item, interpreter), interpreter.Budget);
            }

            return total;
        });
        Add("min", "value, case_sensitive=, attribute=", (interpreter, a) => Extreme(interpreter, a, -1));
        Add("max", "value, case_sensitive=, attribute=", (interpreter, a) => Extreme(interpreter, a, 1));
        Add("sort", "value, reverse=, case_sensitive=, attribute=", Sort);
        Add("dictsort", "value, case_sensitive=, by=, reverse=", SortMap);
        Add("unique", "value, case_sensitive=, attribute=", Unique);
        Add("groupby", "value, attribute, default=, case_sensitive=", GroupBy);
        Add("batch", "value, linecount, fill_with=", Batch);
        Add("slice", "value, slices, fill_with=", Slices);
        All["map"] = new("map", Map);
        AddSelection("select", isAttribute: false, keeps: true);
        AddSelection("reject", isAttribute: false, keeps: false);
        AddSelection("selectattr", isAttribute: true, keeps: true);
        AddSelection("rejectattr", isAttribute: true, keeps: false);
    }

    static ListValue Generator(TemplateValue[] items) => new(items, SequenceKind.Generator);

    static TemplateValue[] Copy(TemplateValue value, Interpreter interpreter)
    {
        TemplateValue[] items = Access.Walk(value, interpreter.Budget);
        interpreter.Budget.Elements(items.Length);
        return items;
    }

    /// <summary>The elements of what map and select work on: whatever is false has none, even where it is no sequence.</summary>
    static TemplateValue[] CopyUnlessFalse(TemplateValue value, Interpreter interpreter) => value.IsTrue ? Copy(value, interpreter) : [];

    /// <summary>Reads a.b.0 of an item, elements before members.</summary>
    static Func<TemplateValue, Interpreter, TemplateValue> Path(TemplateValue attribute, TemplateValue? missing = null)
    {
        TemplateValue[] keys = attribute is StringValue path
            ? [.. path.Text.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit) && part.Length < 10
                ? (TemplateValue)long.Parse(part, CultureInfo.InvariantCulture)
                : new StringValue(part))]
            : [attribute];
        return (item, interpreter) =>
        {
            foreach (TemplateValue key in keys)
            {
                item = Access.Element(item, key, interpreter.Budget);
                if (missing is not null && item is UndefinedValue) item = missing;
            }

            return item;
        };
    }

    /// <summary>What items are compared by: an attribute, several separated by commas, without regard to case unless asked.</summary>
    static Func<TemplateValue, TemplateValue> Key(Interpreter interpreter, TemplateValue? attribute, bool isCaseSensitive, bool allowsSeveral = false)
    {
        TemplateValue Fold(TemplateValue value) => !isCaseSensitive && value is StringValue text
            ? new StringValue(StringMethods.Lower(text.Text, interpreter.Budget))
            : value;

        if (attribute is null or NoneValue) return Fold;
        if (allowsSeveral && attribute is StringValue several && several.Text.Contains(','))
        {
            var paths = several.Text.Split(',').Select(part => Path(new StringValue(part))).ToArray();
            return item => new ListValue([.. paths.Select(path => Fold(path(item, interpreter)))]);
        }

        var path = Path(attribute);
        return item => Fold(path(item, interpreter));
    }

    static TemplateValue Reverse(Interpreter interpreter, TemplateValue?[] a)
    {
        if (a[0] is StringValue text) return Made(text.Reversed(), interpreter);
        TemplateValue[] items = [.. Copy(a[0]!, interpreter)];
        Array.Reverse(items);
        return Generator(items);
    }

    static TemplateValue Join(Interpreter interpreter, TemplateValue?[] a)
    {
        string separator = a[1] is null ? "" : Text(interpreter, a[1]);
        TemplateValue[] items = Access.Walk(a[0]!, interpreter.Budget);
        var path = a[2] is null or NoneValue ? null : Path(a[2]!);
        string[] parts = new string[items.Length];
        long length = Math.Max(0, items.Length - 1L) * separator.Length;
        for (int i = 0; i < items.Length; i++)
        {
            parts[i] = Text(interpreter, path is null ? items[i] : path(items[i], interpreter));
            length += parts[i].Length;
        }

        interpreter.Budget.Characters(length);
        return new StringValue(string.Join(separator, parts));
    }

    static TemplateValue Extreme(Interpreter interpreter, TemplateValue?[] a, int wanted)
    {
        var key = Key(interpreter, a[2], Arguments.IsTrue(a[1]));
        TemplateValue? best = null;
        TemplateValue? bestKey = null;
        foreach (TemplateValue item in Access.Walk(a[0]!, interpreter.Budget))
        {
            TemplateValue itemKey = key(item);
            if (best is null || Math.Sign(Comparisons.Order(itemKey, bestKey!, interpreter.Budget)) == wanted) (best, bestKey) = (item, itemKey);
        }

        return best ?? new UndefinedValue("No aggregated item, sequence was empty.");
    }

    /// <summary>A stable sort by key; reversed, equal items keep their order too.</summary>
    static TemplateValue[] Sorted(Interpreter interpreter, TemplateValue[] items, Func<TemplateValue, TemplateValue> key, bool isReversed)
    {
        interpreter.Budget.Elements(items.Length * 3L);
        TemplateValue[] keys = [.. items.Select(key)];
        int[] order = [.. Enumerable.Range(0, items.Length)];
        MergeSort(order, keys, isReversed ? -1 : 1, interpreter.Budget);
        return [.. order.Select(index => items[index])];
    }

    /// <summary>Sorts indices by their keys. Written out because a comparison may throw, which must arrive as it is.</summary>
    static void MergeSort(int[] order, TemplateValue[] keys, int direction, Budget budget)
    {
        int[] merged = new int[order.Length];
        for (int width = 1; width < order.Length; width *= 2)
        {
            for (int start = 0; start < order.Length; start += 2 * width)
            {
                int middle = Math.Min(start + width, order.Length);
                int end = Math.Min(start + (2 * width), order.Length);
                int left = start;
                int right = middle;
                for (int i = start; i < end; i++)
                {
                    bool takesRight = left == middle
                        || (right < end && direction * Math.Sign(Comparisons.Order(keys[order[right]], keys[order[left]], budget)) < 0);
                    merged[i] = order[takesRight ? right++ : left++];
                }
            }

            merged.CopyTo(order, 0);
        }
    }

    static TemplateValue Sort(Interpreter interpreter, TemplateValue?[] a)
    {
        // Keys are compared inside of lists, where equal ones need no order: that is how Jinja sorts several None.
        var key = Key(interpreter, a[3], Arguments.IsTrue(a[2]), allowsSeveral: true);
        TemplateValue[] items = Copy(a[0]!, interpreter);
        return new ListValue(Sorted(interpreter, items, item => new ListValue([key(item)]), Arguments.IsTrue(a[1])));
    }

    static TemplateValue SortMap(Interpreter interpreter, TemplateValue?[] a)
    {
        if (a[0] is not MapValue map) throw TemplateFault.Evaluation($"dictsort needs a map, not {a[0]!.TypeName}");
        int half = (a[2] is null ? "key" : Arguments.Text(a[2], "by")) switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw TemplateFault.Evaluation("You can only sort by either \"key\" or \"value\""),
        };
        var key = Key(interpreter, null, Arguments.IsTrue(a[1]));
        return new ListValue(Sorted(interpreter, CollectionMethods.Items(map, interpreter.Budget), pair => key(((ListValue)pair).Items[half]), Arguments.IsTrue(a[3])));
    }

    static TemplateValue Unique(Interpreter interpreter, TemplateValue?[] a)
    {
        var key = Key(interpreter, a[2], Arguments.IsTrue(a[1]));
        HashSet<TemplateValue> seen = new(KeyComparer.Instance);
        TemplateValue[] items = Access.Walk(a[0]!, interpreter.Budget);
        interpreter.Budget.Entries(items.Length);
        return Generator([.. items.Where(item => seen.Add(key(item)))]);
    }

    static TemplateValue GroupBy(Interpreter interpreter, TemplateValue?[] a)
    {
        bool isCaseSensitive = Arguments.IsTrue(a[3]);
        var path = Path(a[1]!, a[2]);
        TemplateValue Key(TemplateValue item) => path(item, interpreter) is var value && !isCaseSensitive && value is StringValue text
            ? new StringValue(StringMethods.Lower(text.Text, interpreter.Budget)) : value;

        List<TemplateValue> groups = [];
        List<TemplateValue> group = [];
        foreach (TemplateValue item in Sorted(interpreter, Copy(a[0]!, interpreter), Key, isReversed: false))
        {
            if (group.Count > 0 && !Comparisons.AreEqual(Key(group[0]), Key(item), interpreter.Budget)) Close();
            group.Add(item);
        }

        if (group.Count > 0) Close();
        return new ListValue([.. groups]);

        void Close()
        {
            groups.Add(new GroupValue(path(group[0], interpreter), new ListValue([.. group])));
            group.Clear();
        }
    }

    static TemplateValue Batch(Interpreter interpreter, TemplateValue?[] a)
    {
        TemplateValue[] items = Copy(a[0]!, interpreter);
        int size = Arguments.Integer(a[1], 0, "linecount");
        if (size < 1) throw TemplateFault.Evaluation("linecount must be at least 1");
        List<TemplateValue> rows = [];
        foreach (TemplateValue[] chunk in items.Chunk(Math.Min(size, Math.Max(1, items.Length))))
        {
            TemplateValue[] row = chunk;
            if (row.Length < size && a[2] is not (null or NoneValue))
            {
                interpreter.Budget.Elements(size);
                row = [.. row, .. Enumerable.Repeat(a[2]!, size - row.Length)];
            }

            rows.Add(new ListValue(row));
        }

        interpreter.Budget.Entries(rows.Count);
        return Generator([.. rows]);
    }

    static TemplateValue Slices(Interpreter interpreter, TemplateValue?[] a)
    {
        TemplateValue[] items = Copy(a[0]!, interpreter);
        int count = Arguments.Integer(a[1], 0, "slices");
        if (count < 1) throw TemplateFault.Evaluation("slices must be at least 1");
        interpreter.Budget.Entries(count);
        (int size, int longer) = Math.DivRem(items.Length, count);
        List<TemplateValue> slices = [];
        int start = 0;
        for (int i = 0; i < count; i++)
        {
            int end = start + size + (i < longer ? 1 : 0);
            List<TemplateValue> slice = [.. items[start..end]];
            if (a[2] is not (null or NoneValue) && i >= longer) slice.Add(a[2]!);
            slices.Add(new ListValue([.. slice]));
            start = end;
        }

        return Generator([.. slices]);
    }

    static TemplateValue Map(Interpreter interpreter, CallArguments arguments)
    {
        TemplateValue[] items = CopyUnlessFalse(arguments.Positional[0], interpreter);
        Func<TemplateValue, TemplateValue> change;
        if (arguments.Positional.Count == 1 && arguments.Named("attribute") is { } attribute)
        {
            var path = Path(attribute, arguments.Named("default"));
            change = item => path(item, interpreter);
        }
        else
        {
            if (arguments.Positional.Count < 2) throw TemplateFault.Evaluation("map requires a filter argument");
            string filter = Arguments.Text(arguments.Positional[1], "the name of a filter");
            CallArguments rest = new([.. arguments.Positional.Skip(2)], arguments.Keyword);
            change = item => interpreter.ApplyFilter(filter, rest.WithFirst(item));
        }

        return Generator([.. items.Select(change)]);
    }

    static void AddSelection(string name, bool isAttribute, bool keeps) => All[name] = new(name, (interpreter, arguments) =>
    {
        TemplateValue[] items = CopyUnlessFalse(arguments.Positional[0], interpreter);
        int used = isAttribute ? 2 : 1;
        if (arguments.Positional.Count < used) throw TemplateFault.Evaluation($"{name} needs the name of an attribute");
        var subject = isAttribute ? Path(arguments.Positional[1]) : static (item, _) => item;
        Func<TemplateValue, bool> matches = static value => value.IsTrue;
        if (arguments.Positional.Count > used)
        {
            string test = Arguments.Text(arguments.Positional[used], "the name of a test");
            CallArguments rest = new([.. arguments.Positional.Skip(used + 1)], arguments.Keyword);
            matches = value => interpreter.ApplyTest(test, rest.WithFirst(value));
        }

        return Generator([.. items.Where(item => matches(subject(item, interpreter)) == keeps)]);
    });
}
