using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace OpenAutoGlm.Models.Gguf;

/// <summary>
/// The keys and values of a GGUF file. Values stay in the file until they are asked for. A getter whose key is absent
/// says so; one whose key has another type throws, because then the file is not what it claims.
/// </summary>
public sealed class GgufMetadata
{
    const int MaxNesting = 4;
    const int MaxDisplay = 60;

    readonly MappedFile _file;
    readonly List<string> _keys = [];
    readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    GgufMetadata(MappedFile file) => _file = file;

    /// <summary>The keys, in the order of the file.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>The file, for error messages.</summary>
    public string File => _file.Path;

    /// <summary>Whether there is such a key.</summary>
    public bool Contains(string key) => _entries.ContainsKey(key);

    /// <summary>The type of a value, that of its elements for an array, and its count (1 for a single value).</summary>
    /// <exception cref="ModelFormatException">There is no such key.</exception>
    public (GgufValueType Type, GgufValueType ElementType, long Count) TypeOf(string key)
    {
        Entry entry = Required(key);
        return (entry.Type, entry.ElementType, entry.Count);
    }

    /// <summary>A string, if the key is there.</summary>
    /// <exception cref="ModelFormatException">The value is no string, or no UTF-8.</exception>
    public bool TryGetString(string key, [NotNullWhen(true)] out string? value)
    {
        bool found = TryFind(key, GgufValueType.String, out Entry entry);
        value = found ? Cursor(entry).String(key) : null;
        return found;
    }

    /// <summary>An integer of any width, if the key is there.</summary>
    /// <exception cref="ModelFormatException">The value is no integer, or does not fit.</exception>
    public bool TryGetInt(string key, out long value)
    {
        bool found = _entries.TryGetValue(key, out Entry entry);
        value = found ? Integer(key, entry.Type, entry.Offset) : 0;
        return found;
    }

    /// <summary>A number, if the key is there; integers count as numbers.</summary>
    /// <exception cref="ModelFormatException">The value is no number.</exception>
    public bool TryGetFloat(string key, out double value)
    {
        bool found = _entries.TryGetValue(key, out Entry entry);
        value = found ? Number(key, entry.Type, entry.Offset) : 0;
        return found;
    }

    /// <summary>A truth value, if the key is there.</summary>
    /// <exception cref="ModelFormatException">The value is no truth value.</exception>
    public bool TryGetBool(string key, out bool value)
    {
        bool found = TryFind(key, GgufValueType.Bool, out Entry entry);
        value = found && Truth(key, entry.Offset);
        return found;
    }

    /// <summary>An array of strings, if the key is there.</summary>
    /// <exception cref="ModelFormatException">The value is no array of strings.</exception>
    public bool TryGetStringArray(string key, [NotNullWhen(true)] out string[]? values)
    {
        values = null;
        if (!TryFind(key, GgufValueType.Array, out Entry entry))
        {
            return false;
        }

        if (entry.ElementType != GgufValueType.String)
        {
            throw WrongType(key, entry, "an array of strings");
        }

        GgufCursor cursor = Cursor(entry);
        values = NewArray<string>(key, entry.Count);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = cursor.String(key);
        }

        return true;
    }

    /// <summary>An array of integers of any width, if the key is there.</summary>
    /// <exception cref="ModelFormatException">The value is no array of integers, or one of them does not fit.</exception>
    public bool TryGetIntArray(string key, [NotNullWhen(true)] out int[]? values) => TryGetArray(
        key,
        (type, offset) => Integer(key, type, offset) is >= int.MinValue and <= int.MaxValue and long value
            ? (int)value
            : throw Error(key, $"the value {Integer(key, type, offset)} does not fit 32 bits."),
        out values);

    /// <summary>An array of numbers, if the key is there.</summary>
    /// <exception cref="ModelFormatException">The value is no array of numbers.</exception>
    public bool TryGetFloatArray(string key, [NotNullWhen(true)] out float[]? values) =>
        TryGetArray(key, (type, offset) => (float)Number(key, type, offset), out values);

    /// <summary>A string that must be there.</summary>
    /// <exception cref="ModelFormatException">It is absent or of another type.</exception>
    public string GetString(string key) => TryGetString(key, out string? value) ? value : throw Absent(key);

    /// <summary>An integer that must be there.</summary>
    /// <exception cref="ModelFormatException">It is absent or of another type.</exception>
    public long GetInt(string key) => TryGetInt(key, out long value) ? value : throw Absent(key);

    /// <summary>A number that must be there.</summary>
    /// <exception cref="ModelFormatException">It is absent or of another type.</exception>
    public double GetFloat(string key) => TryGetFloat(key, out double value) ? value : throw Absent(key);

    /// <summary>A truth value, or <paramref name="whenAbsent"/>.</summary>
    /// <exception cref="ModelFormatException">It is of another type.</exception>
    public bool GetBool(string key, bool whenAbsent) => TryGetBool(key, out bool value) ? value : whenAbsent;

    /// <summary>An array of strings that must be there.</summary>
    /// <exception cref="ModelFormatException">It is absent or of another type.</exception>
    public string[] GetStringArray(string key) => TryGetStringArray(key, out string[]? values) ? values : throw Absent(key);

    /// <summary>An array of integers that must be there.</summary>
    /// <exception cref="ModelFormatException">It is absent or of another type.</exception>
    public int[] GetIntArray(string key) => TryGetIntArray(key, out int[]? values) ? values : throw Absent(key);

    /// <summary>An array of numbers that must be there.</summary>
    /// <exception cref="ModelFormatException">It is absent or of another type.</exception>
    public float[] GetFloatArray(string key) => TryGetFloatArray(key, out float[]? values) ? values : throw Absent(key);

    /// <summary>A value as one short line of text for people: arrays by type and count, long strings cut.</summary>
    public string Display(string key)
    {
        Entry entry = Required(key);
        switch (entry.Type)
        {
            case GgufValueType.Array:
                return $"{entry.ElementType}[{entry.Count}]";
            case GgufValueType.String:
                string text = Cursor(entry).String(key).ReplaceLineEndings("\\n");
                return text.Length <= MaxDisplay ? text : $"{text[..MaxDisplay]}… ({text.Length} characters)";
            case GgufValueType.Bool:
                return Truth(key, entry.Offset) ? "true" : "false";
            case GgufValueType.Float32 or GgufValueType.Float64:
                return Number(key, entry.Type, entry.Offset).ToString("G7", CultureInfo.InvariantCulture);
            case GgufValueType.UInt64:
                return Cursor(entry).UInt64(key).ToString(CultureInfo.InvariantCulture);
            default:
                return Integer(key, entry.Type, entry.Offset).ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>The bytes of key, type and value as they are in the file.</summary>
    internal ReadOnlySpan<byte> Raw(string key)
    {
        Entry entry = Required(key);
        return entry.End - entry.Start <= Array.MaxLength
            ? _file.Bytes(entry.Start, (int)(entry.End - entry.Start))
            : throw Error(key, $"the value takes {entry.End - entry.Start} bytes, more than memory can hold.");
    }

    /// <summary>Reads the keys and steps over the values; afterwards the cursor stands behind the last one.</summary>
    internal static GgufMetadata Read(MappedFile file, ref GgufCursor cursor, long count)
    {
        GgufMetadata metadata = new(file);
        for (long i = 0; i < count; i++)
        {
            long at = cursor.Position;
            string key = cursor.Name("metadata key");
            GgufValueType type = (GgufValueType)cursor.UInt32(key);
            Entry entry = new(type, type, 1, at, cursor.Position, 0);
            if (type == GgufValueType.Array)
            {
                (GgufValueType elementType, long elements) = ReadArrayHead(file, key, ref cursor);
                entry = new(type, elementType, elements, at, cursor.Position, 0);
                SkipElements(file, key, elementType, elements, 1, ref cursor);
            }
            else
            {
                SkipElements(file, key, type, 1, 0, ref cursor);
            }

            if (!metadata._entries.TryAdd(key, entry with { End = cursor.Position }))
            {
                throw new ModelFormatException(file.Path, key, $"the key is there twice, again at byte {at}.");
            }

            metadata._keys.Add(key);
        }

        return metadata;
    }

    static (GgufValueType Type, long Count) ReadArrayHead(MappedFile file, string key, ref GgufCursor cursor)
    {
        GgufValueType type = (GgufValueType)cursor.UInt32(key);
        int minimumBytes = type switch
        {
            GgufValueType.String => sizeof(ulong),
            GgufValueType.Array => sizeof(uint) + sizeof(ulong),
            _ => Math.Max(type.FixedBytes(), 1),
        };
        if (type > GgufValueType.Float64)
        {
            throw UnknownType(file, key, type);
        }

        return (type, cursor.Count(key, minimumBytes));
    }

    static void SkipElements(MappedFile file, string key, GgufValueType type, long count, int nesting, ref GgufCursor cursor)
    {
        if (type.FixedBytes() is > 0 and int bytes)
        {
            // The count has been held against the bytes left, so the product cannot overflow.
            cursor.Skip(count * bytes, key);
        }
        else if (type == GgufValueType.String)
        {
            for (long i = 0; i < count; i++)
            {
                cursor.SkipString(key);
            }
        }
        else if (type == GgufValueType.Array && nesting < MaxNesting)
        {
            for (long i = 0; i < count; i++)
            {
                (GgufValueType elementType, long elements) = ReadArrayHead(file, key, ref cursor);
                SkipElements(file, key, elementType, elements, nesting + 1, ref cursor);
            }
        }
        else
        {
            throw type == GgufValueType.Array
                ? new ModelFormatException(file.Path, key, $"arrays are nested deeper than {MaxNesting} at byte {cursor.Position}.")
                : UnknownType(file, key, type);
        }
    }

    static ModelFormatException UnknownType(MappedFile file, string key, GgufValueType type) =>
        new(file.Path, key, $"the value type {(uint)type} is unknown; 0 to {(uint)GgufValueType.Float64} are known.");

    bool TryGetArray<T>(string key, Func<GgufValueType, long, T> read, [NotNullWhen(true)] out T[]? values)
    {
        values = null;
        if (!TryFind(key, GgufValueType.Array, out Entry entry))
        {
            return false;
        }

        int bytes = entry.ElementType.FixedBytes();
        if (bytes == 0)
        {
            throw WrongType(key, entry, "an array of numbers");
        }

        values = NewArray<T>(key, entry.Count);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = read(entry.ElementType, entry.Offset + ((long)i * bytes));
        }

        return true;
    }

    T[] NewArray<T>(string key, long count) => count <= Array.MaxLength
        ? new T[count]
        : throw Error(key, $"the array has {count} elements, more than memory can hold.");

    long Integer(string key, GgufValueType type, long offset)
    {
        ReadOnlySpan<byte> bytes = _file.Bytes(offset, type.FixedBytes());
        return type switch
        {
            GgufValueType.UInt8 => bytes[0],
            GgufValueType.Int8 => (sbyte)bytes[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            GgufValueType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(bytes) is <= long.MaxValue and ulong value
                ? (long)value
                : throw Error(key, $"the value {BinaryPrimitives.ReadUInt64LittleEndian(bytes)} does not fit 63 bits."),
            _ => throw Error(key, $"the value is of type {type}, not an integer."),
        };
    }

    double Number(string key, GgufValueType type, long offset) => type switch
    {
        GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(_file.Bytes(offset, sizeof(float))),
        GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(_file.Bytes(offset, sizeof(double))),
        GgufValueType.Bool or GgufValueType.String or GgufValueType.Array => throw Error(key, $"the value is of type {type}, not a number."),
        _ => Integer(key, type, offset),
    };

    bool Truth(string key, long offset) => _file.Bytes(offset, 1)[0] switch
    {
        0 => false,
        1 => true,
        byte other => throw Error(key, $"a truth value is 0 or 1, not {other}."),
    };

    GgufCursor Cursor(Entry entry) => new(_file, entry.Offset);

    bool TryFind(string key, GgufValueType type, out Entry entry)
    {
        if (!_entries.TryGetValue(key, out entry))
        {
            return false;
        }

        return entry.Type == type ? true : throw WrongType(key, entry, $"of type {type}");
    }

    Entry Required(string key) => _entries.TryGetValue(key, out Entry entry) ? entry : throw Absent(key);

    ModelFormatException WrongType(string key, Entry entry, string wanted) => Error(
        key,
        $"the value is {(entry.Type == GgufValueType.Array ? $"an array of {entry.ElementType}" : $"of type {entry.Type}")}, not {wanted}.");

    ModelFormatException Absent(string key) => Error(key, "the key is missing.");

    ModelFormatException Error(string key, string message) => new(_file.Path, key, message);

    readonly record struct Entry(GgufValueType Type, GgufValueType ElementType, long Count, long Start, long Offset, long End);
}
