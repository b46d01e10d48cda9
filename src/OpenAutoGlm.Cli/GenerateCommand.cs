using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm generate: token ids in, token ids out; for programs that compare.</summary>
sealed class GenerateCommand : AutoGlmCommand
{
    readonly Option<string?> _model = Flags.Model();
    readonly Option<int[]?> _prompt = Flags.Ids("--prompt-ids", "Token ids to continue, with commas between them.");
    readonly Option<bool> _ignoreEos = Flags.Switch("--ignore-eos", "Go on past the tokens that end a turn.");
    readonly Option<string?> _output = Flags.OneOf("--output", "text prints the text, json an object with ids, text and finishReason. Default: text.", "text", "json");
    readonly SamplingFlags _sampling = new();
    readonly ConstraintFlags _constraint = new();
    readonly EngineFlags _engine = new();

    public GenerateCommand(CommandConsole console)
        : base("generate", "Continues token ids, for comparing with other programs.", console)
    {
        _prompt.Required = true;
        AddAll([_model, _prompt, _ignoreEos, _output, .. _sampling.All, .. _constraint.All, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm generate --model stories260K.gguf --prompt-ids 1 --max-tokens 64 --temperature 0 --ignore-eos --output json", "Continue from the beginning-of-text token, greedily:"),
        ("autoglm generate --model stories260K.gguf --prompt-ids 1,403,407 --backend reference --max-tokens 8", "The same on the reference that defines what is correct:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        OutputConstraint? constraint = _constraint.Read(arguments);
        if (constraint is not null && arguments.GetValue(_ignoreEos))
        {
            throw CommandFailedException.Usage("--ignore-eos cannot stand beside a constrained answer, which ends when it is complete: leave one of them out.");
        }

        await using AutoInferenceEngine engine = await OpenModel.EngineAsync(arguments.GetValue(_model), _engine.Read(arguments), Console, cancellation);
        Sequence sequence = engine.Engine.Submit(new SequenceRequest
        {
            Prompt = [.. arguments.GetValue(_prompt)!],
            Sampling = _sampling.Read(arguments, SamplingOptions.Greedy),
            MaxTokens = _sampling.MaxTokens(arguments),
            StopTokens = arguments.GetValue(_ignoreEos) ? [] : engine.EndTokens,
            Mask = constraint is null ? null : Compile(engine, constraint, cancellation).CreateMask(),
        });
        using CancellationTokenRegistration cancelled = cancellation.Register(sequence.Cancel);
        List<int> ids = [];
        await foreach (TokenEvent token in sequence.Events.ReadAllAsync(cancellation))
        {
            ids.Add(token.Token);
        }

        SequenceOutcome outcome = await sequence.Completion;
        string text = engine.Model.Tokenizer?.Decode([.. ids]) ?? "";
        if (arguments.GetValue(_output) == "json")
        {
            Console.WriteJson(new JsonObject
            {
                ["ids"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]),
                ["text"] = text,
                ["finishReason"] = outcome.Reason.ToString().ToLowerInvariant(),
            });
        }
        else
        {
            Console.Output.WriteLine(text);
        }

        return ExitCode.Done;
    }

    static CompiledConstraint Compile(AutoInferenceEngine engine, OutputConstraint constraint, CancellationToken cancellation)
    {
        try
        {
            return engine.Generator.Constraints.Compile(constraint, cancellation);
        }
        catch (ConstraintException error)
        {
            throw CommandFailedException.Usage(error.Message);
        }
    }
}
