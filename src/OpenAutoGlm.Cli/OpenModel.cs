using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Pull;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Cli;

/// <summary>How commands come to their model: fetching is shown, and without a name it is the built-in one.</summary>
static class OpenModel
{
    /// <summary>A model ready to answer.</summary>
    public static async Task<AutoInferenceEngine> EngineAsync(string? name, AutoInferenceOptions options, CommandConsole console, CancellationToken cancellation)
    {
        string path = await LocateAsync(name, options.Hub, console, cancellation);
        AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync(path, options, progress: null, cancellation);
        NotePlan(engine, console);
        return engine;
    }

    /// <summary>Tells of a plan file that was written, or could not be.</summary>
    public static void NotePlan(AutoInferenceEngine engine, CommandConsole console)
    {
        if (engine.Backend is CpuBackend { PlanFile: { Outcome: PlanFileOutcome.Written or PlanFileOutcome.Failed } report })
        {
            console.Note($"Plan of {Units.Bytes(report.Bytes)} for later starts: {report}");
        }
    }

    /// <summary>A model's files.</summary>
    public static async Task<ModelPackage> PackageAsync(string? name, HubOptions? options, CommandConsole console, CancellationToken cancellation) =>
        ModelPackage.Open(await LocateAsync(name, options, console, cancellation));

    /// <summary>A model's file or folder, fetched where it is not here.</summary>
    public static async Task<string> LocateAsync(string? name, HubOptions? options, CommandConsole console, CancellationToken cancellation)
    {
        name = string.IsNullOrEmpty(name) ? BuiltInModel.Name : name;
        return ModelName.Parse(name) is ModelName.Hub
            ? await PullProgress.ShowAsync(name, console, progress => ModelLocator.LocateAsync(name, options, progress, cancellation))
            : await ModelLocator.LocateAsync(name, options, progress: null, cancellation);
    }
}
