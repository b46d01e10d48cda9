using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OpenAutoGlm.Engine.Traces;

/// <summary>How one line of a format is read.</summary>
interface ITraceLine
{
    TraceFormat Format { get; }

    int BlockTokens { get; }

    /// <summary>The request of a line; its arrival may count from any instant.</summary>
    /// <exception cref="FormatException">The line has another form; the message says what and what belongs there.</exception>
    TraceRequest Parse(ReadOnlySpan<byte> line);
}

/// <summary>2023-11-16 18:15:46.6805900,374,44</summary>
sealed class AzureLine : ITraceLine
{
    const string Instant = "yyyy-MM-dd HH:mm:ss.FFFFFFF";

    static ReadOnlySpan<byte> Header => "TIMESTAMP,ContextTokens,GeneratedTokens"u8;

    public TraceFormat Format => TraceFormat.Azure;

    public int BlockTokens => 1;

    public static bool IsHeader(ReadOnlySpan<byte> line) => line.SequenceEqual(Header);

    public TraceRequest Parse(ReadOnlySpan<byte> line)
    {
        int first = line.IndexOf((byte)',');
        int last = line.LastIndexOf((byte)',');
        if (first < 0 || last == first || line[(first + 1)..last].Contains((byte)','))
        {
            throw new FormatException($"three columns belong here, {Encoding.UTF8.GetString(Header)}, not '{TraceField.Show(line)}'.");
        }

        if (!DateTime.TryParseExact(Encoding.UTF8.GetString(line[..first]), Instant, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime instant))
        {
            throw new FormatException($"TIMESTAMP is '{TraceField.Show(line[..first])}'; an instant such as 2023-11-16 18:15:46.6805900 belongs there.");
        }

        return new TraceRequest(instant - DateTime.UnixEpoch, Tokens("ContextTokens", line[(first + 1)..last]), Tokens("GeneratedTokens", line[(last + 1)..]), []);
    }

    static int Tokens(string name, ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out int value, out int consumed) && consumed == text.Length ? TraceField.Tokens(name, value) : throw TraceField.Wrong(name, TraceField.Show(text));
}

/// <summary>
/// One JSON object a line, its numbers under the names of its format. Other fields are passed over: both formats carry
/// more in some publications.
/// </summary>
sealed class JsonTraceLine : ITraceLine
{
    const int MaxBlocks = 1 << 20;

    readonly string _arrival;
    readonly string _prompt;
    readonly string _output;
    readonly string _blocks;
    readonly double _secondsPerUnit;

    JsonTraceLine(TraceFormat format, int blockTokens, (string Arrival, string Prompt, string Output, string Blocks) names, double secondsPerUnit)
    {
        (Format, BlockTokens, _secondsPerUnit) = (format, blockTokens, secondsPerUnit);
        (_arrival, _prompt, _output, _blocks) = names;
    }

    public TraceFormat Format { get; }

    public int BlockTokens { get; }

    /// <summary>The format that a first line belongs to.</summary>
    public static JsonTraceLine Of(ReadOnlySpan<byte> line)
    {
        using JsonDocument document = Object(line);
        if (document.RootElement.TryGetProperty("input_length", out _))
        {
            return new JsonTraceLine(TraceFormat.Mooncake, 512, ("timestamp", "input_length", "output_length", "hash_ids"), 1e-3);
        }

        if (document.RootElement.TryGetProperty("prompt_tokens", out _))
        {
            int blockTokens = document.RootElement.TryGetProperty("block_tokens", out JsonElement tokens) ? TraceField.Tokens("block_tokens", tokens) : 512;
            return new JsonTraceLine(TraceFormat.OpenAutoGlm, blockTokens, ("arrival", "prompt_tokens", "output_tokens", "blocks"), 1);
        }

        throw new FormatException("the object has neither input_length (Mooncake's traces) nor prompt_tokens (traces of this program), and is no request.");
    }

    public TraceRequest Parse(ReadOnlySpan<byte> line)
    {
        using JsonDocument document = Object(line);
        JsonElement request = document.RootElement;
        if (Format == TraceFormat.OpenAutoGlm && request.TryGetProperty("block_tokens", out JsonElement tokens) && TraceField.Tokens("block_tokens", tokens) != BlockTokens)
        {
            throw new FormatException($"block_tokens is {tokens.GetRawText()} here and {BlockTokens} before; a trace has one size of blocks.");
        }

        int prompt = TraceField.Tokens(_prompt, Field(request, _prompt));
        return new TraceRequest(Arrival(Field(request, _arrival)), prompt, Answer(request), Blocks(request, prompt));
    }

    /// <summary>Answers without a token are in published traces; to be answered at all takes one.</summary>
    int Answer(JsonElement request)
    {
        JsonElement field = Field(request, _output);
        return field.ValueKind == JsonValueKind.Number && field.TryGetInt32(out int value) && value == 0 ? 1 : TraceField.Tokens(_output, field);
    }

    TimeSpan Arrival(JsonElement field)
    {
        double seconds = field.ValueKind == JsonValueKind.Number && field.TryGetDouble(out double value) ? value * _secondsPerUnit : double.NaN;
        return seconds is >= 0 and <= TraceReader.MaxSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"{_arrival} is {TraceField.Show(field)}; {(_secondsPerUnit == 1 ? "seconds" : "milliseconds")} from 0 to a hundred years belong there.");
    }

    ImmutableArray<long> Blocks(JsonElement request, int prompt)
    {
        if (!request.TryGetProperty(_blocks, out JsonElement field) || field.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        int wanted = (int)(((long)prompt + BlockTokens - 1) / BlockTokens);
        if (field.ValueKind != JsonValueKind.Array || field.GetArrayLength() != wanted || wanted > MaxBlocks)
        {
            string found = field.ValueKind == JsonValueKind.Array ? $"{field.GetArrayLength()} names" : TraceField.Show(field);
            throw new FormatException($"{_blocks} has {found}; {prompt} tokens in blocks of {BlockTokens} need {wanted}, and {MaxBlocks} are the most.");
        }

        var blocks = ImmutableArray.CreateBuilder<long>(wanted);
        foreach (JsonElement block in field.EnumerateArray())
        {
            blocks.Add(block.ValueKind == JsonValueKind.Number && block.TryGetInt64(out long name) ? name : throw new FormatException($"{_blocks}[{blocks.Count}] is {TraceField.Show(block)}; a whole number belongs there."));
        }

        return blocks.MoveToImmutable();
    }

    static JsonElement Field(JsonElement request, string name) =>
        request.TryGetProperty(name, out JsonElement field) ? field : throw new FormatException($"{name} is missing.");

    static JsonDocument Object(ReadOnlySpan<byte> line)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(line.ToArray(), new JsonDocumentOptions { MaxDepth = 16 });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
        }
        catch (JsonException error)
        {
            throw new FormatException($"a JSON object, or the heading of an Azure trace, belongs here, not '{TraceField.Show(line)}'.", error);
        }

        throw new FormatException($"a JSON object, or the heading of an Azure trace, belongs here, not '{TraceField.Show(line)}'.");
    }
}

/// <summary>Numbers of tokens within their limits, and values as errors show them.</summary>
static class TraceField
{
    const int Shown = 48;

    public static int Tokens(string name, int value) => value is >= 1 and <= TraceReader.MaxTokens ? value : throw Wrong(name, value.ToString(CultureInfo.InvariantCulture));

    public static int Tokens(string name, JsonElement field) => field.ValueKind == JsonValueKind.Number && field.TryGetInt32(out int value) ? Tokens(name, value) : throw Wrong(name, Show(field));

    public static FormatException Wrong(string name, string value) => new($"{name} is {value}; a whole number from 1 to {TraceReader.MaxTokens} belongs there.");

    public static string Show(JsonElement field) => Show(Encoding.UTF8.GetBytes(field.GetRawText()));

    /// <summary>The beginning of something that nobody knows, fit for a line of a terminal.</summary>
    public static string Show(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, Shown)]);
        return string.Concat(text.Select(character => char.IsControl(character) ? '·' : character)) + (bytes.Length > Shown ? "…" : "");
    }
}
