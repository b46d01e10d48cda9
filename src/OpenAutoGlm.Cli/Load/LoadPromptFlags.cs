using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Cli.Load.Prompts;
using OpenAutoGlm.Cli.Load.Shape;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load;

/// <summary>The flags that say what is asked.</summary>
sealed class LoadPromptFlags
{
    const string Ids = "ids";
    const string Words = "words";

    static readonly Lengths DefaultPrompt = new(256, 256);
    static readonly Lengths DefaultOutput = new(64, 64);
    static readonly ImmutableHashSet<string> Own = ["model", "prompt", "messages", "stream"];

    readonly Option<string?> _prompts = Flags.Text("--prompts", "ids|words|file", "What prompts are made of: token ids, exactly as many as wanted; common words, right on average; or a file of JSON lines with prompt or messages. Default: ids, and words for chat and for servers that take no ids.");
    readonly Option<Lengths?> _promptTokens = Flags.Parsed("--prompt-tokens", "lengths", $"Length of prompts: {Lengths.Form}. Default: 256.", Lengths.Form, Lengths.Parse);
    readonly Option<Lengths?> _outputTokens = Flags.Parsed("--output-tokens", "lengths", "Length of answers, as max_tokens; the same forms. Default: 64.", Lengths.Form, Lengths.Parse);
    readonly Option<int?> _prefix = Flags.Int("--shared-prefix", "Tokens with which all prompts begin, in addition. Default: 0.", 0, 10_000_000);
    readonly Option<int?> _turns = Flags.Int("--turns", "Turns of each conversation; each sends all that was said before. Default: 1.", 1, 1000);
    readonly Option<TimeSpan?> _think = Flags.Time("--think-time", "Pause between an answer and the next turn. Default: none.");
    readonly Option<string?> _trace = Flags.Text("--trace", "file", "Replay a trace: Azure's CSV, Mooncake's JSON lines, or records of this command. Its lengths and its shared prefixes are kept.");
    readonly Option<int?> _limit = Flags.Int("--limit", "Requests of the trace, from its beginning. Default: all.", 1, TraceReader.MaxRequests);
    readonly Option<int?> _outputCap = Flags.Int("--max-tokens-cap", "Longest answer of the trace; longer ones are cut to it.", 1, TraceReader.MaxTokens);
    readonly Option<int?> _promptCap = Flags.Int("--max-prompt-cap", "Longest prompt of the trace; longer ones are cut to it.", 1, TraceReader.MaxTokens);
    readonly Option<Lengths?> _ids = Flags.Parsed("--token-ids", "from-to", "Ids to make prompts of. Default: a range that the server takes; ids below 250 where asking for more might kill it.", "a range of ids such as 1000-30000", Lengths.Parse);
    readonly Option<bool> _mayEnd = Flags.Switch("--no-ignore-eos", "Let the model end its answers: ignore_eos is not sent.");
    readonly Option<bool> _noUsage = Flags.Switch("--no-usage", "Do not send stream_options; tokens are then counted as pieces of text.");
    readonly Option<ImmutableArray<KeyValuePair<string, JsonElement>>?> _extra = Flags.Parsed("--extra", "json", "Further members of every request, such as '{\"top_p\": 0.9}'. temperature is 0 unless it is here.", "a JSON object without model, prompt, messages and stream", ParseExtra);

    (string Path, Trace Trace, int Cut)? _read;

    public IEnumerable<Option> All => [_prompts, _promptTokens, _outputTokens, _prefix, _turns, _think, _trace, _limit, _outputCap, _promptCap, _ids, _mayEnd, _noUsage, _extra];

    /// <summary>Whether what is asked are conversations, which need the chat endpoint.</summary>
    public bool Converses(ParseResult arguments) => arguments.GetValue(_turns) > 1
        || (FileOf(arguments) is { } path && ConversationsOf(arguments, path, 0).Conversations.Any(Talks));

    /// <summary>The trace, cut as asked.</summary>
    public Trace? TraceOf(ParseResult arguments)
    {
        if (arguments.GetValue(_trace) is not { } path)
        {
            if (arguments.GetValue(_limit) is not null || arguments.GetValue(_outputCap) is not null || arguments.GetValue(_promptCap) is not null)
            {
                throw CommandFailedException.Usage("--limit, --max-tokens-cap and --max-prompt-cap cut a trace: give --trace too.");
            }

            return null;
        }

        if (_read is null || _read.Value.Path != path)
        {
            Trace trace = TraceReader.Read(path, arguments.GetValue(_limit));
            trace = trace.Capped(arguments.GetValue(_promptCap) ?? int.MaxValue, arguments.GetValue(_outputCap) ?? int.MaxValue, out int cut);
            _read = (path, trace, cut);
        }

        return _read.Value.Trace;
    }

    /// <exception cref="CommandFailedException">Flags do not go together.</exception>
    public void Check(ParseResult arguments, bool chat)
    {
        bool lengths = arguments.GetValue(_promptTokens) is not null || arguments.GetValue(_prefix) is not null || arguments.GetValue(_turns) is not null;
        if (arguments.GetValue(_trace) is not null && (lengths || arguments.GetValue(_outputTokens) is not null || FileOf(arguments) is not null))
        {
            throw CommandFailedException.Usage("--trace tells all lengths: --prompt-tokens, --output-tokens, --shared-prefix, --turns and a file of prompts exclude it.");
        }

        if (FileOf(arguments) is not null && lengths)
        {
            throw CommandFailedException.Usage("A file of prompts tells what is said: --prompt-tokens, --shared-prefix and --turns exclude it.");
        }

        if (chat && arguments.GetValue(_prompts) == Ids)
        {
            throw CommandFailedException.Usage("Chats are texts: '--prompts ids' goes with '--endpoint completions'.");
        }

        if (!chat && Converses(arguments))
        {
            throw CommandFailedException.Usage("Conversations need '--endpoint chat'.");
        }
    }

    public IWorkload Workload(ParseResult arguments, int seed) => (TraceOf(arguments), FileOf(arguments)) switch
    {
        ({ } trace, _) => new TraceWorkload(trace),
        (_, { } path) => ConversationsOf(arguments, path, seed),
        _ => new MadeUpWorkload(
            arguments.GetValue(_promptTokens) ?? DefaultPrompt,
            arguments.GetValue(_outputTokens) ?? DefaultOutput,
            arguments.GetValue(_prefix) ?? 0,
            arguments.GetValue(_turns) ?? 1,
            seed),
    };

    /// <summary>How bodies for a server are made, which may have to be asked.</summary>
    public async Task<(RequestBody Bodies, string? Remark)> BodiesAsync(ParseResult arguments, LoadClient client, string? model, bool chat, CancellationToken cancellation)
    {
        ListedModel listed = await ModelAsync(client, model, cancellation);
        (PromptWriter prompts, string? remark) = await WriterAsync(arguments, client, listed, chat, cancellation);
        return (new RequestBody
        {
            Model = listed.Name,
            Chat = chat,
            Prompts = prompts,
            IgnoreEos = !arguments.GetValue(_mayEnd),
            Usage = !arguments.GetValue(_noUsage),
            Extra = arguments.GetValue(_extra) ?? [],
        }, remark);
    }

    /// <summary>What prompts and answers are, in words.</summary>
    public string Describe(ParseResult arguments)
    {
        string answers = $"answers of {arguments.GetValue(_outputTokens) ?? DefaultOutput} tokens";
        if (TraceOf(arguments) is { } trace)
        {
            return $"{trace.Name}: {trace.Requests.Length} requests, {trace.PromptTokens} prompt tokens, {trace.OutputTokens} answer tokens";
        }

        if (FileOf(arguments) is { } path)
        {
            return $"prompts of {Path.GetFileName(path)}, {answers}";
        }

        string prefix = arguments.GetValue(_prefix) is > 0 and var shared ? $"{shared} shared and " : "";
        string turns = arguments.GetValue(_turns) is > 1 and var many ? $"{many} turns of " : "";
        return $"{turns}prompts of {prefix}{arguments.GetValue(_promptTokens) ?? DefaultPrompt} tokens, {answers}";
    }

    public IEnumerable<string> Remarks(ParseResult arguments)
    {
        if (TraceOf(arguments) is { } trace && _read is { Cut: > 0 and var cut })
        {
            yield return $"{cut} of {trace.Requests.Length} requests of the trace were longer and are cut";
        }
    }

    public TimeSpan ThinkTime(ParseResult arguments) => arguments.GetValue(_think) ?? TimeSpan.Zero;

    /// <summary>The model of a name, else the first; one that was named need not be listed.</summary>
    static async Task<ListedModel> ModelAsync(LoadClient client, string? name, CancellationToken cancellation)
    {
        IReadOnlyList<ListedModel> models;
        try
        {
            models = await Calibration.ModelsAsync(client, cancellation);
        }
        catch (CommandFailedException) when (name is not null)
        {
            return new ListedModel(name, null, null);
        }

        return name is null
            ? models.Count > 0 ? models[0] : throw new CommandFailedException($"{client.Target.Path("models")} lists no model; name one with --model.")
            : models.Where(model => model.Name == name).Append(new ListedModel(name, null, null)).First();
    }

    async Task<(PromptWriter Prompts, string? Remark)> WriterAsync(ParseResult arguments, LoadClient client, ListedModel model, bool chat, CancellationToken cancellation)
    {
        string? wanted = arguments.GetValue(_prompts);
        if (FileOf(arguments) is not null)
        {
            return (new WordPrompts(1, 0), null);
        }

        string? remark = null;
        if (!chat && wanted is null or Ids)
        {
            if (arguments.GetValue(_ids) is { } ids)
            {
                return (new TokenIdPrompts(ids.Least, ids.Most - ids.Least + 1), null);
            }

            (TokenIdPrompts? prompts, string reason) = await Calibration.TokenIdsAsync(client, model, cancellation);
            if (prompts is not null)
            {
                return (prompts, null);
            }

            remark = wanted is null
                ? $"prompts are words, since {reason}"
                : throw new CommandFailedException($"{reason} '--prompts words' makes texts; --token-ids names the ids of a vocabulary.");
        }

        WordPrompts words = await Calibration.WordsAsync(client, model.Name, chat, cancellation);
        return (words, remark ?? FormattableString.Invariant($"prompts are words of {words.TokensPerWord:0.00} tokens and {words.Frame:0} around them: lengths are right on average"));
    }

    FileWorkload ConversationsOf(ParseResult arguments, string path, int seed) => PromptFile.Read(path, arguments.GetValue(_outputTokens) ?? DefaultOutput, seed);

    string? FileOf(ParseResult arguments) => arguments.GetValue(_prompts) is { } prompts and not (Ids or Words) ? prompts : null;

    static bool Talks(Conversation conversation) => conversation.Turns.Length > 1 || !conversation.Opening.IsEmpty;

    static ImmutableArray<KeyValuePair<string, JsonElement>>? ParseExtra(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement extra = document.RootElement;
            return extra.ValueKind == JsonValueKind.Object && !extra.EnumerateObject().Any(member => Own.Contains(member.Name))
                ? [.. extra.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, member.Value.Clone()))]
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
