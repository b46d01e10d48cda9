using System.Text.Encodings.Web;
using System.Text.Json;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>How much of what a data set has, in a hundred; the rest is talk.</summary>
/// <param name="Phone">Phone actions.</param>
/// <param name="Arithmetic">Calculations.</param>
/// <param name="Find">Lists of elements to find.</param>
/// <param name="Apps">Phone actions for which the wanted app has to be compared with the one in front.</param>
public readonly record struct NanoMix(int Phone, int Arithmetic, int Find = 0, int Apps = 0)
{
    /// <summary>What autoglm-nano was trained on.</summary>
    public static NanoMix Default { get; } = new(45, 32, 15);
}

/// <summary>
/// The data of autoglm-nano, made by rules: conversations of a phone agent, calculations, and talk. The same seed gives the
/// same data; what is held out shares no name, no phrasing and no pair of numbers with what is trained on.
/// </summary>
public static class NanoData
{
    static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Conversations without end, both languages alike.</summary>
    /// <param name="seed">Where to begin.</param>
    /// <param name="split">What they are for.</param>
    /// <param name="mix">How much of what.</param>
    public static IEnumerable<NanoExample> Generate(ulong seed, NanoSplit split, NanoMix mix)
    {
        Dice dice = new(seed);
        while (true)
        {
            NanoLanguage language = dice.Percent(50) ? NanoLanguage.English : NanoLanguage.Chinese;
            int drawn = dice.Below(100);
            yield return drawn < mix.Phone ? PhoneTasks.Make(dice, split, language)
                : drawn < mix.Phone + mix.Arithmetic ? ArithmeticTasks.Make(dice, split, language)
                : drawn < mix.Phone + mix.Arithmetic + mix.Find ? FindTasks.Make(dice, split, language)
                : drawn < mix.Phone + mix.Arithmetic + mix.Find + mix.Apps ? PhoneTasks.Make(dice, split, language, areApps: true)
                : TalkTasks.Make(dice, split, language);
        }
    }

    /// <summary>Writes conversations as the trainer reads them: one JSON object with messages, and variables of the template, on a line.</summary>
    public static void Write(Stream stream, IEnumerable<NanoExample> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        foreach (NanoExample example in examples)
        {
            using (Utf8JsonWriter writer = new(stream, Plain))
            {
                writer.WriteStartObject();
                WriteMessages(writer, example.Messages);
                if (!example.Thinks)
                {
                    writer.WriteStartObject("variables");
                    writer.WriteBoolean("enable_thinking", false);
                    writer.WriteEndObject();
                }

                writer.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
        }
    }

    internal static void WriteMessages(Utf8JsonWriter writer, IEnumerable<NanoMessage> messages)
    {
        writer.WriteStartArray("messages");
        foreach (NanoMessage message in messages)
        {
            writer.WriteStartObject();
            writer.WriteString("role", message.Role);
            writer.WriteString("content", message.Content);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
