using System.Collections.Immutable;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// What guessing is worth for an answer that is known: a mask forces a model of any weights to give it, so that guesses come true
/// as often as they would with a model that gives it by itself, and steps cost what they cost. With and without in turn.
/// </summary>
static class SpeculationBenchmark
{
    const string Extracted = """
        - February 14, 2005: YouTube was founded by Chad Hurley, Jawed Karim, and Steve Chen, who were former employees of PayPal.
        - November 13, 2006: YouTube was purchased by Google for US$1.65 billion (equivalent to $2.44 billion in 2025).
        - May 2019: Videos were being uploaded to the platform at a rate of more than 500 hours of content per minute.
        - 2023: YouTube's advertising revenue totaled $31.7 billion, a 2% increase from the $31.1 billion reported in 2022.
        - January 2024: YouTube had more than 2.7 billion monthly active users, who collectively consumed more than one billion hours of video content every day.
        - Mid-2024: There were approximately 14.8 billion videos in total.
        - From Q4 2023 to Q3 2024: YouTube's combined revenue from advertising and subscriptions exceeded $50 billion.
        """;

    const string Code = """
        def quick_sort(arr, low, high):
            if low < high:
                pivot_index = partition(arr, low, high)
                quick_sort(arr, low, pivot_index - 1)
                quick_sort(arr, pivot_index + 1, high)


        def partition(arr, low, high):
            pivot = arr[high]
            i = low - 1
            for j in range(low, high):
                if arr[j] <= pivot:
                    i = i + 1
                    arr[i], arr[j] = arr[j], arr[i]
            arr[i + 1], arr[high] = arr[high], arr[i + 1]
            return i + 1


        arr = [10, 7, 8, 9, 1, 5]
        quick_sort(arr, 0, len(arr) - 1)
        print("Sorted array is:", arr)
        """;

    const string Story = """
        The lighthouse keeper had not spoken to another soul since the first storm of autumn, and he had begun to suspect that
        the sea was answering him instead. Each evening he climbed the hundred and twelve steps with a lamp in one hand and
        yesterday's bread in the other, counting under his breath, and each evening somewhere near the landing a wave would
        break precisely on the number he forgot. He told nobody, for there was nobody. Then, on a Tuesday so still that gulls
        walked rather than flew, a small blue boat without oars drifted between the rocks, and in it sat a girl of perhaps nine
        who asked, quite politely, whether this was the house where lost numbers are kept.
        """;

    public static void Run(string modelPath, string tokenizerFolder, string promptFolder, int repetitions)
    {
        Tokenizer tokenizer = TokenizerLoader.FromFolder(tokenizerFolder);
        using ModelPackage model = ModelPackage.Open(modelPath);
        AutoInferenceOptions options = new();
        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        EngineOptions plain = new() { ContextLength = 4096, KvMemoryBytes = 512 << 20, PrefixCache = new() { Enabled = false } };
        using InferenceEngine without = new(model.Config, model.Weights, backend, plain with { Speculation = new() { Source = GuessSource.None } });
        using InferenceEngine with = new(model.Config, model.Weights, backend, plain);
        string code = Code.Trim();
        (string Name, string Prompt, string Answer)[] tasks =
        [
            ("extract", File.ReadAllText(Path.Combine(promptFolder, "extract.txt")), Extracted),
            ("code", File.ReadAllText(Path.Combine(promptFolder, "code.txt")), code),
            ("code, edited", $"Rename arr to numbers, answer only the code.\n\n{code}\n\n", code.Replace("arr", "numbers", StringComparison.Ordinal)),
            ("story", File.ReadAllText(Path.Combine(promptFolder, "story.txt")), Story),
        ];
        Console.WriteLine("task           prompt  answer   without   with   ratio (each)              guessed  right");
        foreach ((string name, string prompt, string answer) in tasks)
        {
            ImmutableArray<int> ids = [.. tokenizer.Encode(prompt + "\n\n")];
            int[] script = [.. tokenizer.Encode(answer.Trim())];
            Answer(without, ids, script);
            Answer(with, ids, script);
            EngineStatistics before = with.Statistics;
            List<(double Without, double With)> speeds = [];
            for (int i = 0; i < repetitions; i++)
            {
                speeds.Add((Answer(without, ids, script), Answer(with, ids, script)));
            }

            EngineStatistics after = with.Statistics;
            double[] ratios = [.. speeds.Select(pair => pair.With / pair.Without).Order()];
            Console.WriteLine(
                $"{name,-14} {ids.Length,6} {script.Length,7} {speeds.Average(pair => pair.Without),9:F1} {speeds.Average(pair => pair.With),6:F1}   {ratios[ratios.Length / 2]:F2} ({string.Join(' ', ratios.Select(ratio => $"{ratio:F2}"))})"
                + $"   {(after.GuessedTokens - before.GuessedTokens) / repetitions,6} {(after.GuessedRightTokens - before.GuessedRightTokens) / repetitions,6}");
        }
    }

    static double Answer(InferenceEngine engine, ImmutableArray<int> prompt, int[] script)
    {
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = prompt, MaxTokens = script.Length, Mask = new Script(script) });
        return sequence.Completion.GetAwaiter().GetResult().Timings.DecodeTokensPerSecond;
    }

    /// <summary>Allows one token at every position.</summary>
    sealed class Script(int[] tokens) : ITokenMask
    {
        int _next;

        public void Apply(Span<float> logits)
        {
            logits.Fill(float.NegativeInfinity);
            logits[tokens[_next]] = 0;
        }

        public void Accept(int token) => _next++;
    }
}
