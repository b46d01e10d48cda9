using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Schemas;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// Compiles the schemas of a folder (MaskBench's files, or those of the JSON Schema test suite), walks their instances token
/// by token and measures each mask the first time it is needed.
/// </summary>
static partial class ConstraintBenchmark
{
    public static void Run(string path, string? tokenizerFolder, bool verbose)
    {
        Tokenizer? tokenizer = tokenizerFolder is null ? null : TokenizerLoader.FromFolder(tokenizerFolder);
        long start = Stopwatch.GetTimestamp();
        ConstraintVocabulary vocabulary = tokenizer is null
            ? new ConstraintVocabulary(257, id => id < 256 ? [(byte)id] : null, [256])
            : ConstraintVocabulary.Of(tokenizer, []);
        Console.WriteLine($"vocabulary of {vocabulary.Size} tokens, {vocabulary.Trie.NodeCount} nodes, {vocabulary.Awkward.NodeCount} of awkward tokens, longest {vocabulary.Trie.Longest} bytes, {vocabulary.LongestSpaces} spaces, prepared in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");

        // The first round is for the compiler of this process; every constraint of the second is made anew.
        Round(path, tokenizer, vocabulary, new Tally(), verbose: false);
        GC.Collect();
        Tally tally = new();
        Round(path, tokenizer, vocabulary, tally, verbose);
        tally.Print();
    }

    static void Round(string path, Tokenizer? tokenizer, ConstraintVocabulary vocabulary, Tally tally, bool verbose)
    {
        SchemaDialect dialect = path.Contains("draft7") ? SchemaDialect.Draft7 : SchemaDialect.Draft202012;
        bool formats = !path.Contains("draft") || path.Contains("optional");
        foreach (string file in Directory.GetFiles(path, "*.json").Order(StringComparer.Ordinal))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file), new JsonDocumentOptions { MaxDepth = 512 });
            IEnumerable<JsonElement> groups = document.RootElement.ValueKind == JsonValueKind.Array ? document.RootElement.EnumerateArray() : [document.RootElement];
            foreach (JsonElement group in groups)
            {
                Schema(group, $"{Path.GetFileNameWithoutExtension(file)}: {group.GetProperty("description").GetString()}", new JsonSchemaOptions { DefaultDialect = dialect, AssertFormats = formats }, tokenizer, vocabulary, tally, verbose);
            }
        }
    }

    static void Schema(JsonElement group, string name, JsonSchemaOptions options, Tokenizer? tokenizer, ConstraintVocabulary vocabulary, Tally tally, bool verbose)
    {
        CompiledConstraint compiled;
        tally.Schemas++;
        long start = Stopwatch.GetTimestamp();
        try
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
            compiled = new CompiledConstraint(OutputConstraint.JsonSchema(group.GetProperty("schema").GetRawText(), options), vocabulary, limit.Token);
        }
        catch (Exception error) when (error is ConstraintException or OperationCanceledException)
        {
            tally.Refused.Add($"{name}: {error.Message}");
            return;
        }

        double ms = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        tally.Compiles.Add(ms);
        if (verbose && ms > 300)
        {
            Console.WriteLine($"slow compile {ms:F0} ms: {name}");
        }

        foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
        {
            bool valid = test.GetProperty("valid").GetBoolean();
            string text = Compact(test.GetProperty("data"));
            tally.Instances++;
            int accepted = tokenizer is null ? Bytes(compiled, text) : Tokens(compiled, tokenizer, text, tally, verbose ? name : null);
            if (accepted >= 0 == valid)
            {
                tally.ValidRefused += valid ? 1 : 0;
                tally.InvalidAccepted += valid ? 0 : 1;
                tally.Wrong.Add($"WRONG {(valid ? $"valid refused at {accepted}" : "invalid accepted")}: {name}: {(text.Length > 200 ? text[..200] : text)}");
            }
        }
    }

    /// <summary>The byte at which a text is refused; −1 where it is accepted.</summary>
    static int Bytes(CompiledConstraint compiled, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Engine.Constraints.Frames.Place place = compiled.Start;
        for (int i = 0; i < bytes.Length; i++)
        {
            if (compiled.Advance(place, bytes.AsSpan(i, 1)) is not { } next)
            {
                return i;
            }

            place = next;
        }

        return place.IsFinal ? -1 : bytes.Length;
    }

    static int Tokens(CompiledConstraint compiled, Tokenizer tokenizer, string text, Tally tally, string? name)
    {
        ConstraintMask mask = new(compiled);
        int at = 0;
        foreach (int token in tokenizer.Encode(text, parseSpecials: false, addSpecials: false))
        {
            long start = Stopwatch.GetTimestamp();
            double cpu = ThreadMicros();
            TokenSet allowed = mask.Allowed!;
            cpu = ThreadMicros() - cpu;
            double micros = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            tally.Masks.Add(micros);
            tally.MaskCpu.Add(cpu);
            if (name is not null && cpu > 600)
            {
                Console.WriteLine($"slow mask {cpu:F0} us with {allowed.Count()} tokens: {name}: after {text[..Math.Min(text.Length, at)]}");
            }

            if (!allowed.Contains(token))
            {
                return at;
            }

            start = Stopwatch.GetTimestamp();
            mask.Accept(token);
            tally.Accepts.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            at += tokenizer.TokenBytes(token).Length;
        }

        return mask.IsComplete ? -1 : at;
    }

    /// <summary>Time that this thread was on a core (clock_gettime, CLOCK_THREAD_CPUTIME_ID).</summary>
    static double ThreadMicros()
    {
        ClockGetTime(3, out Timespec time);
        return time.Seconds * 1e6 + time.Nanoseconds / 1e3;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out Timespec time);

    struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    static string Compact(JsonElement element)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 }))
        {
            element.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    sealed class Tally
    {
        public int Schemas { get; set; }

        public int Instances { get; set; }

        public int ValidRefused { get; set; }

        public int InvalidAccepted { get; set; }

        public List<string> Refused { get; } = [];

        public List<string> Wrong { get; } = [];

        public List<double> Compiles { get; } = [];

        public List<double> Masks { get; } = [];

        public List<double> MaskCpu { get; } = [];

        public List<double> Accepts { get; } = [];

        public void Print()
        {
            foreach (string refused in Refused)
            {
                Console.WriteLine("refused " + refused);
            }

            Wrong.ForEach(Console.WriteLine);
            Console.WriteLine($"{Schemas - Refused.Count} of {Schemas} schemas compiled; {Instances} instances, {ValidRefused} valid ones refused, {InvalidAccepted} invalid ones accepted");
            Line("compile ms", Compiles);
            Line("mask us", Masks);
            Line("mask us of the thread's own time, where the machine is shared", MaskCpu);
            Line("accept us", Accepts);
        }

        static void Line(string what, List<double> values)
        {
            values.Sort();
            if (values.Count > 0)
            {
                Console.WriteLine($"{what}: n {values.Count}, mean {values.Average():F1}, p50 {values[values.Count / 2]:F1}, p90 {values[values.Count * 9 / 10]:F1}, p99 {values[values.Count * 99 / 100]:F1}, max {values[^1]:F1}");
            }
        }
    }
}
