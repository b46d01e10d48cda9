using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Engine.Speculation;

namespace OpenAutoGlm.Engine;

/// <summary>How a sequence ended, for whoever does the books.</summary>
readonly record struct Ending(FinishReason Reason, CancellationReason Cancellation = CancellationReason.None, Exception? Error = null, int? StopToken = null);

/// <summary>
/// Takes one step after another: guess, plan, run, choose, commit. A step that fails is taken again for each of its sequences
/// alone, so that only those end that fail by themselves.
/// </summary>
sealed class Stepper(IModelRunner runner, Scheduler scheduler, StepBudget budget, Speculator? speculator, EngineCounters counters, EngineOptions options, Action<Sequence, Ending> end)
{
    readonly EngineLimits _limits = runner.Limits;
    readonly Sampler _sampler = new(runner.Limits.Vocab);
    readonly Batch _alone = new(1);
    TimeSpan _choosing; // of the step that is being taken

    /// <summary>Takes a step. There must be work.</summary>
    internal void Step()
    {
        TimeProvider time = options.TimeProvider;
        long start = time.GetTimestamp();
        speculator?.Guess(scheduler.Running);
        long guessed = time.GetTimestamp();
        Batch batch = scheduler.Schedule();
        int writing = 0;
        int guesses = 0;
        foreach (ref readonly BatchEntry entry in batch.Entries)
        {
            if (entry.Sequence.Clock.Scheduled())
            {
                counters.Cached(entry.Sequence.Cached ?? 0);
            }

            writing += IsWriting(entry) ? 1 : 0;
            guesses += entry.Sequence.Drafts.Count;
        }

        long planned = time.GetTimestamp();
        Exception? error = TryRun(batch);
        long ran = time.GetTimestamp();
        _choosing = TimeSpan.Zero;
        if (error is not null)
        {
            TakeAlone(batch, error);
        }
        else
        {
            double seconds = time.GetElapsedTime(start).TotalSeconds;
            foreach (ref readonly BatchEntry entry in batch.Entries)
            {
                if (entry.Outputs == 0)
                {
                    // Whoever is still reading will not be done before the rest of the prompt has run at this pace.
                    budget.Waited(entry.Sequence.Clock.Age.TotalSeconds + (seconds * (entry.Sequence.Pending - entry.Count) / entry.Count));
                }

                Take(entry);
            }

            budget.Stepped(new StepFacts(writing, guesses, batch.Tokens, time.GetElapsedTime(start).TotalSeconds));
        }

        long done = time.GetTimestamp();
        counters.Stepped(time.GetElapsedTime(start, done), new StepPhases(
            time.GetElapsedTime(start, guessed),
            time.GetElapsedTime(guessed, planned),
            time.GetElapsedTime(planned, ran),
            _choosing,
            time.GetElapsedTime(ran, done) - _choosing));
    }

    static bool IsWriting(in BatchEntry entry) => entry.Start + 1 >= entry.Sequence.Tokens.Count && entry.Sequence.GeneratedCount > 0;

    Exception? TryRun(Batch batch)
    {
        try
        {
            runner.Run(batch);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    void TakeAlone(Batch failed, Exception error)
    {
        foreach (ref readonly BatchEntry entry in failed.Entries)
        {
            if (entry.Sequence.HasEnded)
            {
                continue;
            }

            Exception? alone = error;
            if (failed.Entries.Length > 1)
            {
                _alone.Clear();
                _alone.Add(entry.Sequence, entry.Start, entry.Count, entry.Outputs);
                alone = TryRun(_alone);
            }

            if (alone is null)
            {
                Take(_alone.Entries[0]);
            }
            else
            {
                string message = $"The step that sequence {entry.Sequence.Id} was in failed: {alone.Message}";
                end(entry.Sequence, new Ending(FinishReason.Failed, Error: new SequenceFailedException(message, alone)));
            }
        }
    }

    /// <summary>Chooses the tokens that an entry has come far enough for, commits what is right and ends the sequence where that is due.</summary>
    void Take(in BatchEntry entry)
    {
        Sequence sequence = entry.Sequence;
        if (sequence.HasEnded)
        {
            // With another branch of its beam search, in this very step.
            return;
        }

        if (sequence.PromptLogits is { } rows)
        {
            TakeLogits(entry, rows);
            return;
        }

        if (sequence.Embedding is { } embedding)
        {
            TakeHidden(entry, embedding);
            return;
        }

        if (entry.Outputs == 0)
        {
            counters.Prefilled(entry.Count);
            scheduler.Commit(sequence, entry.Start + entry.Count, generated: 0);
            return;
        }

        if (sequence.Beam is { } beam)
        {
            TakeBeam(entry, beam);
            return;
        }

        bool isWriting = IsWriting(entry);
        int guessed = entry.Outputs - 1;
        int prompted = entry.Count - guessed;
        counters.Prefilled(isWriting ? 0 : prompted);
        if (!isWriting && sequence.GeneratedCount == 0)
        {
            scheduler.Commit(sequence, entry.Start + prompted, generated: 0);
            ChooseForSiblings(sequence, runner.Logits(entry.FirstOutput)[.._limits.Vocab]);
        }

        int chosen = 0;
        Ending? ending;
        bool isRight;
        do
        {
            ending = Choose(sequence, runner.Logits(entry.FirstOutput + chosen)[.._limits.Vocab]);
            isRight = chosen < guessed && sequence.Tokens[^1] == sequence.Drafts[chosen];
            chosen++;
        }
        while (ending is null && isRight);

        if (guessed > 0)
        {
            speculator!.Checked(sequence, guessed, chosen - 1);
            sequence.Drafts.Clear();
        }

        if (ending is not { Reason: FinishReason.Failed })
        {
            scheduler.Commit(sequence, entry.Start + prompted + chosen - 1, chosen);
        }

        if (ending is { } ended)
        {
            end(sequence, ended);
        }
    }

    void TakeBeam(in BatchEntry entry, BeamSearch beam)
    {
        Sequence sequence = entry.Sequence;
        bool isWriting = IsWriting(entry);
        counters.Prefilled(isWriting ? 0 : entry.Count);
        counters.Generated();
        scheduler.Commit(sequence, entry.Start + entry.Count, isWriting ? 1 : 0);
        try
        {
            if (beam.Arrive(sequence, _sampler, runner.Logits(entry.FirstOutput)[.._limits.Vocab]) && beam.Advance(scheduler))
            {
                end(sequence, new Ending(FinishReason.Stop));
            }
        }
        catch (ArithmeticException error)
        {
            string message = $"No token could be chosen at position {sequence.Tokens.Count} of sequence {sequence.Id}: {error.Message}";
            end(sequence, new Ending(FinishReason.Failed, Error: new SequenceFailedException(message, error)));
        }
    }

    void TakeLogits(in BatchEntry entry, float[][] rows)
    {
        Sequence sequence = entry.Sequence;
        for (int i = 0; i < entry.Outputs; i++)
        {
            rows[entry.Start + i] = runner.Logits(entry.FirstOutput + i).ToArray();
        }

        counters.Prefilled(entry.Count);
        scheduler.Commit(sequence, entry.Start + entry.Count, generated: 0);
        if (sequence.Pending == 0)
        {
            end(sequence, new Ending(FinishReason.Length));
        }
    }

    void TakeHidden(in BatchEntry entry, EmbeddingPool embedding)
    {
        Sequence sequence = entry.Sequence;
        for (int i = 0; i < entry.Count; i++)
        {
            if (embedding.Wants(entry.Start + i))
            {
                embedding.Add(entry.Start + i, runner.Hidden(entry.FirstHidden + i));
            }
        }

        counters.Prefilled(entry.Count);
        scheduler.Commit(sequence, entry.Start + entry.Count, generated: 0);
        if (sequence.Pending == 0)
        {
            end(sequence, new Ending(FinishReason.Stop));
        }
    }

    /// <summary>What one sample of a prompt has just computed serves the others that wait: they go on from there, each with a draw of its own.</summary>
    void ChooseForSiblings(Sequence first, ReadOnlySpan<float> logits)
    {
        if (first.Siblings is not { } siblings)
        {
            return;
        }

        foreach (Sequence sibling in siblings)
        {
            if (sibling != first && !sibling.HasEnded && sibling.GeneratedCount == 0 && scheduler.TryFork(first, sibling))
            {
                sibling.Clock.Scheduled();
                counters.Cached(sibling.Cached ?? 0);
                Ending? ending = Choose(sibling, logits);
                scheduler.Commit(sibling, sibling.Computed, generated: 1);
                if (ending is { } ended)
                {
                    end(sibling, ended);
                }
            }
        }
    }

    /// <summary>Chooses the next token of a sequence, tells its reader, and says how it ended if it did.</summary>
    Ending? Choose(Sequence sequence, ReadOnlySpan<float> logits)
    {
        SequenceRequest request = sequence.Request;
        long start = options.TimeProvider.GetTimestamp();
        int token;
        TokenLogprobs? logprobs;
        try
        {
            DrawKey key = new(sequence.Seed, request.SampleIndex, sequence.Tokens.Count);
            token = _sampler.Sample(logits, request.Sampling, sequence.History, request.Mask, key);
            logprobs = _sampler.Logprobs(logits, request.Sampling, token);
            request.Mask?.Accept(token);
        }
        catch (Exception error)
        {
            string message = $"No token could be chosen at position {sequence.Tokens.Count} of sequence {sequence.Id}: {error.Message}";
            return new Ending(FinishReason.Failed, Error: new SequenceFailedException(message, error));
        }

        _choosing += options.TimeProvider.GetElapsedTime(start);
        counters.Generated();
        bool isFirst = sequence.GeneratedCount == 0;
        bool isRead = sequence.TryEmit(token, logprobs);
        if (isFirst)
        {
            budget.Waited(sequence.Clock.Age.TotalSeconds);
        }

        return !isRead ? new Ending(FinishReason.Cancelled, CancellationReason.SlowReader)
            : request.StopTokens.Contains(token) ? new Ending(FinishReason.Stop, StopToken: token)
            : sequence.GeneratedCount == sequence.MaxTokens ? new Ending(FinishReason.Length)
            : null;
    }
}
