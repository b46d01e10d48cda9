using System.Collections.Immutable;
using System.Text.Json;

namespace OpenAutoGlm.Models.Safetensors;

/// <summary>Reads the JSON header of a safetensors file and holds it against the bytes that follow.</summary>
static class SafetensorsHeader
{
    // The tensors' own objects and shapes are three deep; the rest is for keys that nobody has thought of yet.
    const int MaxDepth = 8;
    const int MaxRank = 16;

    /// <summary>The tensors in the order of their bytes, and the free-form metadata.</summary>
    public static (List<TensorInfo> Tensors, Dictionary<string, string> Metadata) Read(MappedFile map, ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        List<TensorInfo> tensors = [];
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        HashSet<string> names = new(StringComparer.Ordinal);
        string at = "header";
        try
        {
            Expect(map, at, ref reader, JsonTokenType.StartObject);
            while (NextName(map, at, ref reader) is { } name)
            {
                at = name;
                if (!names.Add(name))
                {
                    throw new ModelFormatException(map.Path, name, "the name is there twice.");
                }

                if (name == "__metadata__")
                {
                    ReadMetadata(map, ref reader, metadata);
                }
                else
                {
                    tensors.Add(ReadTensor(map, name, sizeof(ulong) + json.Length, ref reader));
                }
            }

            if (reader.Read())
            {
                throw new ModelFormatException(map.Path, "header", "something follows the JSON object.");
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with half a surrogate pair, which the reader finds only on decoding.
            throw new ModelFormatException(map.Path, at, $"the header is no valid JSON: {error.Message}", error);
        }

        tensors.Sort((left, right) => (left.Offset, left.Bytes).CompareTo((right.Offset, right.Bytes)));
        RefuseHolesAndOverlaps(map, tensors, sizeof(ulong) + json.Length);
        return (tensors, metadata);
    }

    static void ReadMetadata(MappedFile map, ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        Expect(map, "__metadata__", ref reader, JsonTokenType.StartObject);
        while (NextName(map, "__metadata__", ref reader) is { } key)
        {
            Expect(map, "__metadata__", ref reader, JsonTokenType.String);
            metadata[key] = reader.GetString()!;
        }
    }

    static TensorInfo ReadTensor(MappedFile map, string name, long dataOffset, ref Utf8JsonReader reader)
    {
        string? typeName = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        Expect(map, name, ref reader, JsonTokenType.StartObject);
        while (NextName(map, name, ref reader) is { } key)
        {
            switch (key)
            {
                case "dtype" when typeName is null:
                    Expect(map, name, ref reader, JsonTokenType.String);
                    typeName = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(map, name, MaxRank, ref reader);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(map, name, 2, ref reader);
                    break;
                default:
                    throw new ModelFormatException(map.Path, name, $"the member '{key}' is unknown or there twice.");
            }
        }

        if (typeName is null || shape is null || offsets is not [long begin, long end])
        {
            throw new ModelFormatException(map.Path, name, "dtype, shape and two data_offsets belong to a tensor.");
        }

        if (begin > end || end > map.Length - dataOffset)
        {
            throw new ModelFormatException(map.Path, name, $"data_offsets [{begin}, {end}] do not lie in the {map.Length - dataOffset} bytes of data; the file may be cut: fetch it again.");
        }

        SafetensorsType? type = SafetensorsType.Find(typeName);
        ImmutableArray<int> extents = CheckShape(map, name, shape, type, end - begin);
        return new TensorInfo(name, extents, typeName, type?.Format, dataOffset + begin, end - begin);
    }

    static ImmutableArray<int> CheckShape(MappedFile map, string name, List<long> shape, SafetensorsType? type, long bytes)
    {
        UInt128 elements = 1;
        foreach (long extent in shape)
        {
            if (extent > int.MaxValue || elements > long.MaxValue)
            {
                throw new ModelFormatException(map.Path, name, $"the shape [{string.Join(", ", shape)}] is too large.");
            }

            elements *= (ulong)extent;
        }

        if (elements > (UInt128)bytes * 8)
        {
            throw new ModelFormatException(map.Path, name, $"the shape [{string.Join(", ", shape)}] holds more elements than {bytes} bytes have bits.");
        }

        if (type is not null && elements * (uint)type.Bits != (UInt128)bytes * 8)
        {
            throw new ModelFormatException(map.Path, name, $"{type.Name}[{string.Join(", ", shape)}] does not take the {bytes} bytes that data_offsets give it.");
        }

        return [.. shape.Select(extent => (int)extent)];
    }

    static void RefuseHolesAndOverlaps(MappedFile map, List<TensorInfo> tensors, long dataOffset)
    {
        long end = dataOffset;
        foreach (TensorInfo tensor in tensors)
        {
            if (tensor.Offset != end)
            {
                string what = tensor.Offset < end ? "overlaps the tensor before it" : "leaves a hole before it";
                throw new ModelFormatException(map.Path, tensor.Name, $"it begins at byte {tensor.Offset} and so {what}, which ends at byte {end}.");
            }

            end += tensor.Bytes;
        }

        if (end != map.Length)
        {
            throw new ModelFormatException(map.Path, "file", $"the tensors end at byte {end}, the file at byte {map.Length}.");
        }
    }

    static List<long> ReadNumbers(MappedFile map, string name, int limit, ref Utf8JsonReader reader)
    {
        List<long> numbers = [];
        Expect(map, name, ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0 || numbers.Count == limit)
            {
                throw new ModelFormatException(map.Path, name, $"at most {limit} whole numbers from 0 on belong in its arrays.");
            }

            numbers.Add(number);
        }

        return numbers;
    }

    static string? NextName(MappedFile map, string field, ref Utf8JsonReader reader)
    {
        if (!reader.Read())
        {
            throw new ModelFormatException(map.Path, field, "the header ends too early.");
        }

        return reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;
    }

    static void Expect(MappedFile map, string field, ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw new ModelFormatException(map.Path, field, $"a {type} belongs here, not a {reader.TokenType}.");
        }
    }
}
