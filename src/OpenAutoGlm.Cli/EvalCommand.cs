using System.CommandLine;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Eval;
using OpenAutoGlm.Optimization.Evaluation.Tasks;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm eval: how good a model is, or what another one lost against it, with error bars.</summary>
sealed class EvalCommand : AutoGlmCommand
{
    readonly Argument<string?> _name = new("model") { Description = "A GGUF file, a model folder, a name on the hub, or synth:SHAPE: the original, where two are compared.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<string?> _against = Flags.Text("--against", "model", "A second model, quantised or pruned for example, to be measured beside the first and against it.");
    readonly Option<string[]> _texts = Files("--text", "A text, or conversations in a .jsonl file, to predict token by token; may be given several times. Without --text and --task what is built in, conversations of its own for autoglm-nano and a small set for others.");
    readonly Option<string[]> _tasks = Files("--task", "Questions in a .jsonl file (docs/evaluation.md; LAMBADA's and GSM8K's own files too); may be given several times.");
    readonly Option<int?> _windows = Flags.Int("--windows", "Windows of text at most. Default: 32.", 1, 1_000_000);
    readonly Option<int?> _windowTokens = Flags.Int("--window-tokens", "Tokens in a window. Default: 256, or as many as the model takes.", 4, 1_000_000);
    readonly Option<int?> _limit = Flags.Int("--limit", "Questions of each task at most, the first ones. Default: all.", 1, int.MaxValue);
    readonly Option<string?> _resume = Flags.Text("--resume", "file", "Where answers to questions are kept as they come; a second start with the same file goes on from there.");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public EvalCommand(CommandConsole console)
        : base("eval", "Measures a model by texts and tasks, alone or against another.", console)
    {
        Add(_name);
        AddAll([_model, _against, _texts, _tasks, _windows, _windowTokens, _limit, _resume, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm eval glm-4-9b-chat.F16.gguf --text wiki.test.raw --windows 40", "The perplexity of a text, with its error:"),
        ("autoglm eval glm-4-9b-chat.F16.gguf --against glm-4-9b-chat.Q4_K_M.gguf --text wiki.test.raw", "What quantising cost: divergence, agreement, perplexity:"),
        ("autoglm eval glm-4-9b-chat.F16.gguf --against glm-4-9b-chat.Q4_K_M.gguf --task gsm8k.jsonl --limit 200 --resume answers.jsonl", "Both on the same questions; the same command goes on after an interruption:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        int? limit = arguments.GetValue(_limit);
        EvalSettings settings = new(
            arguments.GetValue(_texts) ?? [],
            [.. (arguments.GetValue(_tasks) ?? []).Select(path => TaskFile.Read(path).Take(limit))],
            arguments.GetValue(_windows) ?? EvalSettings.DefaultWindows,
            arguments.GetValue(_windowTokens),
            arguments.GetValue(_resume));
        if (settings is { Tasks: [], Journal: not null })
        {
            throw CommandFailedException.Usage("--resume keeps answers to questions, and there are none: add --task, or leave --resume out.");
        }

        AutoInferenceOptions options = _engine.Read(arguments);
        string original = await OpenModel.LocateAsync(arguments.GetValue(_name) ?? arguments.GetValue(_model), options.Hub, Console, cancellation);
        string? candidate = arguments.GetValue(_against) is { } against ? await OpenModel.LocateAsync(against, options.Hub, Console, cancellation) : null;
        StatusLine status = new(Console);
        EvalOutcome outcome;
        try
        {
            outcome = await new EvalRun(settings, options, status).RunAsync(original, candidate, cancellation);
        }
        finally
        {
            status.End();
        }

        if (arguments.GetValue(_json))
        {
            Console.WriteJson(EvalJson.Of(outcome));
        }
        else
        {
            new EvalReport(Console).Print(outcome);
        }

        return ExitCode.Done;
    }

    static Option<string[]> Files(string name, string description) => new(name) { Description = description, HelpName = "file" };
}
