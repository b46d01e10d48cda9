using System.Diagnostics;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Optimization.Analysis;

/// <summary>Times the steps of a plan, and gathers those that do the same in the same part of a model.</summary>
static class OperatorTimes
{
    /// <summary>One way of running, timed; the least of the repetitions of each step, because neighbours only slow down.</summary>
    public static AnalysedRun Measure(ModelMeter meter, RunKind kind, string name, StepSizes sizes, int repetitions, MachineRates machine, CancellationToken cancellation)
    {
        long[] best = [.. Enumerable.Repeat(long.MaxValue, meter.Plan.Steps.Length)];
        for (int repetition = -1; repetition < repetitions; repetition++)
        {
            int index = 0;
            long last = Stopwatch.GetTimestamp();
            void After(PlanStep step)
            {
                long now = Stopwatch.GetTimestamp();
                if (repetition >= 0)
                {
                    best[index] = Math.Min(best[index], now - last);
                }

                index++;
                cancellation.ThrowIfCancellationRequested();
                last = Stopwatch.GetTimestamp();
            }

            _ = kind == RunKind.Prefill ? meter.Prefill(sizes.Tokens, sizes.Depth, After) : meter.Decode(sizes.Sequences, sizes.Depth, After);
        }

        return Gather(kind, name, sizes, meter.Plan.Steps.Select((step, i) => (step.Node, (double?)(best[i] / (double)Stopwatch.Frequency))), machine);
    }

    /// <summary>One way of running, calculated for the nodes of a graph.</summary>
    public static AnalysedRun Calculate(IEnumerable<Node> nodes, RunKind kind, string name, StepSizes sizes, MachineRates machine) =>
        Gather(kind, name, sizes, nodes.Select(node => (node, (double?)null)), machine);

    static AnalysedRun Gather(RunKind kind, string name, StepSizes sizes, IEnumerable<(Node Node, double? Seconds)> steps, MachineRates machine)
    {
        OperatorShare[] operators =
        [
            .. steps.Where(step => step.Node.Op.Launches) // the rest are other views of the same memory
                .Select(step => (Place: TensorRole.Of(step.Node), Cost: StepCost.Of(step.Node, sizes), step.Seconds))
                .GroupBy(step => (step.Place, step.Cost.Weights))
                .Select(group => Of(group.Key.Place, group.Key.Weights, [.. group.Select(step => step.Cost)], group.Any(step => step.Seconds is null) ? null : group.Sum(step => step.Seconds), machine))
                .OrderByDescending(one => one.Cost),
        ];
        return new AnalysedRun(kind, name, sizes, operators.Sum(one => one.FloorSeconds), operators.Any(one => one.Seconds is null) ? null : operators.Sum(one => one.Seconds), [.. operators]);
    }

    static OperatorShare Of((string Operator, string Part) place, TensorFormat? weights, StepCost[] costs, double? seconds, MachineRates machine)
    {
        StepCost sum = costs.Aggregate(default(StepCost), (all, one) => all + one);
        MachineLimits limits = machine.For(weights);
        return new OperatorShare(
            place.Operator,
            place.Part,
            costs.Length,
            weights,
            sum.Bytes,
            sum.WeightBytes,
            sum.KvBytes,
            sum.Operations,
            sum.IsMemoryBound(limits) ? OperatorBound.Memory : OperatorBound.Compute,
            costs.Sum(cost => cost.Seconds(limits)),
            seconds);
    }
}
