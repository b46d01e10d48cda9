using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>The types of JSON values.</summary>
[Flags]
enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Number = 8 | Integer,
    String = 16,
    Array = 32,
    Object = 64,
    All = 127,
}

/// <summary>
/// One schema: its keywords, read and checked. Keywords that only describe are passed over; what cannot be honoured is
/// refused where it stands. Nodes may also be made up: for a value (const), and for what a combination needs.
/// </summary>
sealed class SchemaNode
{
    readonly SchemaDocument _document;
    readonly SchemaDocument.Place _place;

    public SchemaNode(SchemaDocument document, SchemaDocument.Place place)
    {
        (_document, _place) = (document, place);
        Id = document.NextId();
        Pointer = place.Pointer;
    }

    /// <summary>A node that is none of the text.</summary>
    public SchemaNode(SchemaDocument document, string pointer)
    {
        _document = document;
        Id = document.NextId();
        Pointer = pointer;
    }

    public int Id { get; }

    /// <summary>Where it stands in the text.</summary>
    public string Pointer { get; }

    /// <summary>true or false, where the schema is only that.</summary>
    public bool? Boolean { get; set; }

    public JsonTypes Types { get; private set; } = JsonTypes.All;

    /// <summary>Lists of values (enum, const) in each of which the value must be.</summary>
    public List<IReadOnlyList<JsonElement>> ValueLists { get; } = [];

    /// <summary>Schemas that it refers to and that hold as well.</summary>
    public List<SchemaNode> References { get; } = [];

    public ImmutableArray<SchemaNode> AllOf { get; set; } = [];

    public ImmutableArray<SchemaNode> AnyOf { get; set; } = [];

    public ImmutableArray<SchemaNode> OneOf { get; private set; } = [];

    public SchemaNode? Not { get; set; }

    public SchemaNode? If { get; private set; }

    public SchemaNode? Then { get; private set; }

    public SchemaNode? Else { get; private set; }

    /// <summary>minLength, maxLength, pattern and format together.</summary>
    public StringLanguage Text { get; private set; } = StringLanguage.Any;

    /// <summary>Bounds of numbers with their relations.</summary>
    public IReadOnlyList<(JsonNumber Bound, string Relation)> Bounds { get; private set; } = [];

    public JsonNumber? MultipleOf { get; private set; }

    public IReadOnlyList<(string Name, SchemaNode Schema)> Properties { get; private set; } = [];

    public IReadOnlyList<(Dfa Names, SchemaNode Schema)> PatternProperties { get; private set; } = [];

    public SchemaNode? AdditionalProperties { get; private set; }

    public SchemaNode? UnevaluatedProperties { get; private set; }

    public SchemaNode? PropertyNames { get; private set; }

    public IReadOnlyList<string> Required { get; private set; } = [];

    public int LeastProperties { get; private set; }

    public int MostProperties { get; private set; } = -1;

    public IReadOnlyList<(string Name, IReadOnlyList<string> Required)> DependentRequired { get; private set; } = [];

    public IReadOnlyList<(string Name, SchemaNode Schema)> DependentSchemas { get; private set; } = [];

    public ImmutableArray<SchemaNode> Prefix { get; private set; } = [];

    public SchemaNode? Items { get; private set; }

    public SchemaNode? UnevaluatedItems { get; private set; }

    public SchemaNode? Contains { get; private set; }

    public int LeastContains { get; private set; } = 1;

    public int MostContains { get; private set; } = -1;

    public int LeastItems { get; private set; }

    public int MostItems { get; private set; } = -1;

    public bool UniqueItems { get; private set; }

    /// <summary>Whether what its parts leave unevaluated matters.</summary>
    public bool HasUnevaluated => UnevaluatedProperties is not null || UnevaluatedItems is not null;

    /// <summary>Whether 1.0 is no integer, as draft 4 has it.</summary>
    public bool HasStrictIntegers => IsDraft4;

    bool IsDraft4 => _place.Dialect == SchemaDialect.Draft4;

    bool IsOld => _place.Dialect != SchemaDialect.Draft202012;

    /// <summary>A refusal at one of its keywords.</summary>
    public ConstraintException Refuse(string keyword, string reason, string remedy = "", Exception? inner = null) =>
        ConstraintException.Schema(keyword.Length == 0 ? Pointer : $"{Pointer}/{keyword}", reason, remedy, inner);

    /// <summary>Reads the keywords. Apart from the constructor because schemas may lead back to themselves.</summary>
    public void Read()
    {
        JsonElement element = _place.Element;
        switch (element.ValueKind)
        {
            case JsonValueKind.True or JsonValueKind.False:
                Boolean = element.ValueKind == JsonValueKind.True;
                return;
            case JsonValueKind.Object:
                break;
            default:
                throw Refuse("", "a schema must be an object, true or false.");
        }

        Dictionary<string, JsonElement> members = [];
        foreach (JsonProperty member in element.EnumerateObject())
        {
            members[member.Name] = member.Value;
        }

        if (IsOld && members.TryGetValue("$ref", out JsonElement lone))
        {
            References.Add(_document.Resolve(_place, StringOf(lone, "$ref"), "$ref"));
            return;
        }

        foreach ((string name, JsonElement value) in members)
        {
            try
            {
                ReadGeneral(name, value);
                ReadScalar(name, value);
                ReadObject(name, value);
                ReadArray(name, value, members);
            }
            catch (ConstraintLimitException error)
            {
                throw Refuse(name, $"it {error.Message}.", "Simplify it.");
            }
        }
    }

    void ReadGeneral(string name, JsonElement value)
    {
        switch (name)
        {
            case "$ref":
                References.Add(_document.Resolve(_place, StringOf(value, name), name));
                break;
            case "$dynamicRef" when !IsOld:
                string reference = StringOf(value, name);
                string anchor = reference[(reference.IndexOf('#') + 1)..];
                References.Add(_document.DynamicAnchors(anchor) <= 1
                    ? _document.Resolve(_place, reference, name)
                    : throw Refuse(name, "which schema it leads to depends on the way there.", "Use $ref."));
                break;
            case "$recursiveRef":
                throw Refuse(name, "which schema it leads to depends on the way there.", "Use $ref.");
            case "$vocabulary":
                break;
            case "type":
                Types = ReadTypes(value);
                break;
            case "enum":
                ValueLists.Add(value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Refuse(name, "it must be an array."));
                break;
            case "const" when !IsDraft4:
                ValueLists.Add([value]);
                break;
            case "allOf":
                AllOf = Schemas(value, name);
                break;
            case "anyOf":
                AnyOf = Schemas(value, name);
                break;
            case "oneOf":
                OneOf = Schemas(value, name);
                break;
            case "not":
                Not = Child(value, name);
                break;
            case "if" when !IsDraft4:
                If = Child(value, name);
                break;
            case "then" when !IsDraft4:
                Then = Child(value, name);
                break;
            case "else" when !IsDraft4:
                Else = Child(value, name);
                break;
        }
    }

    void ReadScalar(string name, JsonElement value)
    {
        switch (name)
        {
            case "minLength":
                Text = Text.And(StringLanguage.OfLength(Count(value, name), -1));
                break;
            case "maxLength":
                Text = Text.And(StringLanguage.OfLength(0, Count(value, name)));
                break;
            case "pattern":
                Text = Text.And(StringLanguage.Of(Pattern(StringOf(value, name), name)));
                break;
            case "format" when _document.Options.AssertFormats:
                // A format that is not known here is an annotation.
                Text = value.ValueKind == JsonValueKind.String && Formats.Find(value.GetString()!) is { } form ? Text.And(form) : Text;
                break;
            case "minimum":
                AddBound(value, name, IsDraft4 && Flag("exclusiveMinimum") ? ">" : ">=");
                break;
            case "maximum":
                AddBound(value, name, IsDraft4 && Flag("exclusiveMaximum") ? "<" : "<=");
                break;
            case "exclusiveMinimum" when !IsDraft4:
                AddBound(value, name, ">");
                break;
            case "exclusiveMaximum" when !IsDraft4:
                AddBound(value, name, "<");
                break;
            case "multipleOf":
                MultipleOf = Number(value, name) is { Negative: false, IsZero: false } divisor ? divisor : throw Refuse(name, "it must be over 0.");
                break;
        }
    }

    bool Flag(string name) => _place.Element.TryGetProperty(name, out JsonElement flag) && flag.ValueKind == JsonValueKind.True;

    void AddBound(JsonElement value, string name, string relation) => Bounds = [.. Bounds, (Number(value, name), relation)];

    void ReadObject(string name, JsonElement value)
    {
        switch (name)
        {
            case "properties":
                Properties = [.. Members(value, name).Select(member => (member.Name, Child(member.Value, $"{name}/{SchemaDocument.Escape(member.Name)}")))];
                break;
            case "patternProperties":
                PatternProperties = [.. Members(value, name).Select(member =>
                {
                    string keyword = $"{name}/{SchemaDocument.Escape(member.Name)}";
                    return (Pattern(member.Name, keyword), Child(member.Value, keyword));
                })];
                break;
            case "additionalProperties":
                AdditionalProperties = Child(value, name);
                break;
            case "unevaluatedProperties" when !IsOld:
                UnevaluatedProperties = Child(value, name);
                break;
            case "propertyNames" when !IsDraft4:
                PropertyNames = Child(value, name);
                break;
            case "required":
                Required = Strings(value, name);
                break;
            case "minProperties":
                LeastProperties = Count(value, name);
                break;
            case "maxProperties":
                MostProperties = Count(value, name);
                break;
            case "dependentRequired" when !IsOld:
                DependentRequired = [.. DependentRequired, .. Members(value, name).Select(member => (member.Name, Strings(member.Value, $"{name}/{SchemaDocument.Escape(member.Name)}")))];
                break;
            case "dependentSchemas" when !IsOld:
                DependentSchemas = [.. DependentSchemas, .. Members(value, name).Select(member => (member.Name, Child(member.Value, $"{name}/{SchemaDocument.Escape(member.Name)}")))];
                break;
            case "dependencies":
                foreach (JsonProperty member in Members(value, name))
                {
                    string keyword = $"{name}/{SchemaDocument.Escape(member.Name)}";
                    if (member.Value.ValueKind == JsonValueKind.Array)
                    {
                        DependentRequired = [.. DependentRequired, (member.Name, Strings(member.Value, keyword))];
                    }
                    else
                    {
                        DependentSchemas = [.. DependentSchemas, (member.Name, Child(member.Value, keyword))];
                    }
                }

                break;
        }
    }

    void ReadArray(string name, JsonElement value, Dictionary<string, JsonElement> members)
    {
        switch (name)
        {
            case "prefixItems" when !IsOld:
                Prefix = Schemas(value, name);
                break;
            case "items" when value.ValueKind == JsonValueKind.Array:
                if (members.ContainsKey("prefixItems") && !IsOld)
                {
                    throw Refuse(name, "it must be a schema beside prefixItems.");
                }

                Prefix = value.GetArrayLength() == 0 ? [] : Schemas(value, name);
                Items = members.TryGetValue("additionalItems", out JsonElement rest) ? Child(rest, "additionalItems") : null;
                break;
            case "items":
                Items = Child(value, name);
                break;
            case "unevaluatedItems" when !IsOld:
                UnevaluatedItems = Child(value, name);
                break;
            case "contains" when !IsDraft4:
                Contains = Child(value, name);
                break;
            case "minContains" when !IsOld:
                LeastContains = Count(value, name);
                break;
            case "maxContains" when !IsOld:
                MostContains = Count(value, name);
                break;
            case "minItems":
                LeastItems = Count(value, name);
                break;
            case "maxItems":
                MostItems = Count(value, name);
                break;
            case "uniqueItems":
                UniqueItems = value.ValueKind switch
                {
                    JsonValueKind.True => true,
                    JsonValueKind.False => false,
                    _ => throw Refuse(name, "it must be true or false."),
                };
                break;
        }
    }

    JsonTypes ReadTypes(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return value.EnumerateArray().Aggregate(JsonTypes.None, (types, one) => types | OneType(one));
        }

        return OneType(value);
    }

    JsonTypes OneType(JsonElement value) => StringOf(value, "type") switch
    {
        "null" => JsonTypes.Null,
        "boolean" => JsonTypes.Boolean,
        "integer" => JsonTypes.Integer,
        "number" => JsonTypes.Number,
        "string" => JsonTypes.String,
        "array" => JsonTypes.Array,
        "object" => JsonTypes.Object,
        string other => throw Refuse("type", $"there is no type '{ConstraintException.Clip(other)}'.", "The types are null, boolean, integer, number, string, array and object."),
    };

    SchemaNode Child(JsonElement value, string keyword) => _document.Child(_place, value, $"{Pointer}/{keyword}");

    ImmutableArray<SchemaNode> Schemas(JsonElement value, string keyword) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
        ? [.. value.EnumerateArray().Select((schema, index) => Child(schema, string.Create(CultureInfo.InvariantCulture, $"{keyword}/{index}")))]
        : throw Refuse(keyword, "it must be an array with at least one schema.");

    IEnumerable<JsonProperty> Members(JsonElement value, string keyword)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Refuse(keyword, "it must be an object.");
        }

        // Of members with one name the last counts, as it does elsewhere.
        Dictionary<string, JsonProperty> members = [];
        foreach (JsonProperty member in value.EnumerateObject())
        {
            members[member.Name] = member;
        }

        return members.Values;
    }

    IReadOnlyList<string> Strings(JsonElement value, string keyword) =>
        value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(one => one.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(one => one.GetString()!).Distinct()]
            : throw Refuse(keyword, "it must be an array of strings.");

    string StringOf(JsonElement value, string keyword) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Refuse(keyword, "it must be a string.");

    int Count(JsonElement value, string keyword)
    {
        double number = value.ValueKind == JsonValueKind.Number ? value.GetDouble() : -1;
        return number >= 0 && number == Math.Floor(number)
            ? (int)Math.Min(number, 1_000_000_000)
            : throw Refuse(keyword, "it must be a whole number of at least 0.");
    }

    JsonNumber Number(JsonElement value, string keyword)
    {
        if (value.ValueKind != JsonValueKind.Number)
        {
            throw Refuse(keyword, "it must be a number.");
        }

        return JsonNumber.TryParse(value.GetRawText(), out JsonNumber number)
            ? number
            : throw Refuse(keyword, $"a number may have {JsonNumber.MaxDigits} digits and an exponent of {JsonNumber.MaxExponent}.");
    }

    Dfa Pattern(string pattern, string keyword)
    {
        try
        {
            return _document.Pattern(pattern);
        }
        catch (ConstraintException error)
        {
            throw Refuse(keyword, $"the pattern cannot be honoured: {error.Message}", inner: error);
        }
    }
}
