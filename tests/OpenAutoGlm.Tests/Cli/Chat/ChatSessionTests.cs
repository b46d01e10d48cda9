using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cli.Chat;

public sealed class ChatSessionTests : IDisposable
{
    readonly StringWriter _output = new();
    readonly StringWriter _error = new();
    readonly Interrupts _interrupts = new();
    readonly TemporaryFolder _folder = new();
    readonly List<GenerationRequest> _requests = [];
    readonly ChatSettings _settings = new(new SamplingOptions(), 100);

    public void Dispose()
    {
        _interrupts.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Turns_and_answers_become_the_history_of_the_next_request()
    {
        await Chat(["Hello", "Who are you?"], Say("I am ", "an echo."));
        Assert.Equal(["user: Hello"], Messages(_requests[0]));
        Assert.Equal(["user: Hello", "assistant: I am an echo.", "user: Who are you?"], Messages(_requests[1]));
        Assert.Equal("I am an echo.\nI am an echo.\n", _output.ToString());
    }

    [Fact]
    public async Task Thinking_is_kept_apart_from_the_answer()
    {
        await Chat(["Why?"], Say("<think>hm", "m</think>", "\n\nBecause."));
        Assert.Equal("<think>\nhmm\n</think>\nBecause.\n", _output.ToString());
        ChatSession session = await Chat(["Why?", "/retry"], Say("<think>hmm</think>Because."));
        JsonArray messages = session.Conversation.ToMessages();
        Assert.Equal(2, messages.Count);
        Assert.Equal("Because.", messages[1]!["content"]!.GetValue<string>());
        Assert.Equal("hmm", messages[1]!["reasoning_content"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_system_message_comes_first_until_it_is_taken_back()
    {
        await Chat(["/system Be brief.", "Hello", "/system", "Again"], Say("Yes."));
        Assert.Equal("system: Be brief.", Messages(_requests[0])[0]);
        Assert.Equal("user: Hello", Messages(_requests[1])[0]);
    }

    [Fact]
    public async Task Settings_reach_the_next_request_and_bad_ones_change_nothing()
    {
        await Chat(["/set temperature 0.25", "/set max_tokens 7", "/set thinking off", "/set temperature hot", "/set max-tokens 0", "/set colour red", "/set", "Hello"], Say("Yes."));
        GenerationRequest request = Assert.Single(_requests);
        Assert.Equal(0.25f, request.Sampling.Temperature);
        Assert.Equal(7, request.MaxTokens);
        Assert.False(((GenerationPrompt.Chat)request.Prompt).Variables!["enable_thinking"]!.GetValue<bool>());
        Assert.Contains("error: temperature cannot be 'hot'.", _error.ToString());
        Assert.Contains("error: max-tokens cannot be '0'.", _error.ToString());
        Assert.Contains("error: 'colour' is no setting; there are temperature,", _error.ToString());
    }

    [Fact]
    public async Task A_saved_conversation_goes_on_after_loading()
    {
        string path = _folder.File("talk.json");
        await Chat(["/system Be kind.", "Hello", $"/save {path}"], Say("Hi 你好."));
        Assert.Contains("你好", File.ReadAllText(path));
        _requests.Clear();
        await Chat([$"/load {path}", "More"], Say("Sure."));
        Assert.Equal(["system: Be kind.", "user: Hello", "assistant: Hi 你好.", "user: More"], Messages(Assert.Single(_requests)));
    }

    [Theory]
    [InlineData("{", "is no JSON")]
    [InlineData("{}", "holds no conversation")]
    [InlineData("[1]", "messages[0] is no object")]
    [InlineData("""[{"role": "tool", "content": "x"}]""", "messages[0].role is 'tool'")]
    [InlineData("""[{"role": "user", "content": 5}]""", "messages[0].content is no text")]
    public async Task A_file_that_is_no_conversation_is_refused_and_the_chat_goes_on(string text, string reason)
    {
        string path = _folder.Write("talk.json", text);
        await Chat([$"/load {path}", "/load", $"/load {path}.missing", "Hello"], Say("Yes."));
        Assert.Contains(reason, _error.ToString());
        Assert.Single(_requests);
    }

    [Fact]
    public async Task Control_c_stops_the_answer_and_keeps_what_was_said()
    {
        ChatSession session = await Chat(["Count", "Go on"], Endless);
        Assert.Equal(["user: Count", "assistant: 1 2 3", "user: Go on"], Messages(_requests[1]));
        Assert.Contains("(stopped)", _error.ToString());
        Assert.Equal(4, session.Conversation.Count);
        Assert.False(_interrupts.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task Control_c_twice_at_an_empty_prompt_leaves()
    {
        int reads = 0;
        await Session(new Prompts(() => reads++ switch
        {
            0 or 2 or 3 => throw new PromptInterruptedException(),
            1 => "/stats",
            _ => throw new InvalidOperationException("read after the end"),
        }), Say("")).RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(4, reads);
    }

    [Fact]
    public async Task A_question_that_is_refused_is_not_part_of_the_history()
    {
        ChatSession session = await Chat(["Too long"], (_, _) => throw new RequestRefusedException(RefusalReason.PromptTooLong, "prompt", "The prompt has 9 tokens; the context holds 8."));
        Assert.Contains("error: The prompt has 9 tokens; the context holds 8. /clear starts anew.", _error.ToString());
        Assert.Equal(0, session.Conversation.Count);
    }

    [Fact]
    public async Task Exit_leaves_and_an_unknown_command_says_so()
    {
        await Chat(["/nonsense", "/help", "/exit", "Hello"], Say("Yes."));
        Assert.Empty(_requests);
        Assert.Contains("'/nonsense' is no command; /help lists them.", _error.ToString());
        Assert.Contains("/retry", _error.ToString());
    }

    [Fact]
    public async Task Statistics_follow_the_answers_when_wanted()
    {
        await Chat(["/stats", "Hello"], Say("Yes."));
        Assert.Contains("prompt 5 tokens at 10.0/s · answer 3 tokens at 4.00/s · first after 500 ms", _error.ToString());
    }

    async Task<ChatSession> Chat(string[] turns, Answering answering)
    {
        Queue<string> queue = new(turns);
        ChatSession session = Session(new Prompts(() => queue.TryDequeue(out string? turn) ? turn : null), answering);
        await session.RunAsync(TestContext.Current.CancellationToken);
        return session;
    }

    ChatSession Session(IPromptReader reader, Answering answering) => new(
        (request, cancellation) =>
        {
            _requests.Add(request);
            return answering(request, cancellation);
        },
        reader,
        CommandConsole.Of(TextReader.Null, _output, _error, _interrupts),
        _settings);

    static Answering Say(params string[] deltas) => (_, _) => Said(deltas);

    static async IAsyncEnumerable<GenerationEvent> Said(string[] deltas)
    {
        foreach (string delta in deltas)
        {
            await Task.Yield();
            yield return new TextDelta(0, delta);
        }

        yield return new ChoiceFinished(0, FinishReason.Stop, new TokenUsage(5, 3), Timings);
    }

    /// <summary>Counts until somebody presses Ctrl-C, which happens after three.</summary>
    async IAsyncEnumerable<GenerationEvent> Endless(GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        for (int i = 1; ; i++)
        {
            await Task.Yield();
            cancellation.ThrowIfCancellationRequested();
            yield return new TextDelta(0, $"{i} ");
            if (i == 3)
            {
                _interrupts.Interrupt();
            }
        }
    }

    static SequenceTimings Timings => new(TimeSpan.Zero, TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(500), 2);

    static string[] Messages(GenerationRequest request) =>
        [.. ((GenerationPrompt.Chat)request.Prompt).Messages.Select(message => $"{message!["role"]}: {message["content"]}")];

    sealed class Prompts(Func<string?> read) : IPromptReader
    {
        public string? Read() => read();
    }
}
