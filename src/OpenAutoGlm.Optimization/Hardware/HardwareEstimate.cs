using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Analysis;
using OpenAutoGlm.Optimization.Reports;

namespace OpenAutoGlm.Optimization.Hardware;

/// <summary>
/// What a machine would make of a model: calculated from what a token must read and compute and from what the machine's
/// maker says, times the share of it that good programs reach. Always an estimate: nothing was run.
/// </summary>
/// <param name="Profile">The machine.</param>
/// <param name="Sequences">Sequences that run together.</param>
/// <param name="Context">Tokens of each of them.</param>
/// <param name="WeightBytes">Bytes of the weights.</param>
/// <param name="KvBytes">Bytes of the keys and values of all sequences.</param>
/// <param name="DecodeSeconds">Seconds for a step that writes a token in each sequence, at half of the context.</param>
/// <param name="PrefillTokensPerSecond">Tokens of a prompt read per second.</param>
/// <param name="MemoryBound">Whether writing waits for memory, and not for arithmetic.</param>
public sealed record HardwareEstimate(
    HardwareProfile Profile, int Sequences, int Context, long WeightBytes, long KvBytes, double DecodeSeconds, double PrefillTokensPerSecond, bool MemoryBound)
{
    /// <summary>Bytes of weights, keys and values; working memory is part of what the profile leaves to the system.</summary>
    public long NeededBytes => WeightBytes + KvBytes;

    /// <summary>Whether they fit in what the machine leaves to a model.</summary>
    public bool Fits => NeededBytes <= Profile.UsableBytes;

    /// <summary>Tokens per second written by all sequences together.</summary>
    public double DecodeTokensPerSecond => Sequences / DecodeSeconds;

    /// <summary>Most tokens of keys and values that fit beside the weights; 0 where these do not fit themselves.</summary>
    /// <param name="kvBytesPerToken">Bytes of keys and values for each token.</param>
    public long MostTokens(long kvBytesPerToken) => Math.Max(0, Profile.UsableBytes - WeightBytes) / Math.Max(1, kvBytesPerToken);

    /// <summary>Estimates.</summary>
    /// <param name="profile">The machine.</param>
    /// <param name="cost">What a token costs.</param>
    /// <param name="format">The format of most weights, which decides on the arithmetic.</param>
    /// <param name="sequences">Sequences that run together.</param>
    /// <param name="context">Tokens of each of them.</param>
    public static HardwareEstimate Of(HardwareProfile profile, GraphCost cost, TensorFormat format, int sequences = 1, int context = 2048)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        double bandwidth = profile.ReadBytesPerSecond * profile.ReachedBandwidth;
        double rate = profile.Rate(format) * profile.ReachedArithmetic;
        double kv = (double)context * sequences * cost.KvBytesPerToken;

        // A dense model reads its weights once a step; of experts, each sequence may meet others.
        double weights = Math.Min(Math.Max(cost.BytesPerToken, cost.WeightBytes), (double)cost.BytesPerToken * (cost.ActiveParameters * 2 < cost.Parameters ? sequences : 1));
        double reading = (weights + (kv / 2)) / bandwidth;
        double computing = (double)sequences * cost.OperationsPerToken / rate;
        double prefillOperations = Math.Max(1, cost.OperationsPerToken - cost.LogitOperations);
        return new HardwareEstimate(
            profile, sequences, context, cost.WeightBytes, (long)kv, Math.Max(reading, computing), 1 / Math.Max(prefillOperations / rate, cost.BytesPerToken / bandwidth / 512), reading >= computing);
    }

    /// <summary>A row of the report: the result beside the model as it came.</summary>
    /// <param name="before">The estimate for the model as it came.</param>
    public ElsewhereEstimate ToRow(HardwareEstimate before) => new(
        Profile.Name,
        Profile.Title,
        Fits,
        before.Fits,
        NeededBytes,
        Profile.MemoryBytes,
        DecodeTokensPerSecond,
        before.DecodeTokensPerSecond,
        PrefillTokensPerSecond,
        FormattableString.Invariant($"{Sequences:N0} {(Sequences == 1 ? "sequence" : "sequences")}, {Context:N0} tokens each"),
        Profile.Measured ? "measured rates" : Profile.Source);
}
