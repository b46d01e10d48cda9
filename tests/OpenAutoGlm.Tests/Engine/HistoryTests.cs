using System.Collections.Immutable;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine;

/// <summary>
/// Random histories of submissions, cancellations, failures and slow readers on a model that is a hash of its memory,
/// without threads: after each of them the pool is whole, every sequence ended once, and who finished has the answer
/// that it would have had alone.
/// </summary>
public class HistoryTests
{
    [Fact]
    public void Blocks_balance_and_answers_are_right_after_any_history()
    {
        int preempting = 0;
        Dictionary<FinishReason, int> ends = [];
        for (int seed = 0; seed < 400; seed++)
        {
            preempting += Play(seed, ends) > 0 ? 1 : 0;
        }

        // The histories must reach what they are there for.
        Assert.True(preempting > 50, $"Only {preempting} of 400 histories preempted anybody.");
        Assert.All(Enum.GetValues<FinishReason>(), reason => Assert.True(ends.GetValueOrDefault(reason) > 50, $"{reason}: {ends.GetValueOrDefault(reason)}"));
    }

    static long Play(int seed, Dictionary<FinishReason, int> ends)
    {
        Random random = new(seed);
        int context = random.Next(8, 65);
        FakeRunner runner = new(
            blockCount: random.Next(2, 24), maxSequences: random.Next(1, 6), maxTokens: random.Next(1, 20), blockTokens: random.Next(1, 6), context: context);
        EngineOptions options = new() { MaxSequences = runner.Limits.MaxSequences, QueueLimit = 6, EventBuffer = 40, CheckInvariants = true };
        int failurePercent = random.Next(4) == 0 ? 5 : 0;
        int poisonPercent = random.Next(4) == 0 ? 3 : 0;
        runner.Fails = _ => random.Next(100) < failurePercent;
        runner.IsPoisoned = _ => random.Next(100) < poisonPercent;
        List<Sequence> accepted = [];
        using InferenceEngine engine = new(runner, options, ownThread: false);
        for (int turn = 0; turn < 60; turn++)
        {
            if (random.Next(3) == 0)
            {
                TrySubmit(engine, random, accepted);
            }

            if (accepted.Count > 0 && random.Next(12) == 0)
            {
                accepted[random.Next(accepted.Count)].Cancel();
            }

            engine.Turn();
        }

        for (int turn = 0; engine.Turn(); turn++)
        {
            Assert.True(turn < 5000, "The engine makes no progress.");
        }

        Assert.Equal(runner.Pool.BlockCount, runner.Pool.FreeCount);
        runner.Pool.CheckInvariants([]);
        foreach (Sequence sequence in accepted)
        {
            FinishReason reason = Check(sequence, runner);
            ends[reason] = ends.GetValueOrDefault(reason) + 1;
        }

        EngineStatistics statistics = engine.Statistics;
        Assert.Equal(accepted.Count, statistics.Finished + statistics.Failed + statistics.Cancelled);
        Assert.Equal(0, statistics.RunningSequences + statistics.WaitingSequences + statistics.UsedKvBlocks);
        return statistics.Preemptions;
    }

    static void TrySubmit(InferenceEngine engine, Random random, List<Sequence> accepted)
    {
        SequenceRequest request = new()
        {
            Prompt = [.. Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(32))],
            MaxTokens = random.Next(5) == 0 ? null : random.Next(1, 40),
            StopTokens = random.Next(3) == 0 ? [random.Next(32), random.Next(32)] : [],
        };
        try
        {
            accepted.Add(engine.Submit(request));
        }
        catch (RequestRefusedException refusal)
        {
            Assert.Contains(refusal.Reason, new[] { RefusalReason.QueueFull, RefusalReason.PromptTooLong, RefusalReason.ContextExceeded, RefusalReason.KvMemoryExceeded });
            Assert.True(refusal.Value > refusal.Limit || refusal.Reason == RefusalReason.PromptTooLong, refusal.Message);
        }
    }

    static FinishReason Check(Sequence sequence, FakeRunner runner)
    {
        Assert.True(sequence.Completion.IsCompletedSuccessfully);
        SequenceOutcome outcome = sequence.Completion.Result;
        List<int> tokens = [];
        while (sequence.Events.TryRead(out TokenEvent token))
        {
            tokens.Add(token.Token);
        }

        Assert.True(sequence.Events.Completion.IsCompleted);
        int[] expected = runner.Expected(sequence.Request.Prompt, tokens.Count);
        Assert.Equal(expected, tokens);
        ImmutableArray<int> stops = sequence.Request.StopTokens;
        switch (outcome.Reason)
        {
            case FinishReason.Stop:
                Assert.Contains(tokens[^1], stops);
                Assert.Equal(tokens[^1], outcome.StopToken);
                Assert.DoesNotContain(tokens[..^1], token => stops.Contains(token));
                break;
            case FinishReason.Length:
                Assert.Equal(sequence.MaxTokens, tokens.Count);
                break;
            case FinishReason.Failed:
                Assert.IsType<SequenceFailedException>(outcome.Error);
                break;
            default:
                Assert.NotEqual(CancellationReason.None, outcome.Cancellation);
                break;
        }

        return outcome.Reason;
    }
}
