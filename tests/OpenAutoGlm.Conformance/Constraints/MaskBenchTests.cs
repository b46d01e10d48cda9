using System.Diagnostics;
using System.Runtime.InteropServices;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Schemas;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Conformance.Constraints;

/// <summary>MaskBench over GLM-4's vocabulary: schemas as people write them, instances as models tokenise them.</summary>
public partial class MaskBenchTests(ITestOutputHelper output)
{
    static readonly Lazy<(Tokenizer Tokenizer, ConstraintVocabulary Vocabulary)> Glm4 = new(() =>
    {
        Tokenizer tokenizer = TokenizerLoader.FromFolder(SharedData.Path("tokenizers", "glm4"));
        return (tokenizer, ConstraintVocabulary.Of(tokenizer, []));
    });

    [Fact]
    public void Instances_are_decided_rightly_token_by_token_however_they_are_spelled()
    {
        (Tokenizer tokenizer, ConstraintVocabulary vocabulary) = Glm4.Value;
        int schemas = 0;
        int compiled = 0;
        int texts = 0;
        List<string> wrong = [];
        foreach (SuiteSchema schema in SuiteSchema.Read(SharedData.Path("jsonschema", "maskbench")))
        {
            schemas++;
            if (schema.Compile(vocabulary, new JsonSchemaOptions()) is not { } constraint)
            {
                continue;
            }

            compiled++;
            foreach ((string json, bool valid) in schema.Instances)
            {
                foreach ((string kind, string text) in Spellings.Of(json))
                {
                    texts++;
                    if (Accepts(constraint, tokenizer, text, times: null) != valid)
                    {
                        wrong.Add($"{schema.Name}: {(valid ? "valid and refused" : "invalid and accepted")}, {kind}: {text}");
                    }
                }
            }
        }

        output.WriteLine($"{compiled} of {schemas} schemas compiled ({100.0 * compiled / schemas:F1} %), {texts} texts, {wrong.Count} decided wrongly");
        Assert.Empty(wrong);
        Assert.True(100 * compiled >= 95 * schemas, $"{compiled} of {schemas} schemas compiled.");
    }

    [Fact]
    public void Masks_are_quick_when_they_are_first_met()
    {
        (Tokenizer tokenizer, ConstraintVocabulary vocabulary) = Glm4.Value;
        SuiteSchema[] schemas = [.. SuiteSchema.Read(SharedData.Path("jsonschema", "maskbench"))];
        Times times = new();
        for (int round = 0; round < 2; round++)
        {
            // The first round is for the compiler of this process; in the second every constraint is made anew.
            times = new Times();
            foreach (SuiteSchema schema in schemas)
            {
                long start = Stopwatch.GetTimestamp();
                CompiledConstraint? constraint = schema.Compile(vocabulary, new JsonSchemaOptions());
                times.CompileMs.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                foreach ((string json, bool _) in constraint is null ? [] : schema.Instances)
                {
                    Accepts(constraint!, tokenizer, Spellings.Of(json).ElementAt(1).Text, times);
                }
            }
        }

        output.WriteLine($"compile ms: {Times.Line(times.CompileMs)}");
        output.WriteLine($"mask us, {vocabulary.Size} tokens: {Times.Line(times.MaskMicros)}");
        output.WriteLine($"mask us of the thread's own time, where others use the machine: {Times.Line(times.MaskThreadMicros)}");

        // Loosely: what else runs on the machine is in these times.
        Assert.InRange(Times.Part(times.MaskThreadMicros, 50), 0, 200);
        Assert.InRange(Times.Part(times.MaskThreadMicros, 99), 0, 5_000);
    }

    static bool Accepts(CompiledConstraint constraint, Tokenizer tokenizer, string text, Times? times)
    {
        ConstraintMask mask = new(constraint);
        foreach (int token in tokenizer.Encode(text, parseSpecials: false, addSpecials: false))
        {
            long start = Stopwatch.GetTimestamp();
            double own = times is null ? 0 : ThreadMicros();
            TokenSet allowed = mask.Allowed!;
            times?.MaskThreadMicros.Add(ThreadMicros() - own);
            times?.MaskMicros.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            if (!allowed.Contains(token))
            {
                Assert.Null(constraint.Advance(mask.Place, tokenizer.TokenBytes(token)));
                return false;
            }

            mask.Accept(token);
        }

        Assert.Equal(mask.IsComplete, mask.Allowed!.Contains(tokenizer.EosIds[0]));
        return mask.IsComplete;
    }

    /// <summary>Time that this thread was on a core; the clock's time where the system is not Linux.</summary>
    static double ThreadMicros()
    {
        const int ThreadClock = 3; // CLOCK_THREAD_CPUTIME_ID
        return OperatingSystem.IsLinux() && ClockGetTime(ThreadClock, out Timespec time) == 0
            ? time.Seconds * 1e6 + time.Nanoseconds / 1e3
            : Stopwatch.GetTimestamp() * 1e6 / Stopwatch.Frequency;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out Timespec time);

    struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    sealed class Times
    {
        public List<double> CompileMs { get; } = [];

        public List<double> MaskMicros { get; } = [];

        public List<double> MaskThreadMicros { get; } = [];

        public static double Part(List<double> values, int percent) => values.Order().ElementAt(values.Count * percent / 100);

        public static string Line(List<double> values) =>
            $"{values.Count} of them, mean {values.Average():F1}, p50 {Part(values, 50):F1}, p90 {Part(values, 90):F1}, p99 {Part(values, 99):F1}, longest {values.Max():F0}";
    }
}
