using System.Buffers;
using System.Net;
using System.Text.Json;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load.Prompts;

/// <summary>A model as a server lists it.</summary>
/// <param name="Name">What to ask for.</param>
/// <param name="Owner">Whose it is, which tells one server program from another; null where nothing is said.</param>
/// <param name="Vocabulary">How many tokens it knows; null where nothing is said.</param>
readonly record struct ListedModel(string Name, string? Owner, int? Vocabulary);

/// <summary>What has to be asked of a server before prompts of a given length can be made for it.</summary>
static class Calibration
{
    /// <summary>
    /// Ends of the ids that are tried, the most first. Below them and above a quarter of them lie ordinary tokens in all
    /// vocabularies known here, and every vocabulary has the last ones.
    /// </summary>
    static readonly int[] Ends = [100_000, 50_000, 25_000, 10_000, 4_000, 1_000, 250];

    /// <summary>Servers that refuse an id beyond their vocabulary. Others have been seen to die of one.</summary>
    static readonly string[] Careful = ["open-autoglm", "vllm"];

    /// <summary>Words in the two questions about their cost; the second pair is for short contexts.</summary>
    static readonly (int Few, int Many)[] Words = [(32, 160), (8, 40)];

    /// <summary>The models that a server lists.</summary>
    /// <exception cref="CommandFailedException">It does not say.</exception>
    public static async Task<IReadOnlyList<ListedModel>> ModelsAsync(LoadClient client, CancellationToken cancellation)
    {
        JsonElement answer = await client.AskAsync("models", null, cancellation);
        return answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("data", out JsonElement data) && data.ValueKind == JsonValueKind.Array
            ? [.. data.EnumerateArray().Where(model => TextOf(model, "id") is not null).Select(model => new ListedModel(TextOf(model, "id")!, TextOf(model, "owned_by"), VocabularyOf(model)))]
            : [];

        // The field is llama.cpp's.
        static int? VocabularyOf(JsonElement model) =>
            model.TryGetProperty("meta", out JsonElement meta) && meta.ValueKind == JsonValueKind.Object
            && meta.TryGetProperty("n_vocab", out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int count) ? count : null;

        static string? TextOf(JsonElement model, string name) =>
            model.ValueKind == JsonValueKind.Object && model.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    /// <summary>Which ids a server takes: asks for one token behind two ids, the highest first where that is safe.</summary>
    /// <returns>Null and the reason where it takes none.</returns>
    /// <exception cref="CommandFailedException">There is no answer.</exception>
    public static async Task<(TokenIdPrompts? Prompts, string Reason)> TokenIdsAsync(LoadClient client, ListedModel model, CancellationToken cancellation)
    {
        string reason = "";
        foreach (int end in Ends.Where(end => model.Vocabulary is { } known ? end <= known : Careful.Contains(model.Owner) || end == Ends[^1]))
        {
            (HttpStatusCode status, byte[] answer) = await client.TryAskAsync("completions", Probe(model.Name, json =>
            {
                json.WriteStartArray("prompt");
                json.WriteNumberValue(end / 4);
                json.WriteNumberValue(end - 1);
                json.WriteEndArray();
            }), cancellation);
            if (status == HttpStatusCode.OK)
            {
                return (new TokenIdPrompts(end / 4, end - (end / 4)), "");
            }

            reason = $"{(int)status} {AnswerChunk.ErrorOf(answer)}";
            if (status is HttpStatusCode.NotFound or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            {
                break;
            }
        }

        return (null, $"{client.Target.Path("completions")} takes no prompts of token ids: {reason}");
    }

    /// <summary>What a word costs: two prompts of different lengths tell the frame and the slope.</summary>
    /// <exception cref="CommandFailedException">The server does not count, or counts strangely.</exception>
    public static async Task<WordPrompts> WordsAsync(LoadClient client, string model, bool chat, CancellationToken cancellation)
    {
        string reason = "";
        foreach ((int few, int many) in Words)
        {
            (int? fewer, reason) = await CountAsync(few);
            (int? longer, reason) = fewer is null ? (null, reason) : await CountAsync(many);
            if (fewer is { } less && longer is { } more)
            {
                double slope = (double)(more - less) / (many - few);
                return slope is > 0.1 and < 20
                    ? new WordPrompts(slope, Math.Max(0, less - (slope * few)))
                    : throw new CommandFailedException($"{client.Address} counts {less} tokens for {few} words and {more} for {many}: prompts of a length cannot be made with that.");
            }
        }

        throw new CommandFailedException($"{client.Address} does not tell how long a prompt is: {reason} Give prompts of your own with --prompts FILE.");

        async Task<(int? Tokens, string Reason)> CountAsync(int words)
        {
            string text = new WordPrompts(1, 0).Text([new PromptPart((ulong)words, words)]);
            (HttpStatusCode status, byte[] bytes) = await client.TryAskAsync(chat ? "chat/completions" : "completions", Probe(model, json =>
            {
                if (chat)
                {
                    json.WriteStartArray("messages");
                    json.WriteStartObject();
                    json.WriteString("role", "user");
                    json.WriteString("content", text);
                    json.WriteEndObject();
                    json.WriteEndArray();
                }
                else
                {
                    json.WriteString("prompt", text);
                }
            }), cancellation);
            if (status != HttpStatusCode.OK)
            {
                return (null, $"{(int)status} {AnswerChunk.ErrorOf(bytes)}");
            }

            return PromptTokens(bytes) is { } count ? (count, "") : (null, "its answers lack usage.prompt_tokens.");
        }
    }

    static int? PromptTokens(byte[] answer)
    {
        try
        {
            return AnswerChunk.Read(answer, null).PromptTokens is >= 0 and var tokens ? tokens : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static ReadOnlyMemory<byte> Probe(string model, Action<Utf8JsonWriter> prompt)
    {
        ArrayBufferWriter<byte> bytes = new();
        using Utf8JsonWriter json = new(bytes);
        json.WriteStartObject();
        json.WriteString("model", model);
        prompt(json);
        json.WriteNumber("max_tokens", 1);
        json.WriteNumber("temperature", 0);
        json.WriteEndObject();
        json.Flush();
        return bytes.WrittenMemory;
    }
}
