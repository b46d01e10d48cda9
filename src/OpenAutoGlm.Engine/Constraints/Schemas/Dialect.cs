namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>Versions of JSON Schema, as far as they differ in what a schema means.</summary>
public enum SchemaDialect
{
    /// <summary>Draft 4: exclusiveMinimum and exclusiveMaximum are booleans, id names a schema.</summary>
    Draft4,

    /// <summary>Drafts 6 and 7: $ref stands alone, items may be an array.</summary>
    Draft7,

    /// <summary>Drafts 2019-09 and 2020-12.</summary>
    Draft202012,
}

/// <summary>How schemas are read.</summary>
public sealed record JsonSchemaOptions
{
    /// <summary>The dialect of schemas that do not name one with $schema.</summary>
    public SchemaDialect DefaultDialect { get; init; } = SchemaDialect.Draft202012;

    /// <summary>
    /// Whether the formats that are known (date, time, date-time, duration, email, hostname, ipv4, ipv6, uri,
    /// uri-reference, uuid, json-pointer, relative-json-pointer) restrict strings. Others are annotations, and so are
    /// all where this is false.
    /// </summary>
    public bool AssertFormats { get; init; } = true;
}
