using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>Answers a request, event by event. Cancelling ends the answer and is no error.</summary>
delegate IAsyncEnumerable<GenerationEvent> Answering(GenerationRequest request, CancellationToken cancellation);

/// <summary>
/// A chat: turns come from a reader, answers stream to the console, lines that begin with a slash are commands.
/// Ctrl-C stops the answer and keeps what was said; twice in a row at an empty prompt ends the chat.
/// </summary>
sealed class ChatSession(Answering answering, IPromptReader reader, CommandConsole console, ChatSettings settings)
{
    bool _showStatistics;
    ChoiceFinished? _last;

    /// <summary>The messages so far.</summary>
    public Conversation Conversation { get; } = new();

    bool Styled => console.OutputIsTerminal && console.Colours;

    /// <summary>Runs until /exit, the end of the input, or Ctrl-C twice.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        bool warned = false;
        while (!cancellation.IsCancellationRequested)
        {
            string? turn;
            try
            {
                turn = reader.Read();
                warned = false;
            }
            catch (PromptInterruptedException) when (!warned)
            {
                warned = true;
                console.Note("Ctrl-C again, Ctrl-D or /exit to leave.");
                continue;
            }
            catch (PromptInterruptedException)
            {
                return;
            }

            if (turn is null || !await TakeAsync(turn, cancellation))
            {
                return;
            }
        }
    }

    /// <summary>One turn: an empty one, a command or a question. False ends the chat.</summary>
    async Task<bool> TakeAsync(string turn, CancellationToken cancellation)
    {
        if (string.IsNullOrWhiteSpace(turn))
        {
            return true;
        }

        try
        {
            if (turn.StartsWith('/'))
            {
                (string command, string rest) = turn.Split(' ', 2, StringSplitOptions.TrimEntries) is [{ } first, { } second] ? (first, second) : (turn.Trim(), "");
                return await CommandAsync(command, rest, cancellation);
            }

            Conversation.AddUser(turn);
            await AnswerAsync(cancellation);
        }
        catch (Exception exception) when (exception is CommandFailedException or IOException or UnauthorizedAccessException)
        {
            console.Error.WriteLine($"error: {exception.Message}");
        }

        return true;
    }

    async Task<bool> CommandAsync(string command, string rest, CancellationToken cancellation)
    {
        switch (command)
        {
            case "/help" or "/?":
                Help();
                break;
            case "/exit" or "/quit" or "/bye":
                return false;
            case "/clear":
                Conversation.Clear();
                console.Note("The conversation starts anew.");
                break;
            case "/system":
                Conversation.System = rest.Length > 0 ? rest : null;
                console.Note(rest.Length > 0 ? "The system message is set." : "There is no system message any more.");
                break;
            case "/set" when rest.Length == 0:
                foreach (string line in settings.Describe())
                {
                    console.Note(line);
                }

                break;
            case "/set":
                Set(rest);
                break;
            case "/save":
                Conversation.Save(Named(rest, command));
                console.Note($"{Conversation.Count} messages are in {rest}.");
                break;
            case "/load":
                Conversation.Load(Named(rest, command));
                console.Note($"{Conversation.Count} messages from {rest}.");
                break;
            case "/retry":
                if (!Conversation.ForgetAnswer())
                {
                    throw new CommandFailedException("There is no question to answer again.");
                }

                await AnswerAsync(cancellation);
                break;
            case "/stats":
                _showStatistics = !_showStatistics;
                console.Note(_last is null ? $"Figures {(_showStatistics ? "follow" : "no longer follow")} every answer." : Statistics.Line(_last));
                break;
            default:
                throw new CommandFailedException($"'{command}' is no command; /help lists them.");
        }

        return true;
    }

    async Task AnswerAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using IDisposable redirected = console.Interrupts.Redirect(stop.Cancel);
        ThinkingSplitter splitter = new();
        StringBuilder answer = new();
        StringBuilder thinking = new();
        AnswerWriter writer = new(console.Output, Styled, console.OutputIsTerminal ? new WordWrap(() => Screen.Width - 1) : null);
        try
        {
            await foreach (GenerationEvent happened in answering(Request(), stop.Token))
            {
                foreach (AnswerPiece piece in Pieces(splitter, happened))
                {
                    (piece.Thinking ? thinking : answer).Append(piece.Text);
                    writer.Write(piece);
                }

                _last = happened as ChoiceFinished ?? _last;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // What was said stays; the next turn goes on from there.
        }
        catch (RequestRefusedException exception)
        {
            Conversation.RemoveLast();
            throw new CommandFailedException($"{exception.Message} /clear starts anew.", inner: exception);
        }
        finally
        {
            writer.End();
        }

        Conversation.AddAssistant(answer.ToString().Trim(), thinking.ToString().Trim());
        Remark(stop.IsCancellationRequested);
    }

    GenerationRequest Request() => new()
    {
        Prompt = new GenerationPrompt.Chat(Conversation.ToMessages())
        {
            Variables = settings.Thinking is { } on ? new JsonObject { ["enable_thinking"] = on } : null,
        },
        Sampling = settings.Sampling,
        MaxTokens = settings.MaxTokens,
    };

    static IEnumerable<AnswerPiece> Pieces(ThinkingSplitter splitter, GenerationEvent happened) => happened switch
    {
        TextDelta delta => splitter.Push(delta.Text),
        ChoiceFinished { Reason: FinishReason.Failed } finished => throw new CommandFailedException($"The answer failed: {finished.Error?.Message}", inner: finished.Error),
        ChoiceFinished => splitter.Flush(),
        _ => [],
    };

    void Remark(bool stopped)
    {
        if (stopped)
        {
            console.Note("(stopped)");
        }
        else if (_last?.Reason == FinishReason.Length)
        {
            console.Note("(cut at its greatest length; /set max-tokens N allows more)");
        }

        if (_showStatistics && _last is not null)
        {
            console.Note(Statistics.Line(_last));
        }

        if (console.OutputIsTerminal)
        {
            console.Output.WriteLine();
        }
    }

    void Set(string rest)
    {
        if (rest.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [{ } name, { } value])
        {
            throw new CommandFailedException("/set takes a setting and a value, such as /set temperature 0.5; /set alone lists them.");
        }

        settings.Set(name, value);
        console.Note($"{name} is {value}.");
    }

    void Help()
    {
        foreach ((string command, string meaning) in Commands)
        {
            console.Note($"{command,-22} {meaning}");
        }
    }

    static readonly (string Command, string Meaning)[] Commands =
    [
        ("/system TEXT", "sets what the model is told first; nothing takes it back"),
        ("/set", "lists the settings"),
        ("/set temperature 0.5", "changes one"),
        ("/retry", "answers the last question again"),
        ("/clear", "starts anew; system message and settings stay"),
        ("/save FILE, /load FILE", "the conversation as JSON"),
        ("/stats", "tokens and speed of the last answer; again to stop"),
        ("/exit", "leaves, as Ctrl-D does"),
        ("Alt-Enter, Ctrl-J, \\", "begins a new line, the backslash where it ends one"),
        ("Ctrl-C", "stops an answer, takes a prompt back, and twice leaves"),
    ];

    static string Named(string file, string command) =>
        file.Length > 0 ? file : throw new CommandFailedException($"{command} takes the name of a file, such as {command} talk.json.");
}
