using System.Collections.Immutable;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Reports;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>What a model costs on a machine, where the time and the memory go, and what would help most.</summary>
public sealed record ModelAnalysis
{
    /// <summary>What one token costs, whatever the machine.</summary>
    public required GraphCost Cost { get; init; }

    /// <summary>The machine that it is judged by.</summary>
    public required MachineRates Machine { get; init; }

    /// <summary>What was looked at: decoding, reading a prompt, a batch.</summary>
    public ImmutableArray<AnalysedRun> Runs { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>Where memory goes.</summary>
    public ImmutableArray<MemoryShare> Memory { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>All of the memory together: for each length of sequence that is looked at, or once where none is.</summary>
    public ImmutableArray<MemoryTotal> Totals
    {
        get
        {
            long always = Memory.Where(share => share.Kind != MemoryKind.Kv).Sum(share => share.Bytes);
            MemoryTotal[] lengths = [.. Memory.Where(share => share.Kind == MemoryKind.Kv).Select(share => new MemoryTotal(share.Tokens, always + share.Bytes))];
            return lengths.Length > 0 ? [.. lengths] : [new MemoryTotal(null, always)];
        }
    }

    /// <summary>What would help, the most first.</summary>
    public ImmutableArray<Advice> Advice { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>What the reader should know before trusting a number.</summary>
    public ImmutableArray<string> Notes { get => field.IsDefault ? [] : field; init; } = [];

    /// <summary>
    /// Analyses a model: lowers it, runs it in three ways with made-up tokens, and times every step. With
    /// <see cref="AnalysisOptions.Repetitions"/> 0 nothing runs, and all times are what the machine cannot beat.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="backend">What computes; it is not disposed.</param>
    /// <param name="options">What to look at.</param>
    /// <param name="kvFormat">What keys and values are stored in; null for what engines use.</param>
    /// <param name="progress">Is told the share that is done.</param>
    /// <param name="cancellation">Ends it between two steps.</param>
    public static ModelAnalysis Of(
        ModelConfig config,
        IWeights weights,
        IBackend backend,
        AnalysisOptions options,
        TensorFormat? kvFormat = null,
        IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        // No model is asked for more than it was made for.
        int prompt = Math.Clamp(options.PromptTokens, 1, config.ContextLength);
        int depth = Math.Clamp(options.Depth, 0, config.ContextLength - 1);
        int sequences = Math.Max(1, options.Sequences);
        int longest = Math.Max(prompt, depth + 1);
        using ModelMeter meter = new(config, weights, backend, new MeterLimits(sequences, longest, Math.Max(prompt, sequences * (depth + 1)), Math.Max(prompt, sequences), kvFormat));
        List<(RunKind Kind, string Name, StepSizes Sizes)> ways =
        [
            (RunKind.Decode, Invariant($"write one token, {depth:N0} tokens deep"), new StepSizes(1, 1, depth, 1)),
            (RunKind.Prefill, Invariant($"read a prompt of {prompt:N0} tokens"), new StepSizes(1, prompt, 0, 1)),
        ];
        if (sequences > 1)
        {
            ways.Add((RunKind.Batch, Invariant($"write a token in each of {sequences:N0} sequences"), new StepSizes(sequences, sequences, depth, sequences)));
        }

        List<AnalysedRun> runs = [];
        foreach ((RunKind kind, string name, StepSizes sizes) in ways)
        {
            runs.Add(options.Repetitions > 0
                ? OperatorTimes.Measure(meter, kind, name, sizes, options.Repetitions, options.Machine, cancellation)
                : OperatorTimes.Calculate(meter.Plan.Graph.Nodes, kind, name, sizes, options.Machine));
            progress?.Report((double)runs.Count / ways.Count);
        }

        int[] contexts = options.Contexts.IsDefaultOrEmpty ? [Math.Min(4096, config.ContextLength), config.ContextLength] : [.. options.Contexts];
        ModelAnalysis analysis = new()
        {
            Cost = GraphCost.Of(meter.Graph),
            Machine = options.Machine,
            Runs = [.. runs],
            Memory = [.. MemoryOf(meter.Graph, meter.Plan.Arena.Bytes, contexts.Distinct().Order())],
        };
        return analysis with { Advice = [.. Adviser.Of(analysis, meter.Graph)], Notes = [.. NotesOn(analysis)] };
    }

    /// <summary>The analysis as JSON, in the form that a report has it.</summary>
    public string ToJson() => ReportJson.Write(this);

    static IEnumerable<string> NotesOn(ModelAnalysis analysis)
    {
        if (analysis.Runs.Any(run => run.Seconds < run.FloorSeconds))
        {
            yield return "The model ran faster than main memory can be read: it lies in the caches of this machine, or the rates were measured while others worked. Fewer bytes will then gain less than the estimates say.";
        }
    }

    static IEnumerable<MemoryShare> MemoryOf(ModelGraph graph, long arenaBytes, IEnumerable<int> contexts)
    {
        long perToken = Graph.Ops.KvLayout.BytesPerToken(graph);
        return graph.OfKind(ValueKind.Weight)
            .GroupBy(value => TensorRole.Of(value.Name))
            .Select(group => new MemoryShare(MemoryKind.Weights, group.Key, group.Sum(value => value.Constant!.Bytes)))
            .OrderByDescending(share => share.Bytes)
            .Concat(contexts.Select(tokens => new MemoryShare(MemoryKind.Kv, Invariant($"keys and values of {tokens:N0} tokens"), perToken * tokens, tokens)))
            .Append(new MemoryShare(MemoryKind.Arena, "values between steps", arenaBytes));
    }

    static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
