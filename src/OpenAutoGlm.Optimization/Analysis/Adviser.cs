using System.Globalization;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>
/// What would help a model on a machine, estimated from its analysis: a change makes the floor of each operator lower, and
/// an operator stays as far above its floor as it is now.
/// </summary>
static class Adviser
{
    const double Worth = 1.05; // gains below are noise
    const double FarFromFloor = 0.5;

    public static IEnumerable<Advice> Of(ModelAnalysis analysis, ModelGraph graph) => Weights(analysis, graph)
        .Concat(Batching(analysis))
        .Concat(KeysAndValues(analysis, graph))
        .Concat(SlowOperators(analysis))
        .Where(advice => advice.Gain >= Worth || (advice.Run is null && advice.SavedBytes > 0))
        .OrderByDescending(advice => advice.Gain)
        .ThenByDescending(advice => advice.SavedBytes);

    static IEnumerable<Advice> Weights(ModelAnalysis analysis, ModelGraph graph)
    {
        Tensor[] weights = [.. graph.OfKind(ValueKind.Weight).Select(value => value.Constant!).Where(weight => weight.Shape.Rank > 1)];
        long all = weights.Sum(weight => weight.Bytes);
        foreach (TensorFormat target in new[] { TensorFormat.Q8_0, TensorFormat.Q4_K, TensorFormat.Q4_0 })
        {
            BlockFormat format = BlockFormat.Of(target);
            bool Fits(Tensor weight) => weight.Shape.Last.Size % format.BlockElements == 0 && BlockFormat.Of(weight.Format).BitsPerElement > format.BitsPerElement;
            long after = weights.Sum(weight => Fits(weight) ? weight.Shape.ElementCount / format.BlockElements * format.BlockBytes : weight.Bytes);
            double fewer = (double)all / Math.Max(1, after);

            // Q4_0 is for models whose rows are too short for Q4_K.
            if (after >= all || (target == TensorFormat.Q4_0 && weights.Any(weight => weight.Shape.Last.Size % BlockFormat.Of(TensorFormat.Q4_K).BlockElements == 0)))
            {
                continue;
            }

            // Rows that do not fit keep their format: the share of an operator's weights that shrinks is that of all.
            AnalysedRun? decode = analysis.Runs.FirstOrDefault(run => run.Kind == RunKind.Decode);
            AnalysedRun? prefill = analysis.Runs.FirstOrDefault(run => run.Kind == RunKind.Prefill);
            double gain = decode is null ? 1 : Gain(decode, analysis.Machine, one => Shrunk(one, fewer, target));
            double prompt = prefill is null ? 1 : Gain(prefill, analysis.Machine, one => Shrunk(one, fewer, target));
            string from = string.Join(" and ", weights.GroupBy(weight => weight.Format).OrderByDescending(group => group.Sum(weight => weight.Bytes)).Take(2).Select(group => group.Key));
            string reading = prompt >= Worth ? $" and {Times(prompt)} faster reading of prompts" : prompt <= 1 / Worth ? $", but reading of prompts takes {Times(1 / prompt)} as long" : "";
            yield return new Advice(
                $"store weights in {target}",
                $"Weights in {target} instead of {from} are {Times(fewer)} fewer bytes: about {Times(gain)} faster decoding{reading}, by estimate. What it costs in quality has to be measured.",
                RunKind.Decode,
                gain,
                all - after);
        }
    }

    static OperatorShare Shrunk(OperatorShare one, double fewer, TensorFormat target) => one.Weights is null || one.WeightBytes == 0 || one.Operator == "lookup"
        ? one
        : one with { Bytes = one.Bytes - (one.WeightBytes * (1 - (1 / fewer))), Weights = target };

    /// <summary>Time before ÷ time after a change of the operators' costs.</summary>
    static double Gain(AnalysedRun run, MachineRates machine, Func<OperatorShare, OperatorShare> change)
    {
        double before = run.Operators.Sum(one => one.Cost);
        double after = run.Operators.Sum(one =>
        {
            OperatorShare changed = change(one);
            MachineLimits limits = machine.For(changed.Weights);
            double floor = Math.Max(changed.Bytes / limits.ReadBytesPerSecond, changed.Operations / limits.OperationsPerSecond);
            return ReferenceEquals(changed, one) || one.FloorSeconds == 0 ? one.Cost : floor * (one.Cost / one.FloorSeconds);
        });
        return after > 0 ? before / after : 1;
    }

    static IEnumerable<Advice> Batching(ModelAnalysis analysis)
    {
        if (analysis.Runs.FirstOrDefault(run => run.Kind == RunKind.Decode) is { } one && analysis.Runs.FirstOrDefault(run => run.Kind == RunKind.Batch) is { } many)
        {
            double gain = many.TokensPerSecond / one.TokensPerSecond;
            string how = many.Seconds is null ? "at most" : "measured";
            yield return new Advice(
                "write several answers at once",
                string.Create(CultureInfo.InvariantCulture, $"{many.Sizes.Sequences} sequences read the weights once between them: {Times(gain)} as many tokens per second in all, {how}."),
                RunKind.Batch,
                gain,
                0);
        }
    }

    static IEnumerable<Advice> KeysAndValues(ModelAnalysis analysis, ModelGraph graph)
    {
        MemoryShare? longest = analysis.Memory.Where(share => share.Kind == MemoryKind.Kv).MaxBy(share => share.Bytes);
        Value[] states = [.. graph.OfKind(ValueKind.State)];
        if (longest?.Tokens is not { } tokens || states.Any(state => state.Type.Format == TensorFormat.Q8_0 || state.Type.Shape[3].Size % 32 != 0))
        {
            yield break;
        }

        long perToken = states.Sum(state => KvLayout.BytesPerToken(TensorFormat.Q8_0, state.Type.Shape[1].Size, state.Type.Shape[3].Size));
        long saved = longest.Bytes - (perToken * tokens);
        double reads = analysis.Cost.BytesPerToken;
        double gain = (reads + longest.Bytes) / (reads + (perToken * (double)tokens));
        yield return new Advice(
            "store keys and values in Q8_0",
            string.Create(CultureInfo.InvariantCulture, $"At {tokens:N0} tokens keys and values take {Bytes(longest.Bytes)}; Q8_0 makes that {Bytes(perToken * tokens)}, and a token at that depth about {Times(gain)} faster, by estimate."),
            null,
            1,
            saved);
    }

    static IEnumerable<Advice> SlowOperators(ModelAnalysis analysis) =>
        from run in analysis.Runs
        where run.Seconds is not null && run.Kind != RunKind.Batch
        let slow = run.Operators.Where(one => one.OfFloor < FarFromFloor).MaxBy(one => one.Cost - one.FloorSeconds)
        where slow is not null
        let gain = run.Seconds!.Value / (run.Seconds.Value - slow.Cost + slow.FloorSeconds)
        select new Advice(
            $"a faster kernel for {(slow.Part.Length == 0 ? slow.Operator : slow.Part)}",
            string.Create(CultureInfo.InvariantCulture, $"To {run.Name}, {(slow.Part.Length == 0 ? slow.Operator : $"the {slow.Operator} of {slow.Part}")} takes {slow.Cost / run.Seconds * 100:0} % of the time and reaches {slow.OfFloor * 100:0} % of what the machine allows: at most {Times(gain)} faster."),
            run.Kind,
            gain,
            0);

    static string Times(double factor) => string.Create(CultureInfo.InvariantCulture, $"{factor:0.0#} ×");

    static string Bytes(double bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 20):0.#} MiB");
}
