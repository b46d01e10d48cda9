using System.CommandLine;
using OpenAutoGlm.Cli.Chat;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm chat: a conversation in the terminal, or turn by turn from a pipe.</summary>
sealed class ChatCommand : AutoGlmCommand
{
    readonly Argument<string?> _model = new("model") { Description = "A path, a name on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _modelFlag = Flags.Model();
    readonly Option<string?> _system = Flags.Text("--system", "text", "What the model is told first.");
    readonly SamplingFlags _sampling = new();
    readonly EngineFlags _engine = new();

    public ChatCommand(CommandConsole console)
        : base("chat", "Talks with a model in the terminal; /help there lists its commands.", console)
    {
        Add(_model);
        AddAll([_modelFlag, _system, .. _sampling.All, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm chat zai-org/glm-edge-1.5b-chat", "Talk with a model of the hub, which is fetched the first time:"),
        ("autoglm chat --model glm-4-9b-chat.Q4_K_M.gguf --system \"Be brief.\" --temperature 0.3", "Talk with a model in a file:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string? name = arguments.GetValue(_model) ?? arguments.GetValue(_modelFlag);
        await using AutoInferenceEngine engine = await OpenModel.EngineAsync(name, _engine.Read(arguments), Console, cancellation);
        if (!engine.CanChat)
        {
            throw new CommandFailedException($"{name} has no chat template: it is a base model that continues text. Use autoglm run --model {name} \"Once upon a time\".");
        }

        SamplingOptions sampling = _sampling.Read(arguments, engine.RecommendedSampling);
        ChatSession session = new(Answering(engine.Generator), Reader(cancellation), Console, new ChatSettings(sampling, _sampling.MaxTokens(arguments)));
        session.Conversation.System = arguments.GetValue(_system);
        Console.Note($"{engine.Model.Name} · {engine.Backend.Description} · context {engine.Engine.ContextLength:N0} tokens · /help for help");
        await session.RunAsync(cancellation);
        cancellation.ThrowIfCancellationRequested();
        return ExitCode.Done;
    }

    static Answering Answering(TextGenerator generator) => (request, cancellation) => AnswerAsync(generator, request, cancellation);

    static async IAsyncEnumerable<GenerationEvent> AnswerAsync(TextGenerator generator, GenerationRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        await using TextGeneration generation = generator.Start(request);
        await foreach (GenerationEvent happened in generation.ReadAllAsync(cancellation))
        {
            yield return happened;
        }
    }

    IPromptReader Reader(CancellationToken cancellation)
    {
        if (!Console.InputIsTerminal || !Console.OutputIsTerminal)
        {
            return new LinePromptReader(Console.Input);
        }

        return new TerminalPromptReader(() => Keys.Read(cancellation), Keys.Waiting, () => (Screen.Width, Screen.Height), Console.Output, Console.Colours);
    }
}
