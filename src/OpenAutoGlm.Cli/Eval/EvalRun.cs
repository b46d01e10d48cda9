using System.Collections.Immutable;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;
using OpenAutoGlm.Optimization.Calibration;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Evaluation.Tasks;

namespace OpenAutoGlm.Cli.Eval;

/// <summary>Measures one model, or two after one another: only one is loaded at a time.</summary>
sealed class EvalRun(EvalSettings settings, AutoInferenceOptions options, StatusLine status)
{
    public async Task<EvalOutcome> RunAsync(string original, string? candidate, CancellationToken cancellation)
    {
        TextOutcome? text = settings.WantsText ? await Task.Run(() => Predict(original, candidate, cancellation), cancellation) : null;
        ImmutableArray<TaskResult>[] first = await AnswerAsync(original, cancellation);
        ImmutableArray<TaskResult>[]? second = candidate is null ? null : await AnswerAsync(candidate, cancellation);
        return new EvalOutcome(original, candidate, text, [.. settings.Tasks.Select((task, i) => new TaskOutcome(task, first[i], second?[i]))]);
    }

    TextOutcome Predict(string original, string? candidate, CancellationToken cancellation)
    {
        status.Say($"opening {NameOf(original)}");
        using ModelPackage model = ModelPackage.Open(original);
        CalibrationData data = settings.Texts.Count == 0 ? CalibrationData.For(model) : CalibrationData.Read(settings.Texts);
        int windowTokens = WindowTokens(model);
        TokenWindows windows = Windows(model, data, windowTokens);
        using QualityMeter meter = Capture(model, windows, cancellation);
        return new TextOutcome(windows, meter.Original, candidate is null ? null : Measure(meter, candidate, data, cancellation));
    }

    QualityMeter Capture(ModelPackage model, TokenWindows windows, CancellationToken cancellation)
    {
        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        return new QualityMeter(
            model.Config, model.Weights, backend, windows, options.Engine.KvFormat, progress: new ProgressLine(status, $"{NameOf(model.Path)}: text"), cancellation: cancellation);
    }

    Quality Measure(QualityMeter meter, string candidate, CalibrationData data, CancellationToken cancellation)
    {
        status.Say($"opening {NameOf(candidate)}");
        using ModelPackage model = ModelPackage.Open(candidate);
        if (model.Tokenizer is not null && Windows(model, data, meter.Windows.WindowTokens).Identity != meter.Windows.Identity)
        {
            throw new EvaluationException($"{candidate} reads the text as other tokens than the original does, so their predictions cannot be compared: measure each for itself, or compare them by --task.");
        }

        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        return meter.Measure(model.Config, model.Weights, backend, options.Engine.KvFormat, new ProgressLine(status, $"{NameOf(candidate)}: text"), cancellation);
    }

    TokenWindows Windows(ModelPackage model, CalibrationData data, int windowTokens)
    {
        Tokenizer tokenizer = model.Tokenizer ?? throw new NotSupportedException($"{model.Path} has no tokenizer, so it cannot be given text: put tokenizer.json or tokenizer.model beside the weights.");
        return data.Windows(tokenizer, model.ChatTemplates.Default is { } source ? ChatTemplate.Parse(source) : null, windowTokens, settings.Windows);
    }

    int WindowTokens(ModelPackage model)
    {
        int most = model.Config.ContextLength;
        return settings.WindowTokens is not { } asked ? Math.Min(EvalSettings.DefaultWindowTokens, most)
            : asked <= most ? asked
            : throw CommandFailedException.Usage($"--window-tokens is {asked}, but {NameOf(model.Path)} was made for {most} tokens at most.");
    }

    async Task<ImmutableArray<TaskResult>[]> AnswerAsync(string path, CancellationToken cancellation)
    {
        if (settings.Tasks.Count == 0)
        {
            return [];
        }

        status.Say($"opening {NameOf(path)}");
        await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync(path, options, progress: null, cancellation);
        string identity = $"{engine.Model.Weights.Identity} {engine.Backend.Name} {options.Engine.KvFormat}{(options.Cpu.ExactArithmetic ? " exact" : options.Cpu.BFloat16Arithmetic ? " bf16" : "")}";
        TaskRunner runner = new(engine.Generator, Math.Min(8, options.Engine.MaxSequences));
        List<ImmutableArray<TaskResult>> results = [];
        foreach (TaskFile task in settings.Tasks)
        {
            using TaskJournal? journal = settings.Journal is { } file ? new TaskJournal(file, identity, task) : null;
            results.Add(await runner.RunAsync(task, journal, new ProgressLine(status, $"{NameOf(path)}: {task.Name}"), cancellation));
        }

        return [.. results];
    }

    static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
}
