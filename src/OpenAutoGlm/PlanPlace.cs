using System.Collections.Immutable;
using OpenAutoGlm.Cpu.Packing;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Models;

namespace OpenAutoGlm;

/// <summary>Where the weights of a model are kept in the layout of this machine's kernels, so that the next start maps them.</summary>
public abstract record PlanPlace
{
    PlanPlace()
    {
    }

    /// <summary>Beside the model, or in the cache folder where that cannot be written to.</summary>
    public static PlanPlace Automatic { get; } = new BesideModel();

    /// <summary>Nowhere: every start packs the weights anew.</summary>
    public static PlanPlace Nowhere { get; } = new None();

    /// <summary>Whether a file is only looked for and never written: for plans that are made to be compared.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>In a file of the caller's choice.</summary>
    public static PlanPlace At(string path) => new Given(path);

    internal abstract PlanCache? For(ModelPackage model, string cacheFolder);

    sealed record BesideModel : PlanPlace
    {
        internal override PlanCache For(ModelPackage model, string cacheFolder)
        {
            string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Path));
            string name = Path.GetFileName(path) + PlanCache.Suffix;
            string identity = model.Weights.Identity;
            string beside = Directory.Exists(path) ? Path.Combine(path, name) : Path.Combine(Path.GetDirectoryName(path)!, name);

            // In the cache folder models of the same name from different folders meet.
            string cached = Path.Combine(cacheFolder, "plans", $"{ContentSum.Of(System.Text.Encoding.UTF8.GetBytes(path)):x16}-{name}");
            return new PlanCache([beside, cached], identity);
        }
    }

    sealed record None : PlanPlace
    {
        internal override PlanCache? For(ModelPackage model, string cacheFolder) => null;
    }

    sealed record Given(string Path) : PlanPlace
    {
        // Who names a file wants one, however small.
        internal override PlanCache For(ModelPackage model, string cacheFolder) => new([System.IO.Path.GetFullPath(Path)], model.Weights.Identity) { LeastBytes = 0 };
    }
}
