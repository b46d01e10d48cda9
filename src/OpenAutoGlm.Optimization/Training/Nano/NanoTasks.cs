using System.Text.Encodings.Web;
using System.Text.Json;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>Tasks that measure autoglm-nano on what is held out, as autoglm eval reads them (docs/evaluation.md).</summary>
public static class NanoTasks
{
    const ulong Seed = 1_000_003; // no training data begins here
    const int MaxTokens = 320;

    static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Names of the tasks: phone actions, calculations with and without thinking, talk.</summary>
    public static IReadOnlyList<string> Names { get; } = ["phone", "arithmetic", "arithmetic-silent", "talk"];

    /// <summary>The questions of a task, both languages alike; the last message of each is the right answer.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">There is no such task.</exception>
    public static IEnumerable<NanoExample> Questions(string name)
    {
        Dice dice = new(Seed + (ulong)name.Length);
        Func<NanoLanguage, NanoExample> next = name switch
        {
            "phone" => language => PhoneTasks.Make(dice, NanoSplit.HeldOut, language),
            "arithmetic" => language => ArithmeticTasks.Make(dice, NanoSplit.HeldOut, language, thinks: true),
            "arithmetic-silent" => language => ArithmeticTasks.Make(dice, NanoSplit.HeldOut, language, thinks: false),
            "talk" => language => TalkTasks.Make(dice, NanoSplit.HeldOut, language),
            _ => throw new ArgumentException($"There is no task '{name}'; there are {string.Join(", ", Names)}.", nameof(name)),
        };
        for (int i = 0; ; i++)
        {
            yield return next(i % 2 == 0 ? NanoLanguage.English : NanoLanguage.Chinese);
        }
    }

    /// <summary>Writes questions, one JSON object a line.</summary>
    public static void Write(Stream stream, IEnumerable<NanoExample> questions)
    {
        ArgumentNullException.ThrowIfNull(questions);
        foreach (NanoExample question in questions)
        {
            using (Utf8JsonWriter writer = new(stream, Plain))
            {
                writer.WriteStartObject();
                writer.WriteString("kind", "generate");
                writer.WriteString("group", $"{question.Group} {(question.Language == NanoLanguage.English ? "en" : "zh")}");
                NanoData.WriteMessages(writer, question.Messages.SkipLast(1));
                if (!question.Thinks)
                {
                    writer.WriteBoolean("thinking", false);
                }

                writer.WriteString("answer", question.Answer);
                writer.WriteNumber("max_tokens", MaxTokens);
                writer.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
        }
    }
}
