using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Conformance.Constraints;

/// <summary>The JSON Schema test suite: what is compiled decides every instance rightly, however it is spelled.</summary>
public class SchemaSuiteTests(ITestOutputHelper output)
{
    static readonly ConstraintVocabulary Bytes = new(257, id => id < 256 ? [(byte)id] : null, [256]);

    [Theory]
    [InlineData("draft2020-12", SchemaDialect.Draft202012, 85)]
    [InlineData("draft7", SchemaDialect.Draft7, 85)]
    public void Every_instance_is_decided_rightly(string folder, SchemaDialect dialect, int leastPercent)
    {
        // In these folders formats are annotations.
        JsonSchemaOptions options = new() { DefaultDialect = dialect, AssertFormats = false };
        int schemas = 0;
        int compiled = 0;
        int texts = 0;
        List<string> wrong = [];
        foreach (SuiteSchema schema in SuiteSchema.Read(SharedData.Path("jsonschema", "JSON-Schema-Test-Suite", "tests", folder)))
        {
            schemas++;
            if (schema.Compile(Bytes, options) is not { } constraint)
            {
                continue;
            }

            compiled++;
            foreach ((string json, bool valid) in schema.Instances)
            {
                foreach ((string kind, string text) in Spellings.Of(json))
                {
                    texts++;
                    if (constraint.Accepts(text) != valid)
                    {
                        wrong.Add($"{schema.Name}: {(valid ? "valid and refused" : "invalid and accepted")}, {kind}: {text}");
                    }
                }
            }
        }

        output.WriteLine($"{compiled} of {schemas} schemas compiled ({100.0 * compiled / schemas:F1} %), {texts} texts, {wrong.Count} decided wrongly");
        Assert.Empty(wrong);
        Assert.True(100 * compiled >= leastPercent * schemas, $"{compiled} of {schemas} schemas compiled.");
    }

    [Theory]
    [InlineData("date")]
    [InlineData("date-time")]
    [InlineData("duration")]
    [InlineData("email")]
    [InlineData("ipv4")]
    [InlineData("ipv6")]
    [InlineData("json-pointer")]
    [InlineData("relative-json-pointer")]
    [InlineData("time")]
    [InlineData("uri")]
    [InlineData("uri-reference")]
    [InlineData("uuid")]
    public void A_format_that_is_asserted_is_exact(string format)
    {
        string folder = SharedData.Path("jsonschema", "JSON-Schema-Test-Suite", "tests", "draft2020-12", "optional", "format");
        SuiteSchema[] schemas = [.. SuiteSchema.Read(folder).Where(schema => schema.Name.StartsWith(format + ":", StringComparison.Ordinal))];
        Assert.NotEmpty(schemas);
        foreach (SuiteSchema schema in schemas)
        {
            CompiledConstraint constraint = schema.Compile(Bytes, new JsonSchemaOptions())!;
            Assert.All(schema.Instances, instance => Assert.Equal(instance.Valid, constraint.Accepts(instance.Json)));
        }
    }

    [Fact]
    public void Host_names_are_never_wrong()
    {
        // Names of other scripts (xn--) are left out, so some right ones are refused.
        string folder = SharedData.Path("jsonschema", "JSON-Schema-Test-Suite", "tests", "draft2020-12", "optional", "format");
        foreach (SuiteSchema schema in SuiteSchema.Read(folder).Where(schema => schema.Name.StartsWith("hostname:", StringComparison.Ordinal)))
        {
            CompiledConstraint constraint = schema.Compile(Bytes, new JsonSchemaOptions())!;
            Assert.All(schema.Instances, instance => Assert.True(constraint.Accepts(instance.Json) == instance.Valid || (instance.Valid && instance.Json.Contains("xn--"))));
        }
    }
}
