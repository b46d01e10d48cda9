using System.Collections.Immutable;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine.Kv;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Speculation;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Logits;

namespace OpenAutoGlm.Engine;

/// <summary>
/// Two hundred requests of all kinds have one answer each, to the bit: alone, in a crowd, in chunks of every size, preempted, behind a prefix
/// that somebody else computed, with guesses, and on any number of threads.
/// </summary>
public class MixedRequestTests
{
    const int Count = 200;

    // K-quants with their real mixture, and experts.
    public static TheoryData<string> Models => ["glm4-w256-Q4_K_M", "glm4moe-w256-Q8_0"];

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_way_of_running_them_gives_the_same_answers(string name)
    {
        using GoldenModel model = GoldenModel.Open(name);
        long block = 16 * model.Config.KvBytesPerToken(TensorFormat.BF16);
        SequenceRequest[] requests = [.. Requests(model.Config.Vocab)];
        EngineOptions plain = new()
        {
            MaxSequences = 16,
            QueueLimit = Count,
            BlockTokens = 16,
            CheckInvariants = true,
            Speculation = new SpeculationOptions { Source = GuessSource.None },
            PrefixCache = new PrefixCacheOptions { Enabled = false },
        };
        string[] alone = Answers(plain with { MaxSequences = 1 }, threads: 1, out _);
        Assert.True(alone.Distinct().Count() > Count / 2, "Requests that all say the same would prove little.");

        Compare("batched on one thread", plain, 1);
        Compare("batched on two threads", plain, 2);
        EngineStatistics cached = Compare("behind known prefixes", plain with { PrefixCache = new PrefixCacheOptions() }, 2);
        Assert.True(cached.CachedTokens > 500, $"Only {cached.CachedTokens} tokens were found in memory.");
        SpeculationOptions always = new() { IsAdaptive = false };
        EngineOptions guessing = plain with { Speculation = always };
        EngineStatistics guessed = Compare("guessed", guessing, 2);
        Assert.True(guessed.GuessedRightTokens > 50, $"Only {guessed.GuessedRightTokens} of {guessed.GuessedTokens} guesses were right.");
        EngineOptions tight = plain with { ContextLength = 160, KvMemoryBytes = 12 * block };
        EngineStatistics preempted = Compare("preempted", tight, 2);
        Assert.True(preempted.Preemptions > 10, $"Only {preempted.Preemptions} preemptions.");
        Compare("all at once", tight with { MaxTokensPerStep = 13, PrefixCache = new PrefixCacheOptions(), Speculation = always }, 2);
        for (int chunk = 1; chunk <= 64; chunk++)
        {
            Compare($"in chunks of {chunk}", plain with { MaxTokensPerStep = chunk }, 1 + (chunk % 2));
        }

        EngineStatistics Compare(string how, EngineOptions options, int threads)
        {
            string[] answers = Answers(options, threads, out EngineStatistics statistics);
            for (int i = 0; i < Count; i++)
            {
                Assert.True(alone[i] == answers[i], $"{how}, request {i} says {answers[i]} instead of {alone[i]}");
            }

            return statistics;
        }

        string[] Answers(EngineOptions options, int threads, out EngineStatistics statistics)
        {
            using CpuBackend backend = new(new CpuOptions { Threads = threads });
            using InferenceEngine engine = new(ModelRunner.Create(model.Config, model, backend, options), options, ownThread: false);
            Sequence[] sequences = [.. requests.Select(engine.Submit)];
            while (engine.Turn())
            {
            }

            statistics = engine.Statistics;
            return [.. sequences.Select(Read)];
        }
    }

    /// <summary>Short and long, alike in the beginning and not at all, repeating themselves and not.</summary>
    static IEnumerable<SequenceRequest> Requests(int vocab)
    {
        Random random = new(5);
        int[][] beginnings = [.. Enumerable.Range(0, 4).Select(_ => Random(32))];
        for (int i = 0; i < Count; i++)
        {
            int[] own = Random(random.Next(1, 24));
            ImmutableArray<int> prompt = (i % 4) switch
            {
                0 => [.. own],
                1 => [.. beginnings[random.Next(beginnings.Length)], .. own],
                2 => [.. own.Take(6), .. own.Take(6), .. own.Take(6), .. own.Take(3)],
                _ => [.. beginnings[0], .. beginnings[1].Take(random.Next(32)), .. own],
            };
            bool repeats = i % 4 == 2;
            yield return new SequenceRequest
            {
                Prompt = prompt,
                MaxTokens = repeats ? 48 : random.Next(1, 40),

                // Of three tokens the same runs come again and again, so that guesses are right now and then.
                Sampling = repeats ? SamplingOptions.Greedy with { LogitBias = Random(3).Distinct().ToImmutableDictionary(token => token, _ => 100f) } : SamplingOptions.Greedy,
            };
        }

        int[] Random(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(vocab))];
    }

    static string Read(Sequence sequence)
    {
        List<int> tokens = [];
        while (sequence.Events.TryRead(out TokenEvent token))
        {
            tokens.Add(token.Token);
        }

        Assert.Equal(sequence.MaxTokens, tokens.Count);
        return string.Join(' ', tokens);
    }
}
