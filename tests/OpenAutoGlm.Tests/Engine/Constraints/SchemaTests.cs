using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints;

public class SchemaTests
{
    [Theory]
    [InlineData("""{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"], "additionalProperties": false}""",
        new[] { """{"a":1}""", """{"b":"x","a":1}""", """ { "a" : 1 , "b" : "x" } """, """{"\u0061":1}""", "{\n  \"a\": 1\n}" },
        new[] { "{}", """{"b":"x"}""", """{"a":1,"c":2}""", """{"a":"1"}""", """{"a":1,"a":2}""", """{"a":1,}""", """{"a":1""", """{"a":1}}""" })]
    [InlineData("""{"type": "string", "minLength": 2, "maxLength": 3}""",
        new[] { "\"ab\"", "\"éé\"", "\"😀😀\"", "\"\\ud83d\\ude00\\u0041\"", "\"\\n\\t\\\\\"" },
        new[] { "\"a\"", "\"abcd\"", "\"\\ud83d\\ude00\"", "\"\\ud83dab\"", "\"\\ude00ab\"", "\"a\nb\"", "\"a\\xb\"", "ab" })]
    [InlineData("""{"type": "string", "pattern": "^(abc)*$", "minLength": 4, "maxLength": 8}""", new[] { "\"abcabc\"" }, new[] { "\"abc\"", "\"abcabcabc\"", "\"\"" })]
    [InlineData("""{"type": "array", "items": {"enum": ["a", null]}, "minItems": 1, "maxItems": 2}""", new[] { "[\"a\"]", "[null, \"a\"]" }, new[] { "[]", "[null,null,null]", "[1]" })]
    [InlineData("""{"prefixItems": [{"type": "null"}, {"const": {"x": [1]}}], "items": false, "minItems": 2}""", new[] { "[null,{\"x\":[1.0]}]", "5" }, new[] { "[null]", "[null,{\"x\":[1]},3]", "[null,{\"x\":[1],\"y\":2}]" })]
    [InlineData("""{"type": "array", "contains": {"type": "integer"}, "minContains": 2, "maxContains": 2}""", new[] { "[1,2]", "[1,\"a\",2]" }, new[] { "[1]", "[1,2,3]", "[\"a\"]" })]
    [InlineData("""{"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}""", new[] { """{"a":1}""", """{"c":2,"b":1}""" }, new[] { "{}", """{"a":1,"b":2}""" })]
    [InlineData("""{"not": {"properties": {"a": {"type": "string"}}, "required": ["a"]}, "type": "object"}""", new[] { "{}", """{"a":1}""", """{"b":"x"}""" }, new[] { """{"a":"x"}""" })]
    [InlineData("""{"if": {"properties": {"kind": {"const": "n"}}, "required": ["kind"]}, "then": {"properties": {"v": {"type": "number"}}}, "else": {"properties": {"v": {"type": "string"}}}, "type": "object"}""",
        new[] { """{"kind":"n","v":1}""", """{"v":1,"kind":"n"}""", """{"v":"x"}""" }, new[] { """{"kind":"n","v":"x"}""", """{"v":1}""", """{"v":1,"kind":"m"}""" })]
    [InlineData("""{"type": "object", "patternProperties": {"^n": {"type": "number"}}, "additionalProperties": {"type": "boolean"}, "minProperties": 2}""",
        new[] { """{"n":1,"x":true}""", """{"n":1,"name":2}""" }, new[] { """{"n":true,"x":true}""", """{"x":true}""", """{"x":true,"x":false}""" })]
    [InlineData("""{"type": "object", "propertyNames": {"pattern": "^[ab]$"}, "maxProperties": 1}""", new[] { "{}", """{"a":1}""" }, new[] { """{"c":1}""", """{"a":1,"b":2}""" })]
    [InlineData("""{"$defs": {"tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "required": ["kids"], "additionalProperties": false}}, "$ref": "#/$defs/tree"}""",
        new[] { """{"kids":[]}""", """{"kids":[{"kids":[{"kids":[]}]},{"kids":[]}]}""" }, new[] { "{}", """{"kids":[{}]}""", """{"kids":[1]}""" })]
    [InlineData("""{"type": "object", "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"properties": {"d": {"type": "null"}}}}}""",
        new[] { "{}", """{"b":1,"a":1}""", """{"c":1,"d":null}""", """{"d":1}""" }, new[] { """{"a":1}""", """{"d":1,"c":1}""" })]
    [InlineData("""{"allOf": [{"properties": {"a": true}}, {"properties": {"b": true}}], "unevaluatedProperties": false, "type": "object"}""", new[] { """{"a":1,"b":2}""" }, new[] { """{"c":1}""" })]
    [InlineData("""{"type": ["string", "null"], "format": "date"}""", new[] { "null", "\"2024-02-29\"" }, new[] { "\"2023-02-29\"", "\"2024-2-9\"" })]
    [InlineData("""{"description": "a \"quoted\"\nname \u0000", "title": "x", "examples": [{"type": 3}], "default": {"$ref": "nowhere"}, "const": "a\"\n"}""", new[] { "\"a\\\"\\n\"" }, new[] { "\"a\"" })]
    public void Instances_are_accepted_exactly(string schema, string[] right, string[] wrong)
    {
        CompiledConstraint compiled = TestVocabulary.Schema(schema);
        Assert.All(right, text => Assert.True(compiled.Accepts(text.TrimEnd()), text));
        Assert.All(wrong, text => Assert.False(compiled.Accepts(text), text));
    }

    [Theory]
    [InlineData("""{"type": "text"}""", "/type")]
    [InlineData("""{"properties": {"a/b": {"type": "array", "uniqueItems": true}}}""", "/properties/a~1b/uniqueItems")]
    [InlineData("""{"properties": {"a": {"pattern": "(?=x)"}}}""", "/properties/a/pattern")]
    [InlineData("""{"properties": {"a": {"minLength": -1}}}""", "/properties/a/minLength")]
    [InlineData("""{"$ref": "#/$defs/missing"}""", "/$ref")]
    [InlineData("""{"$ref": "https://example.com/other.json"}""", "/$ref")]
    [InlineData("""{"$ref": "#"}""", "")]
    [InlineData("""{"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#"}]}}}""", "")]
    [InlineData("""{"$schema": "https://example.com/own"}""", "/$schema")]
    [InlineData("""{"multipleOf": 0}""", "/multipleOf")]
    [InlineData("""{"multipleOf": 123457}""", "/multipleOf")]
    [InlineData("""{"items": {"required": "a"}}""", "/items/required")]
    [InlineData("""{"enum": 5}""", "/enum")]
    [InlineData("""{"minimum": "3"}""", "/minimum")]
    [InlineData("""{"minimum": 1e999999}""", "/minimum")]
    [InlineData("""[]""", "")]
    [InlineData("""{"type": """, "")]
    [InlineData("""false""", "")]
    [InlineData("""{"type": "integer", "minimum": 5, "maximum": 4}""", "")]
    [InlineData("""{"type": "object", "properties": {"a": false}, "required": ["a"]}""", "")]
    [InlineData("""{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}""", "")]
    public void What_cannot_be_honoured_is_refused_with_its_pointer(string schema, string pointer)
    {
        ConstraintException refused = Assert.Throws<ConstraintException>(() => TestVocabulary.Schema(schema));
        Assert.Equal(pointer, refused.Pointer);
        Assert.NotEmpty(refused.Reason);
    }

    [Fact]
    public void Huge_counts_cost_no_states()
    {
        CompiledConstraint text = TestVocabulary.Schema("""{"type": "string", "maxLength": 1000000}""");
        Assert.True(text.Accepts($"\"{new string('a', 5000)}\""));
        CompiledConstraint array = TestVocabulary.Schema("""{"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 1000000}""");
        Assert.True(array.Accepts("[null,null,null,null]"));
        Assert.False(array.Accepts("[null]"));
    }

    [Fact]
    public void Deep_and_wide_schemas_are_compiled_or_refused()
    {
        string deep = string.Concat(Enumerable.Repeat("{\"items\":", 2000)) + "{}" + new string('}', 2000);
        Assert.Throws<ConstraintException>(() => TestVocabulary.Schema(deep));
        string wide = $$"""{"type": "object", "properties": {{{string.Join(',', Enumerable.Range(0, 2000).Select(i => $"\"key{i}\": {{\"type\": \"integer\"}}"))}}}, "additionalProperties": false}""";
        Assert.True(TestVocabulary.Schema(wide).Accepts("""{"key1999":1,"key7":2}"""));
        Assert.Throws<ConstraintException>(() => TestVocabulary.Schema(new string(' ', SchemaDocument.MaxLength + 1)));
    }

    [Fact]
    public void White_space_is_free_and_has_an_end()
    {
        CompiledConstraint compiled = TestVocabulary.Compile(OutputConstraint.Json());
        Assert.True(compiled.Accepts("{\n" + new string(' ', 200) + "}"));
        Assert.False(compiled.Accepts("{" + new string(' ', 300) + "}"));
        Assert.False(compiled.Accepts("{}\n"));
        Assert.True(compiled.Accepts(new string('\n', 16) + "{}"));
        Assert.False(compiled.Accepts(new string('\n', 17) + "{}"));
    }

    [Fact]
    public void Compilation_can_be_cancelled()
    {
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => new CompiledConstraint(OutputConstraint.Json(), TestVocabulary.Instance, cancelled.Token));
    }

    [Fact]
    public void Formats_are_annotations_where_that_is_asked_for()
    {
        const string Schema = """{"type": "string", "format": "ipv4"}""";
        Assert.False(TestVocabulary.Schema(Schema).Accepts("\"1.2.3\""));
        Assert.True(TestVocabulary.Compile(OutputConstraint.JsonSchema(Schema, new JsonSchemaOptions { AssertFormats = false })).Accepts("\"1.2.3\""));
        Assert.True(TestVocabulary.Schema("""{"format": "of my own"}""").Accepts("\"x\""));
    }
}
