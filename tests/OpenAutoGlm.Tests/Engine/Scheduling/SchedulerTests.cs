using OpenAutoGlm.Engine.Kv;

namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>The scheduler alone, with neither model nor thread.</summary>
public class SchedulerTests
{
    long _lastId;

    [Fact]
    public void A_prompt_is_cut_into_chunks_and_only_the_last_wants_logits()
    {
        (Scheduler scheduler, _) = Make(blocks: 8, maxTokens: 4);
        scheduler.Add(Sequence(tokens: 10));
        Assert.Equal("1:0+4", Step(scheduler));
        Assert.Equal("1:4+4", Step(scheduler));
        Assert.Equal("1:8+2!", Step(scheduler));
        Assert.Equal("1:10+1!", Step(scheduler));
    }

    [Fact]
    public void Single_tokens_of_all_running_sequences_come_before_chunks_of_prompts()
    {
        (Scheduler scheduler, _) = Make(blocks: 16, maxTokens: 6);
        scheduler.Add(Sequence(tokens: 2));
        scheduler.Add(Sequence(tokens: 9));
        scheduler.Add(Sequence(tokens: 2));
        Assert.Equal("1:0+2! 2:0+4", Step(scheduler));
        Assert.Equal("1:2+1! 2:4+5!", Step(scheduler));
        Assert.Equal("1:3+1! 2:9+1! 3:0+2!", Step(scheduler));
    }

    [Fact]
    public void The_queue_is_served_in_order_even_where_a_later_one_would_fit()
    {
        (Scheduler scheduler, KvPool pool) = Make(blocks: 4);
        Sequence large = Sequence(tokens: 12);
        scheduler.Add(large);
        Step(scheduler);
        scheduler.Add(Sequence(tokens: 8));
        scheduler.Add(Sequence(tokens: 1));
        Assert.Equal("1:12+1!", Step(scheduler));
        Assert.Equal(2, scheduler.WaitingCount);
        scheduler.Remove(large);
        Assert.Equal("2:0+8! 3:0+1!", Step(scheduler));
        Assert.Equal(1, pool.FreeCount);
    }

    [Fact]
    public void No_more_sequences_run_than_may()
    {
        (Scheduler scheduler, _) = Make(blocks: 64, maxSequences: 2);
        for (int i = 0; i < 5; i++)
        {
            scheduler.Add(Sequence(tokens: 1));
        }

        Step(scheduler);
        Assert.Equal((2, 3), (scheduler.RunningCount, scheduler.WaitingCount));
    }

    [Fact]
    public void The_youngest_gives_way_when_blocks_run_out_and_starts_over_at_the_head_of_the_queue()
    {
        (Scheduler scheduler, KvPool pool) = Make(blocks: 3);
        Sequence oldest = Sequence(tokens: 3);
        Sequence youngest = Sequence(tokens: 2);
        scheduler.Add(oldest);
        scheduler.Add(youngest);
        Assert.Equal("1:0+3! 2:0+2!", Step(scheduler));
        scheduler.Add(Sequence(tokens: 1));
        Assert.Equal("1:3+1! 2:2+1!", Step(scheduler));
        Assert.Equal("1:4+1! 2:3+1!", Step(scheduler));
        Assert.Equal("1:5+1!", Step(scheduler));
        Assert.Equal(1, scheduler.Preemptions);
        Assert.Equal((5, 0, 0), (youngest.Tokens.Count, youngest.Computed, youngest.Blocks.Count));
        scheduler.Remove(oldest);
        Assert.Equal("2:0+5!", Step(scheduler));
        scheduler.Remove(youngest);
        Assert.Equal("3:0+1!", Step(scheduler));
        Assert.Equal(pool.BlockCount - 1, pool.FreeCount);
    }

    [Fact]
    public void The_oldest_always_runs_when_fewer_tokens_fit_a_step_than_sequences_run()
    {
        (Scheduler scheduler, _) = Make(blocks: 64, maxTokens: 2);
        for (int i = 0; i < 4; i++)
        {
            scheduler.Add(Sequence(tokens: 1));
        }

        Assert.Equal("1:0+1! 2:0+1!", Step(scheduler));
        Assert.Equal("1:1+1! 2:1+1!", Step(scheduler));
        Assert.Equal(2, scheduler.WaitingCount);
    }

    (Scheduler Scheduler, KvPool Pool) Make(int blocks, int maxTokens = 64, int maxSequences = 8)
    {
        KvPool pool = new(blocks, 4, []);
        EngineLimits limits = new(100, 4 * blocks, 4, blocks, maxSequences, maxTokens);
        return (new Scheduler(new KvMemory(pool), limits, new StepBudget(new LatencyTargets(), limits)), pool);
    }

    Sequence Sequence(int tokens) =>
        new(++_lastId, new SequenceRequest { Prompt = [.. Enumerable.Repeat(1, tokens)] }, 100, 0, 100, _ => { });

    /// <summary>Plans and commits a step, and describes it: id:start+count, ! where logits are wanted.</summary>
    static string Step(Scheduler scheduler)
    {
        List<string> words = [];
        foreach (BatchEntry entry in scheduler.Schedule().Entries)
        {
            words.Add($"{entry.Sequence.Id}:{entry.Start}+{entry.Count}{(entry.Outputs > 0 ? "!" : "")}");
            scheduler.Commit(entry.Sequence, entry.Start + entry.Count, 0);
            if (entry.Outputs > 0)
            {
                entry.Sequence.Tokens.Add(1);
            }
        }

        scheduler.CheckInvariants();
        return string.Join(' ', words);
    }
}
