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
/// as often as they would with a model that gives it by itself, and steps cost what they cost. Without, with lookup in the request alone, and
/// with lookup in three earlier answers too, in turn.
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

    // What such a server may have answered before: other programs, by nobody who had the one above in mind.
    static readonly string[] Earlier =
    [
        """
        def bubble_sort(arr):
            n = len(arr)
            for i in range(n):
                swapped = False
                for j in range(0, n - i - 1):
                    if arr[j] > arr[j + 1]:
                        arr[j], arr[j + 1] = arr[j + 1], arr[j]
                        swapped = True
                if not swapped:
                    break
            return arr


        arr = [64, 34, 25, 12, 22, 11, 90]
        print("Sorted array is:", bubble_sort(arr))
        """,
        """
        def merge_sort(arr):
            if len(arr) <= 1:
                return arr
            mid = len(arr) // 2
            left = merge_sort(arr[:mid])
            right = merge_sort(arr[mid:])
            return merge(left, right)


        def merge(left, right):
            result = []
            i = j = 0
            while i < len(left) and j < len(right):
                if left[i] <= right[j]:
                    result.append(left[i])
                    i = i + 1
                else:
                    result.append(right[j])
                    j = j + 1
            result.extend(left[i:])
            result.extend(right[j:])
            return result


        arr = [38, 27, 43, 3, 9, 82, 10]
        print("Sorted array is:", merge_sort(arr))
        """,
        """
        def binary_search(arr, target):
            low = 0
            high = len(arr) - 1
            while low <= high:
                mid = (low + high) // 2
                if arr[mid] == target:
                    return mid
                if arr[mid] < target:
                    low = mid + 1
                else:
                    high = mid - 1
            return -1


        arr = [2, 3, 4, 10, 40]
        index = binary_search(arr, 10)
        print("Element found at index:", index)
        """,
    ];

    public static void Run(string modelPath, string tokenizerFolder, string promptFolder, int repetitions, string? only)
    {
        Tokenizer tokenizer = TokenizerLoader.FromFolder(tokenizerFolder);
        using ModelPackage model = ModelPackage.Open(modelPath);
        AutoInferenceOptions options = new();
        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        EngineOptions plain = new() { ContextLength = 4096, KvMemoryBytes = 256 << 20, PrefixCache = new() { Enabled = false } };
        using InferenceEngine without = new(model.Config, model.Weights, backend, plain with { Speculation = new() { Source = GuessSource.None } });
        using InferenceEngine alone = new(model.Config, model.Weights, backend, plain with { Speculation = new() { RememberedTokens = 0 } });
        using InferenceEngine remembering = new(model.Config, model.Weights, backend, plain);
        string code = Code.Trim();
        string codePrompt = File.ReadAllText(Path.Combine(promptFolder, "code.txt"));
        (string Name, string Prompt, string Answer, string[] Earlier)[] tasks =
        [
            ("extract", File.ReadAllText(Path.Combine(promptFolder, "extract.txt")), Extracted, Earlier),
            ("code", codePrompt, code, Earlier),
            ("code, edited", $"Rename arr to numbers, answer only the code.\n\n{code}\n\n", code.Replace("arr", "numbers", StringComparison.Ordinal), Earlier),
            ("code, again", codePrompt, code, [code]),
            ("story", File.ReadAllText(Path.Combine(promptFolder, "story.txt")), Story, Earlier),
        ];
        Console.WriteLine("task           prompt  answer   without  lookup: tokens/s  ratio  guessed  right   and earlier answers: tokens/s  ratio (each)           guessed  right");
        foreach ((string name, string prompt, string answer, string[] earlier) in tasks.Where(task => only is null || task.Name == only))
        {
            ImmutableArray<int> ids = [.. tokenizer.Encode(prompt + "\n\n")];
            int[] script = [.. tokenizer.Encode(answer.Trim())];
            List<(double Without, Guessed Alone, Guessed Remembering)> runs = [];
            for (int i = -1; i < repetitions; i++)
            {
                // A salt of its own, for it must not remember this very answer from the repetition before.
                string salt = $"{name} {i}";
                foreach (string said in earlier)
                {
                    Answer(remembering, [.. tokenizer.Encode("\n")], [.. tokenizer.Encode(said)], salt);
                }

                (double, Guessed, Guessed) run = (Answer(without, ids, script, salt).Speed, Answer(alone, ids, script, salt), Answer(remembering, ids, script, salt));
                if (i >= 0)
                {
                    runs.Add(run);
                }
            }

            double[] aloneRatios = [.. runs.Select(run => run.Alone.Speed / run.Without).Order()];
            double[] ratios = [.. runs.Select(run => run.Remembering.Speed / run.Without).Order()];
            Console.WriteLine(
                $"{name,-14} {ids.Length,6} {script.Length,7} {runs.Average(run => run.Without),9:F1} {runs.Average(run => run.Alone.Speed),17:F1} {aloneRatios[aloneRatios.Length / 2],6:F2} {runs[^1].Alone.Tried,8} {runs[^1].Alone.Right,6}"
                + $" {runs.Average(run => run.Remembering.Speed),31:F1} {ratios[ratios.Length / 2],6:F2} {'(' + string.Join(' ', ratios.Select(ratio => $"{ratio:F2}")) + ')',-16} {runs[^1].Remembering.Tried,7} {runs[^1].Remembering.Right,6}");
        }
    }

    static Guessed Answer(InferenceEngine engine, ImmutableArray<int> prompt, int[] script, string salt)
    {
        EngineStatistics before = engine.Statistics;
        Sequence sequence = engine.Submit(new SequenceRequest { Prompt = prompt, MaxTokens = script.Length, Mask = new Script(script), CacheSalt = salt });
        double speed = sequence.Completion.GetAwaiter().GetResult().Timings.DecodeTokensPerSecond;
        EngineStatistics after = engine.Statistics;
        return new Guessed(speed, after.GuessedTokens - before.GuessedTokens, after.GuessedRightTokens - before.GuessedRightTokens);
    }

    /// <summary>How an answer went: its tokens per second, guesses that were run, and right ones.</summary>
    readonly record struct Guessed(double Speed, long Tried, long Right);

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
