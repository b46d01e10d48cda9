using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Cpu.Threads;
using OpenAutoGlm.Cpu.Tuning;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Graph.Passes;

namespace OpenAutoGlm.Cpu;

/// <summary>
/// Runs graphs on the processor. Weights are packed once into the panels that the kernels read, or found so in a plan file.
/// A result has the same bits with any number of threads, any instruction set and any number of rows in the batch.
/// The backend owns the threads: its plans share them, so only one execution runs at a time, and the backend is
/// disposed after its plans.
/// </summary>
public sealed class CpuBackend : IBackend
{
    readonly PassPipeline _passes;
    readonly WorkerPool _pool;
    readonly CodeLibrary _code;
    readonly KernelCatalog _catalog;

    /// <summary>A backend on every usable core with the best instruction set.</summary>
    public CpuBackend()
        : this(new CpuOptions())
    {
    }

    /// <summary>A backend.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The options ask for less than one thread.</exception>
    /// <exception cref="ArgumentException">The options switch off a pass that does not exist.</exception>
    /// <exception cref="NotSupportedException">The options ask for an instruction set that is not there.</exception>
    public CpuBackend(CpuOptions options)
    {
        Options = options;
        InstructionSet = options.Strongest ?? InstructionSets.Best;
        if (InstructionSet > InstructionSets.Best)
        {
            throw new NotSupportedException($"{InstructionSet} was asked for, but the best instruction set here is {InstructionSets.Best}.");
        }

        if (options is { BFloat16Arithmetic: true, ExactArithmetic: true })
        {
            throw new NotSupportedException("BF16 arithmetic and exact arithmetic exclude each other: ask for one.");
        }

        EmittedFeatures features = options.EmitCode ? CodeLibrary.Allowed(InstructionSet) : EmittedFeatures.None;
        if (options.BFloat16Arithmetic && (features & EmittedFeatures.Matrix) == 0)
        {
            throw new NotSupportedException("BF16 arithmetic needs a matrix unit (amx_bf16 in /proc/cpuinfo) and code made at run time for it; there is none here. Leave it out: int8 is the default.");
        }

        _passes = new PassPipeline(options.DisabledPasses);
        _pool = new WorkerPool(options.Threads ?? Environment.ProcessorCount, options.PinThreads);
        _code = new CodeLibrary(features) { TakesAllAsBFloat16 = options.BFloat16Arithmetic };
        _catalog = KernelCatalog.For(InstructionSet, _pool, _code, options.ExactArithmetic);
    }

    /// <summary>What was asked for.</summary>
    public CpuOptions Options { get; }

    /// <summary>The instruction set in use.</summary>
    public InstructionSet InstructionSet { get; }

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <inheritdoc/>
    public string Description =>
        $"{InstructionSet}, {_pool.Threads} {(_pool.Threads == 1 ? "thread" : "threads")}{(_code.Has(EmittedFeatures.Matrix) ? ", matrix unit" : "")}{(Options.ExactArithmetic ? ", exact arithmetic" : Options.BFloat16Arithmetic ? ", BF16 arithmetic" : "")}";

    /// <summary>What became of the plan file of the last graph that was lowered; null before the first.</summary>
    public PlanFileReport? PlanFile { get; private set; }

    /// <summary>The functions that were assembled for the plans of this backend so far, by name.</summary>
    public IReadOnlyList<EmittedFunction> EmittedCode => [.. _code.Codes.Select(code => new EmittedFunction(code.Name, code.Entry, code.Bytes, code.Disassemble()))];

    internal WorkerPool Pool => _pool;

    /// <summary>The key of a number in a tuning cache: what it is, for which instructions and how many threads of which processor.</summary>
    public string TuningKeyOf(string key) => $"{MachineProbe.Processor}, {InstructionSet} {_code.Features}, {_pool.Threads} threads: {key}";

    void Tune(List<PlanStep> steps)
    {
        foreach (ITunable tunable in Options.Tuning is null ? [] : steps.Select(step => step.Kernel).OfType<ITunable>().Append(_pool))
        {
            // A file may say anything.
            if (Options.Tuning!.TryGet(TuningKeyOf(tunable.TuningKey), out int value) && tunable.Choices.Contains(value))
            {
                tunable.Choice = value;
            }
        }
    }

    /// <summary>
    /// What packed weights depend on besides the model. The identity of the compiled code is in it, so that a plan file never
    /// outlives the kernels and passes that it was made for, whatever they changed.
    /// </summary>
    string Machine =>
        $"build {typeof(CpuBackend).Module.ModuleVersionId:n} {typeof(Plan).Module.ModuleVersionId:n}, {InstructionSet} {_code.Features}{(Options.ExactArithmetic ? " exact" : "")}";

    /// <summary>The machine code that the plans of this backend have asked for so far.</summary>
    internal CodeLibrary Code => _code;

    /// <inheritdoc/>
    public Plan Lower(ModelGraph graph, PlanLimits limits)
    {
        // The data of a plan file are checked while passes and kernels are at work.
        WeightStore weights = new(Options.PlanCache, Machine);
        try
        {
            return Lower(graph, limits, weights);
        }
        catch (PlanFileException damage)
        {
            return Lower(graph, limits, new WeightStore(Options.PlanCache, Machine, damage.Message));
        }
    }

    /// <inheritdoc/>
    public Plan LowerPlain(ModelGraph graph, PlanLimits limits)
    {
        WeightStore weights = new(cache: null, Machine);
        return Lower(graph, limits, weights, new Shared(weights, _code), new PassPipeline(PassPipeline.EveryPass));
    }

    /// <inheritdoc/>
    public Plan LowerBeside(Plan first, ModelGraph graph) => first.Shared is Shared { Weights: { } weights }
        ? Lower(graph, first.Limits, weights, shared: null)
        : throw new ArgumentException("The first plan is none of this backend's.", nameof(first));

    /// <summary>Bytes of the weights that a plan of this backend holds packed, those of the plans beside it included.</summary>
    internal long PackedBytesOf(Plan plan) => ((Shared)plan.Shared!).Weights.Bytes;

    Plan Lower(ModelGraph graph, PlanLimits limits, WeightStore weights)
    {
        Plan? plan = null;
        try
        {
            plan = Lower(graph, limits, weights, new Shared(weights, _code));
            weights.Keep();
            PlanFile = weights.Report;
            return plan;
        }
        catch
        {
            plan?.Dispose();
            weights.Dispose();
            throw;
        }
    }

    Plan Lower(ModelGraph graph, PlanLimits limits, WeightStore weights, Shared? shared, PassPipeline? passes = null)
    {
        List<PlanStep> steps = [];
        try
        {
            (ModelGraph fused, PassReport report) = (passes ?? _passes).Run(graph, limits);
            PlanScope scope = new(limits, weights, fused.Nodes);
            foreach (Node node in fused.Nodes)
            {
                steps.Add(new PlanStep(node, _catalog.Pick(node, scope)));
                Options.Making?.Invoke(steps.Count, fused.Nodes.Length);
            }

            Tune(steps);
            return new Plan(fused, limits, [.. steps], shared, report, graph);
        }
        catch
        {
            steps.ForEach(step => step.Kernel.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pool.Dispose();
        _code.Dispose();
    }

    /// <summary>What the kernels of a plan share. They call emitted code by its address, so the plan must keep it alive.</summary>
    sealed record Shared(WeightStore Weights, CodeLibrary Code) : IDisposable
    {
        public void Dispose() => Weights.Dispose();
    }
}
