using System.CommandLine;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm run: one prompt, one answer, streamed.</summary>
sealed class RunCommand : AutoGlmCommand
{
    readonly Argument<string?> _prompt = new("prompt") { Description = "What to ask. Without it, or with '-', standard input is read.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<string?> _system = Flags.Text("--system", "text", "What the model is told first.");
    readonly Option<bool> _raw = Flags.Switch("--raw", "Continue the prompt as it is, without the model's chat template. Models without a template always do.");
    readonly Option<bool> _stats = Flags.Switch("--stats", "Print tokens and speed to standard error afterwards.");
    readonly SamplingFlags _sampling = new();
    readonly ConstraintFlags _constraint = new();
    readonly EngineFlags _engine = new();

    public RunCommand(CommandConsole console)
        : base("run", "Answers one prompt and streams the text.", console)
    {
        Add(_prompt);
        AddAll([_model, _system, _raw, _stats, .. _sampling.All, .. _constraint.All, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm run --model glm-4-9b-chat.Q4_K_M.gguf \"Why is the sky blue?\"", "Ask a model in a file:"),
        ("autoglm run --model zai-org/glm-edge-1.5b-chat --system \"Answer in Chinese.\" --max-tokens 200 \"Hello\"", "Ask a model of the hub, which is fetched the first time:"),
        ("autoglm run --model stories260K.gguf --raw --temperature 0 --stats \"Once upon a time\"", "Let a base model go on with a text, always with the likeliest token:"),
        ("autoglm run --model glm-4-9b-chat.Q4_K_M.gguf --json-schema person.schema.json \"Who wrote Faust?\"", "Get an answer that a program can read, as a JSON Schema says:"),
        ("autoglm run --model glm-4-9b-chat.Q4_K_M.gguf --regex \"(yes|no)\" \"Is the sky blue?\"", "Get one of two answers:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string prompt = arguments.GetValue(_prompt) is { } given and not "-" ? given : await ReadPromptAsync(cancellation);
        OutputConstraint? constraint = _constraint.Read(arguments);
        await using AutoInferenceEngine engine = await OpenModel.EngineAsync(arguments.GetValue(_model), _engine.Read(arguments), Console, cancellation);
        await using TextGeneration generation = engine.Generator.Start(new GenerationRequest
        {
            Prompt = Prompt(engine, prompt, arguments),
            Sampling = _sampling.Read(arguments, engine.RecommendedSampling),
            MaxTokens = _sampling.MaxTokens(arguments),
            Constraint = constraint,
        });
        return await StreamAsync(generation, arguments.GetValue(_stats), cancellation);
    }

    GenerationPrompt Prompt(AutoInferenceEngine engine, string prompt, ParseResult arguments)
    {
        string? system = arguments.GetValue(_system);
        if (engine.CanChat && !arguments.GetValue(_raw))
        {
            return engine.Ask(prompt, system);
        }

        return system is null
            ? new GenerationPrompt.Text(prompt)
            : throw CommandFailedException.Usage("--system needs a chat template, and there is none here: leave it out, or put its text into the prompt.");
    }

    async Task<int> StreamAsync(TextGeneration generation, bool stats, CancellationToken cancellation)
    {
        bool lineEnded = true;
        await foreach (GenerationEvent happened in generation.ReadAllAsync(cancellation))
        {
            switch (happened)
            {
                case TextDelta { Text.Length: > 0 } delta:
                    Console.Output.Write(delta.Text);
                    Console.Output.Flush();
                    lineEnded = delta.Text.EndsWith('\n');
                    break;

                case ChoiceFinished { Reason: FinishReason.Failed } failed:
                    throw new CommandFailedException($"The answer failed: {failed.Error?.Message}", inner: failed.Error);

                case ChoiceFinished finished:
                    Console.Output.Write(lineEnded ? "" : "\n");
                    if (stats)
                    {
                        Console.Note(Statistics.Line(finished));
                    }

                    break;
            }
        }

        return ExitCode.Done;
    }

    async Task<string> ReadPromptAsync(CancellationToken cancellation)
    {
        if (Console.InputIsTerminal)
        {
            throw CommandFailedException.Usage("There is no prompt. Give one in quotes, or pipe a text in; 'autoglm chat' asks for one after the other.");
        }

        string text = (await Console.Input.ReadToEndAsync(cancellation)).TrimEnd('\r', '\n');
        return text.Length > 0 ? text : throw CommandFailedException.Usage("Standard input holds no prompt.");
    }
}
