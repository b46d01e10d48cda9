using OpenAutoGlm.Models;
using OpenAutoGlm.Optimization.Export;
using OpenAutoGlm.Optimization.Reports;
using OpenAutoGlm.Optimization.Search.Runs;

namespace OpenAutoGlm.Optimizing;

/// <summary>The folder that an optimisation leaves: the model, its recipe, and the report as a page and as data.</summary>
static class OptimizedFolder
{
    internal const string ModelFile = "model.gguf";
    internal const string RecipeFile = "recipe.json";
    internal const string ReportFile = "report.json";
    internal const string PageFile = "report.html";

    /// <summary>Fills a folder beside the wanted one, then puts its files in place, the model last.</summary>
    internal static void Write(string folder, ModelPackage model, OptimizationResult result, OptimizationReport report, IProgress<OptimizationProgress>? progress, CancellationToken cancellation)
    {
        string target = Path.GetFullPath(Path.TrimEndingDirectorySeparator(folder));
        if (File.Exists(target))
        {
            throw new IOException($"{target} is a file; the optimised model is written into a folder.");
        }

        string partial = $"{target}.{Environment.ProcessId}.partial";
        bool isNew = !Directory.Exists(target);
        Directory.CreateDirectory(partial);
        try
        {
            progress?.Report(new OptimizationProgress(OptimizationStage.Writing, 0));
            File.WriteAllText(Path.Combine(partial, RecipeFile), result.Recipe.ToJson());
            File.WriteAllText(Path.Combine(partial, ReportFile), report.ToJson());
            File.WriteAllText(Path.Combine(partial, PageFile), report.ToHtml());
            ModelExporter.Write(
                model,
                result.Config,
                result.Weights!,
                new ExportOptions(ExportFormat.Gguf),
                Path.Combine(partial, ModelFile),
                new Told(share => progress?.Report(new OptimizationProgress(OptimizationStage.Writing, share, ModelFile))),
                cancellation);
            cancellation.ThrowIfCancellationRequested();
            if (isNew)
            {
                Directory.Move(partial, target);
                return;
            }

            foreach (string name in (string[])[RecipeFile, ReportFile, PageFile, ModelFile])
            {
                if (File.Exists(Path.Combine(partial, name)))
                {
                    File.Move(Path.Combine(partial, name), Path.Combine(target, name), overwrite: true);
                }
            }
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }

    sealed class Told(Action<double> tell) : IProgress<double>
    {
        public void Report(double value) => tell(value);
    }
}
