using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Calibration;

/// <summary>
/// The file in which a collection of statistics stands while it runs and when it is done: what is collected from, how many windows
/// are in, and the exact sums, so that a run that goes on gives the bits of one that was never interrupted.
/// </summary>
static class CollectionState
{
    const string Mark = "OpenAutoGlm activations 1";

    internal static void Write(string path, string model, TokenWindows windows, TensorFormat kvFormat, int done, List<ActivationGroup> groups) => SummedFile.Write(path, Mark, writer =>
    {
        writer.Write(model);
        writer.Write(windows.Identity);
        writer.Write(kvFormat.ToString());
        writer.Write(done);
        writer.Write(windows.Windows.Length);
        writer.Write(groups.Count);
        groups.ForEach(group => group.Write(writer));
    });

    /// <summary>Takes sums that were saved into the groups.</summary>
    /// <returns>Windows that are in.</returns>
    /// <exception cref="EvaluationException">The file is damaged, or of another run.</exception>
    internal static int Resume(string path, string model, TokenWindows windows, TensorFormat kvFormat, List<ActivationGroup> groups) => SummedFile.Read(path, Mark, reader =>
    {
        Require(path, "model", reader.ReadString(), model);
        Require(path, "text", $"{reader.ReadUInt64():x16}", $"{windows.Identity:x16}");
        Require(path, "format of keys and values", reader.ReadString(), kvFormat.ToString());
        int done = reader.ReadInt32();
        reader.ReadInt32();
        Require(path, "number of groups of weights", $"{reader.ReadInt32()}", $"{groups.Count}");
        foreach (ActivationGroup group in groups)
        {
            Require(path, "group of weights", string.Join(' ', ActivationGroup.ReadNames(reader)), string.Join(' ', group.Weights));
            if (!group.Read(reader))
            {
                throw Another(path, "choice of Gram matrices");
            }
        }

        return done;
    });

    /// <summary>The statistics of a collection that is done.</summary>
    /// <exception cref="EvaluationException">The file is damaged, or windows are missing.</exception>
    internal static Dictionary<string, ColumnStatistics> Load(string path) => SummedFile.Read(path, Mark, reader =>
    {
        reader.ReadString();
        reader.ReadUInt64();
        reader.ReadString();
        (int done, int all) = (reader.ReadInt32(), reader.ReadInt32());
        if (done < all)
        {
            throw new EvaluationException($"{path} has statistics of {done} windows out of {all}: let the collection go on first.");
        }

        Dictionary<string, ColumnStatistics> byWeight = new(StringComparer.Ordinal);
        for (int groups = reader.ReadInt32(); groups > 0; groups--)
        {
            string[] names = ActivationGroup.ReadNames(reader);
            ColumnStatistics statistics = ActivationGroup.ReadStatistics(reader);
            foreach (string name in names)
            {
                byWeight.Add(name, statistics);
            }
        }

        return byWeight;
    });

    static void Require(string path, string what, string found, string wanted)
    {
        if (found != wanted)
        {
            throw Another(path, $"{what} ('{found}' instead of '{wanted}')");
        }
    }

    static EvaluationException Another(string path, string what) =>
        new($"{path} belongs to a run with another {what}: delete it to begin anew, or name another file.");
}
