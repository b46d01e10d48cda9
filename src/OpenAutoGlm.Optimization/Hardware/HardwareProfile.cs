using System.Text.Json;
using System.Text.Json.Serialization;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Optimization.Analysis;

namespace OpenAutoGlm.Optimization.Hardware;

/// <summary>
/// What a machine has and can do, from its maker's data sheet or from a measurement here. What is calculated with it is
/// an estimate wherever nothing was measured.
/// </summary>
public sealed record HardwareProfile
{
    /// <summary>The name by which it is asked for: "h100".</summary>
    public required string Name { get; init; }

    /// <summary>What it is: "NVIDIA H100 SXM, 80 GB".</summary>
    public required string Title { get; init; }

    /// <summary>What kind of machine it is.</summary>
    public required HardwareKind Kind { get; init; }

    /// <summary>Memory that models can lie in.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Streaming reads of that memory: the maker's peak, or what was measured.</summary>
    public required double ReadBytesPerSecond { get; init; }

    /// <summary>float32 arithmetic, a multiply and an add counting as two.</summary>
    public required double FloatOperationsPerSecond { get; init; }

    /// <summary>float16 products; null where it has none of its own.</summary>
    public double? HalfOperationsPerSecond { get; init; }

    /// <summary>bfloat16 products; null where it has none of its own.</summary>
    public double? BFloat16OperationsPerSecond { get; init; }

    /// <summary>int8 products; null where it has none of its own.</summary>
    public double? ByteOperationsPerSecond { get; init; }

    /// <summary>int4 products; null where it has none of its own.</summary>
    public double? NibbleOperationsPerSecond { get; init; }

    /// <summary>Share of the bandwidth that a good program reaches; 1 where the number was measured. An assumption.</summary>
    public double ReachedBandwidth { get; init; } = 0.8;

    /// <summary>Share of the arithmetic that a good program reaches; 1 where the number was measured. An assumption.</summary>
    public double ReachedArithmetic { get; init; } = 0.5;

    /// <summary>Share of the memory that a model may take; the rest is the system's. An assumption.</summary>
    public double UsableMemory { get; init; } = 0.9;

    /// <summary>Where the numbers are from.</summary>
    public required string Source { get; init; }

    /// <summary>Whether the rates were measured on the machine itself.</summary>
    public bool Measured { get; init; }

    /// <summary>Sequences that are worth running together, where nothing else is asked for.</summary>
    public int Sequences { get; init; } = 1;

    /// <summary>What weights are best stored in, where nothing else is asked for.</summary>
    public TensorFormat WeightFormat { get; init; } = TensorFormat.Q4_K;

    /// <summary>What keys and values are best stored in, where nothing else is asked for.</summary>
    public TensorFormat KvFormat { get; init; } = TensorFormat.BF16;

    /// <summary>Bytes that a model may take.</summary>
    public long UsableBytes => (long)(MemoryBytes * UsableMemory);

    /// <summary>
    /// Operations per second of products with weights of a format. Accelerators read quantised weights into halves and
    /// multiply those; processors multiply them as int8.
    /// </summary>
    public double Rate(TensorFormat format) => format switch
    {
        TensorFormat.F32 or TensorFormat.I32 => FloatOperationsPerSecond,
        TensorFormat.F16 => HalfOperationsPerSecond ?? FloatOperationsPerSecond,
        TensorFormat.BF16 => BFloat16OperationsPerSecond ?? HalfOperationsPerSecond ?? FloatOperationsPerSecond,
        _ when Kind == HardwareKind.Accelerator => HalfOperationsPerSecond ?? FloatOperationsPerSecond,
        _ => ByteOperationsPerSecond ?? HalfOperationsPerSecond ?? FloatOperationsPerSecond,
    };

    /// <summary>This machine, from what was measured on it.</summary>
    /// <param name="title">The processor.</param>
    /// <param name="memoryBytes">Memory that may be used.</param>
    /// <param name="rates">What was measured.</param>
    public static HardwareProfile ThisMachine(string title, long memoryBytes, MachineRates rates) => new()
    {
        Name = HardwareProfiles.ThisMachine,
        Title = title,
        Kind = HardwareKind.Processor,
        MemoryBytes = memoryBytes,
        ReadBytesPerSecond = rates.ReadBytesPerSecond,
        FloatOperationsPerSecond = rates.FloatOperationsPerSecond,
        BFloat16OperationsPerSecond = rates.BFloat16OperationsPerSecond,
        ByteOperationsPerSecond = rates.ByteOperationsPerSecond,
        ReachedBandwidth = 1,
        ReachedArithmetic = 1,
        Source = "measured",
        Measured = true,
        Sequences = 4,
    };

    /// <summary>The profile as JSON, to be changed and read again.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, HardwareJson.Default.HardwareProfile);

    /// <summary>Reads a profile that somebody wrote.</summary>
    /// <exception cref="FormatException">The text is no profile, or a number of it cannot be; the message names it.</exception>
    public static HardwareProfile FromJson(string json)
    {
        try
        {
            HardwareProfile profile = JsonSerializer.Deserialize(json, HardwareJson.Default.HardwareProfile) ?? throw new FormatException("The hardware profile is null.");
            return profile.Checked();
        }
        catch (JsonException error)
        {
            throw new FormatException($"This is no hardware profile: {error.Message}", error);
        }
    }

    HardwareProfile Checked()
    {
        if (string.IsNullOrWhiteSpace(Name))
        {
            throw new FormatException("A hardware profile needs a name.");
        }

        Positive("memoryBytes", MemoryBytes);
        Positive("readBytesPerSecond", ReadBytesPerSecond);
        Positive("floatOperationsPerSecond", FloatOperationsPerSecond);
        Positive("halfOperationsPerSecond", HalfOperationsPerSecond ?? 1);
        Positive("bFloat16OperationsPerSecond", BFloat16OperationsPerSecond ?? 1);
        Positive("byteOperationsPerSecond", ByteOperationsPerSecond ?? 1);
        Positive("nibbleOperationsPerSecond", NibbleOperationsPerSecond ?? 1);

        // What JSON leaves out is nothing, and stands for the usual.
        return Share("reachedBandwidth", ReachedBandwidth) && Share("reachedArithmetic", ReachedArithmetic) && Share("usableMemory", UsableMemory)
            ? this with
            {
                ReachedBandwidth = ReachedBandwidth == 0 ? 0.8 : ReachedBandwidth,
                ReachedArithmetic = ReachedArithmetic == 0 ? 0.5 : ReachedArithmetic,
                UsableMemory = UsableMemory == 0 ? 0.9 : UsableMemory,
                Sequences = Math.Max(1, Sequences),
            }
            : this;

        void Positive(string field, double value)
        {
            if (!(value > 0) || !double.IsFinite(value))
            {
                throw new FormatException($"The hardware profile '{Name}' has {field} {value}; it must be above 0.");
            }
        }

        bool Share(string field, double value) => value is >= 0 and <= 1
            ? true
            : throw new FormatException($"The hardware profile '{Name}' has {field} {value}; it is a share, from 0 to 1.");
    }
}

/// <summary>Kinds of machines.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HardwareKind>))]
public enum HardwareKind
{
    /// <summary>A processor with its main memory.</summary>
    [JsonStringEnumMemberName("processor")]
    Processor,

    /// <summary>A graphics processor or the like, with memory of its own.</summary>
    [JsonStringEnumMemberName("accelerator")]
    Accelerator,
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(HardwareProfile))]
sealed partial class HardwareJson : JsonSerializerContext;
