using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>
/// Puts the questions of a task to a model through its engine, several at a time. The engine gives the same bits alone and batched, so
/// results depend on nothing but model and task.
/// </summary>
/// <param name="generator">Engine, tokenizer and template of the model.</param>
/// <param name="together">Questions under way at the same time.</param>
public sealed class TaskRunner(TextGenerator generator, int together = 8)
{
    /// <summary>Answers all questions.</summary>
    /// <param name="task">The questions.</param>
    /// <param name="journal">Results of an earlier run that need not be found again, and where new ones are kept; null for none.</param>
    /// <param name="progress">Told of the share of questions that is done, 0 to 1.</param>
    /// <param name="cancellation">Breaks off; what is in the journal stays.</param>
    /// <returns>A result for every question, in order.</returns>
    /// <exception cref="EvaluationException">A question cannot be put to the model; it is named.</exception>
    public async Task<ImmutableArray<TaskResult>> RunAsync(
        TaskFile task, TaskJournal? journal = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        Dictionary<int, TaskResult> results = [];
        foreach (TaskResult known in (journal?.Known ?? []).Where(known => known.Item < task.Items.Length))
        {
            results[known.Item] = known;
        }

        int[] missing = [.. Enumerable.Range(0, task.Items.Length).Where(item => !results.ContainsKey(item))];
        progress?.Report(results.Count / (double)task.Items.Length);
        foreach (int[] few in missing.Chunk(together))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (TaskResult result in await Task.WhenAll(few.Select(item => AnswerAsync(item, task.Items[item], cancellation))).ConfigureAwait(false))
            {
                results.Add(result.Item, result);
                journal?.Add(result);
                progress?.Report(results.Count / (double)task.Items.Length);
            }
        }

        return [.. Enumerable.Range(0, task.Items.Length).Select(item => results[item])];
    }

    async Task<TaskResult> AnswerAsync(int index, TaskItem item, CancellationToken cancellation)
    {
        try
        {
            return item switch
            {
                ChoiceItem choice => await Task.Run(() => Choose(index, choice, cancellation), cancellation).ConfigureAwait(false),
                LossItem loss => await Task.Run(() => Weigh(index, loss), cancellation).ConfigureAwait(false),
                GenerateItem generate => await WriteAsync(index, generate, cancellation).ConfigureAwait(false),
                _ => throw new NotSupportedException($"{item.Source}: there is no question of the kind {item.GetType().Name}."),
            };
        }
        catch (RequestRefusedException refused)
        {
            throw new EvaluationException($"{item.Source}: {refused.Message}", refused);
        }
    }

    TaskResult Choose(int index, ChoiceItem item, CancellationToken cancellation)
    {
        double[] scores = new double[item.Choices.Length];
        Likelihood right = default;
        for (int i = 0; i < scores.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            string choice = item.Choices[i];
            Likelihood likelihood = Likelihood.Of(generator.Engine, generator.Tokenizer, item.Source, item.Prompt, choice);
            scores[i] = likelihood.Sum / (item.Normalise ? Encoding.UTF8.GetByteCount(choice) : 1);
            right = i == item.Answer ? likelihood : right;
        }

        int best = scores.IndexOf(scores.Max());
        return new TaskResult(index, best == item.Answer) { LogLikelihood = right.Sum, Tokens = right.Tokens, Answer = item.Choices[best] };
    }

    TaskResult Weigh(int index, LossItem item)
    {
        Likelihood likelihood = Likelihood.Of(generator.Engine, generator.Tokenizer, item.Source, item.Prompt, item.Continuation);
        return new TaskResult(index, likelihood.Greedy) { LogLikelihood = likelihood.Sum, Tokens = likelihood.Tokens };
    }

    async Task<TaskResult> WriteAsync(int index, GenerateItem item, CancellationToken cancellation)
    {
        await using TextGeneration generation = generator.Start(
            new GenerationRequest
            {
                Prompt = item.Prompt is GenerationPrompt.Chat chat && generator.Template is null ? Plain(chat) : item.Prompt,
                Sampling = SamplingOptions.Greedy,
                MaxTokens = item.MaxTokens,
                Stop = item.Stop,
                Thinking = item.Prompt is GenerationPrompt.Chat ? new ThinkingOptions { Apart = true } : null,
            },
            cancellation);
        GeneratedText written = (await generation.CompleteAsync(cancellation).ConfigureAwait(false))[0];
        if (written.Finish.Reason is FinishReason.Failed or FinishReason.Cancelled)
        {
            throw new EvaluationException($"{item.Source}: the answer was not finished: {written.Finish.Error?.Message ?? written.Finish.Cancellation.ToString()}", written.Finish.Error);
        }

        string? found = item.Find(written.Text);
        return new TaskResult(index, item.IsRight(found)) { Tokens = written.Finish.Usage.CompletionTokens, Answer = found };
    }

    /// <summary>A conversation for a model that has no template: what was said, with an empty line between turns.</summary>
    static GenerationPrompt.Text Plain(GenerationPrompt.Chat chat) =>
        new(string.Concat(chat.Messages.Select(message => $"{message!["content"]!.GetValue<string>()}\n\n")));
}
