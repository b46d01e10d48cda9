using System.Collections.Immutable;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Engine.Embeddings;

/// <summary>
/// Embeds the texts of one request, no more at a time than sequences may run, so that a request of thousands leaves the queue
/// to others. All of it is refused or none: lengths are checked before the first text runs.
/// </summary>
sealed class EmbeddingRun(InferenceEngine engine, EmbeddingRequest request, Pooling pooling)
{
    internal async Task<ImmutableArray<Embedding>> RunAsync(ImmutableArray<ImmutableArray<int>> inputs, CancellationToken cancellation)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            Check(inputs[i], inputs.Length > 1 ? $"input[{i}]" : "input");
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Embedding[] embeddings = new Embedding[inputs.Length];
        Dictionary<Task<Embedding>, int> running = [];
        try
        {
            int next = 0;
            while (next < inputs.Length || running.Count > 0)
            {
                if (next < inputs.Length && running.Count < engine.Options.MaxSequences && TryStart(inputs[next], isFirst: running.Count == 0, stop.Token) is { } started)
                {
                    running.Add(started, next++);
                    continue;
                }

                Task<Embedding> done = await Task.WhenAny(running.Keys).ConfigureAwait(false);
                running.Remove(done, out int index);
                embeddings[index] = await done.ConfigureAwait(false);
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(running.Keys)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return [.. request.Dimensions is { } dimensions ? embeddings.Select(embedding => embedding.Shorten(dimensions)) : embeddings];
    }

    /// <summary>Starts the next; null where the queue is full of others, and one of our own must end first.</summary>
    Task<Embedding>? TryStart(ImmutableArray<int> input, bool isFirst, CancellationToken cancellation)
    {
        try
        {
            SequenceRequest sequence = new()
            {
                Prompt = input,
                Priority = request.Priority,
                Tenant = request.Tenant,
                CacheSalt = request.CacheSalt,
                Timeout = request.Timeout,
                Retention = Kv.CacheRetention.None,
            };
            return engine.EmbedAsync(sequence, pooling, cancellation);
        }
        catch (RequestRefusedException refusal) when (refusal.Reason == RefusalReason.QueueFull && !isFirst)
        {
            return null;
        }
    }

    void Check(ImmutableArray<int> input, string name)
    {
        if (input.IsDefaultOrEmpty)
        {
            throw new RequestRefusedException(RefusalReason.PromptEmpty, name, $"{name} has no tokens.", 0, 1);
        }

        if (input.Length > engine.ContextLength)
        {
            throw new RequestRefusedException(
                RefusalReason.PromptTooLong, name, $"{name} has {input.Length} tokens, but the context holds {engine.ContextLength}.", input.Length, engine.ContextLength);
        }

        foreach (int token in input)
        {
            if ((uint)token >= (uint)engine.Vocab)
            {
                throw new RequestRefusedException(
                    RefusalReason.TokenOutOfVocabulary, name, $"{name} has the token {token}, but the vocabulary has 0 to {engine.Vocab - 1}.", token, engine.Vocab);
            }
        }
    }
}
