using System.Collections.Immutable;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models.Architectures;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Optimization.Search.Costs;

/// <summary>What a choice costs.</summary>
/// <param name="Bytes">Bytes of the weights as they are stored, which the kernels' panels take as well but for rows that round up to sixteen; for keys and values, those of the context.</param>
/// <param name="DecodeSeconds">Seconds of a token; 0 where times were not measured.</param>
/// <param name="PrefillSeconds">Seconds of a prompt's token; 0 where times were not measured.</param>
public readonly record struct ChoiceCost(double Bytes, double DecodeSeconds, double PrefillSeconds)
{
    /// <summary>Costs add up.</summary>
    public static ChoiceCost operator +(ChoiceCost a, ChoiceCost b) => new(a.Bytes + b.Bytes, a.DecodeSeconds + b.DecodeSeconds, a.PrefillSeconds + b.PrefillSeconds);

    internal bool Within(SearchLimits limits) => Bytes <= limits.Bytes && DecodeSeconds <= limits.DecodeSeconds && PrefillSeconds <= limits.PrefillSeconds;
}

/// <summary>
/// What every choice of a model costs on a machine: bytes exactly; times from the kernels that the backend picks, not from
/// bits. What no choice changes (norms, rotation, the pauses between kernels) is the rest of a step of the whole model.
/// </summary>
/// <param name="Groups">By group and choice.</param>
/// <param name="Kv">By choice of keys and values.</param>
/// <param name="Fixed">What is there whatever is chosen.</param>
public sealed record ModelCosts(ImmutableArray<ImmutableArray<ChoiceCost>> Groups, ImmutableArray<ChoiceCost> Kv, ChoiceCost Fixed)
{
    const int LeastRuns = 9;
    const int MostRuns = 200;
    const double SecondsForOne = 0.2;

    /// <summary>Computes the bytes.</summary>
    public static ModelCosts Bytes(ModelConfig config, IWeights weights, ChoiceSpace space, int contextTokens)
    {
        long all = StoredBytes(config, weights, out _);
        long grouped = space.Groups.Sum(group => group.Tensors.Sum(tensor => weights.Get(tensor.Name).Bytes));
        return new ModelCosts(
            [.. space.Groups.Select((group, g) => space.Choices[g].Select(format => new ChoiceCost(BytesOf(group, format), 0, 0)).ToImmutableArray())],
            [.. space.KvChoices.Select(format => new ChoiceCost((double)config.KvBytesPerToken(format) * contextTokens, 0, 0))],
            new ChoiceCost(all - grouped, 0, 0));
    }

    /// <summary>Bytes, and times of this machine.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="space">What there is to choose.</param>
    /// <param name="contextTokens">The depth at which a token is written.</param>
    /// <param name="machine">Names the machine in the cache: processor, instruction set, threads.</param>
    /// <param name="cache">Times that are known.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Breaks off; what was measured is kept.</param>
    public static ModelCosts Measure(
        ModelConfig config, IWeights weights, IBackend backend, ChoiceSpace space, int contextTokens, string machine, TimeCache cache, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ModelCosts bytes = Bytes(config, weights, space, contextTokens);
        long modelBytes = StoredBytes(config, weights, out _);
        int total = space.Choices.Sum(choices => choices.Length) + space.KvChoices.Length + 1;
        int done = 0;
        try
        {
            ImmutableArray<ImmutableArray<ChoiceCost>> groups =
            [
                .. space.Groups.Select((group, g) => space.Choices[g].Select((format, c) => Told(bytes.Groups[g][c] + OfGroup(group, format))).ToImmutableArray()),
            ];
            ImmutableArray<ChoiceCost> kv = [.. space.KvChoices.Select((format, c) => Told(bytes.Kv[c] + OfKv(format)))];
            ChoiceCost source = default;
            foreach (TensorGroup group in space.Groups)
            {
                foreach (GroupTensor tensor in group.Tensors)
                {
                    source += OfTensor(tensor, weights.Get(tensor.Name).Format, modelBytes);
                }
            }

            source += OfKv(space.SourceKv);
            KernelTime whole = cache.Get(Key($"whole model {config} {modelBytes} at {contextTokens}", space.SourceKv), () => Whole(config, weights, backend, contextTokens, space.SourceKv, cancellation))!.Value;
            Told(default);
            return new ModelCosts(groups, kv, bytes.Fixed + new ChoiceCost(0, Math.Max(0, whole.DecodeSeconds - source.DecodeSeconds), Math.Max(0, whole.PrefillSeconds - source.PrefillSeconds)));
        }
        finally
        {
            cache.Save();
        }

        ChoiceCost Told(ChoiceCost cost)
        {
            progress?.Report((double)++done / total);
            return cost;
        }

        ChoiceCost OfGroup(TensorGroup group, TensorFormat format) => group.Tensors.Aggregate(default(ChoiceCost), (sum, tensor) => sum + OfTensor(tensor, format, modelBytes));

        ChoiceCost OfTensor(GroupTensor tensor, TensorFormat format, long size) => Seconds(cache.Get(
            Key($"{tensor.Use} {tensor.Matrices}/{tensor.Used} {tensor.Rows} by {tensor.Columns} of {Math.Min(size, 64 << 20) >> 20} MiB", format),
            () => KernelClock.OfProduct(backend, tensor, format, size, cancellation)), tensor.Name, format);

        ChoiceCost OfKv(TensorFormat format) => Seconds(cache.Get(
            Key($"attention {config.Layers} {config.Heads}/{config.KvHeads} {config.HeadDim} {config.SlidingWindow} at {contextTokens}", format),
            () => KernelClock.OfAttention(backend, config, format, contextTokens, cancellation)), "keys and values", format);

        string Key(string what, TensorFormat format) => $"{machine}: {what} {format}";
    }

    /// <summary>Times a whole model: one token, and a prompt of <see cref="KernelClock.PrefillTokens"/>, the median of at least nine runs.</summary>
    public static KernelTime Whole(ModelConfig config, IWeights weights, IBackend backend, int contextTokens, TensorFormat kvFormat, CancellationToken cancellation = default)
    {
        int prompt = Math.Min(KernelClock.PrefillTokens, Math.Max(1, config.ContextLength - 1));
        int depth = Math.Clamp(contextTokens, 0, config.ContextLength - 1);
        int longest = Math.Max(prompt, depth + 1);
        using ModelMeter meter = new(config, weights, backend, new MeterLimits(1, longest, longest, prompt, kvFormat));
        return new KernelTime(Median(() => meter.Decode(1, depth)), Median(() => meter.Prefill(prompt)) / prompt);

        double Median(Func<TimeSpan> run)
        {
            run();
            List<double> seconds = [];
            double spent = 0;
            while (seconds.Count < LeastRuns || (seconds.Count < MostRuns && spent < SecondsForOne))
            {
                cancellation.ThrowIfCancellationRequested();
                seconds.Add(run().TotalSeconds);
                spent += seconds[^1];
            }

            seconds.Sort();
            return seconds[seconds.Count / 2];
        }
    }

    /// <summary>Bytes of a group in a format.</summary>
    public static long BytesOf(TensorGroup group, TensorFormat format) =>
        group.Tensors.Sum(tensor => (long)tensor.Rows * tensor.Matrices * BlockFormat.Of(format).RowBytes(tensor.Columns));

    /// <summary>Bytes of all weights that the model's graph reads, each stored tensor once.</summary>
    public static long StoredBytes(ModelConfig config, IWeights weights, out ImmutableArray<string> names)
    {
        ModelGraph graph = Architecture.Build(config, weights, new GraphOptions(KvFormat: TensorFormat.F32));
        names = [.. graph.OfKind(ValueKind.Weight).Select(value => TensorGroups.StoredName(value.Name)).Distinct()];
        return names.Sum(name => weights.TryGet(name, out Tensor? tensor) ? tensor.Bytes : 0);
    }

    static ChoiceCost Seconds(KernelTime? time, string name, TensorFormat format) => time is { } known
        ? new ChoiceCost(0, known.DecodeSeconds, known.PrefillSeconds)
        : throw new NotSupportedException($"The backend has no kernel for {name} as {format}: leave that format out.");
}
