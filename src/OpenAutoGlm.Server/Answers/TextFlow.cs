using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Models;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>
/// The way of every request for text, whatever its dialect: in by admission, read, its runs started, their events
/// written as a stream or in one body. When the client goes, whatever runs for it is cancelled. A dialect is a function
/// that reads a body; what it makes of it knows the <see cref="Reply"/> to it.
/// </summary>
sealed class TextFlow(ModelDirectory models, Admission admission, ServerOptions options, ILogger logger)
{
    /// <summary>A route's handler.</summary>
    /// <param name="read">Reads a body, or refuses it by an <see cref="ApiException"/>.</param>
    public RequestDelegate Handle(Func<HttpContext, JsonElement, TextRequest> read) =>
        context => EnterAsync(context, cancellation => AnswerAsync(context, read, cancellation));

    /// <summary>Lets a request in; whoever is sent away by the end of the server before the answer began is told so.</summary>
    async Task EnterAsync(HttpContext context, Func<CancellationToken, Task> handle)
    {
        using IDisposable stay = admission.Enter();
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, admission.CutOff);
        try
        {
            await handle(cancellation.Token);
        }
        catch (OperationCanceledException) when (admission.CutOff.IsCancellationRequested)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }

    async Task AnswerAsync(HttpContext context, Func<HttpContext, JsonElement, TextRequest> read, CancellationToken cancellation)
    {
        long started = options.TimeProvider.GetTimestamp();
        TextRequest request = await ReadAsync(context, read, cancellation);
        await using ModelLease lease = await models.RentAsync(request.Model, cancellation);
        ServedModel model = lease.Model;
        RequestRecord record = RequestRecord.Of(context);
        record.Model = model.Id;
        await using TextRuns runs = await StartAsync(model, request, cancellation);
        record.PromptTokens = runs.PromptTokens;
        record.Written = () => runs.GeneratedTokens;
        AnswerUsage usage = new(runs, record);
        Reply reply = request.Answer(new AnswerHead(model.Id, runs.PromptTokens, options.TimeProvider, started));
        if (request.Stream)
        {
            await StreamAsync(context, runs, reply, usage);
        }
        else
        {
            IReadOnlyList<CollectedChoice> choices = Best(await CollectAsync(runs, usage), runs.ChoicesPerRun, request.Returned);
            await reply.WriteWholeAsync(context.Response, choices, usage, cancellation);
        }
    }

    static async Task<TextRequest> ReadAsync(HttpContext context, Func<HttpContext, JsonElement, TextRequest> read, CancellationToken cancellation)
    {
        using JsonDocument body = await JsonBody.ReadAsync(context.Request, cancellation);
        return read(context, body.RootElement);
    }

    static async Task<TextRuns> StartAsync(ServedModel model, TextRequest request, CancellationToken cancellation)
    {
        request.Check(model);
        try
        {
            return await TextRuns.StartAsync(model.Source, request.Prompts, cancellation);
        }
        catch (RequestRefusedException refusal)
        {
            throw new ApiException(ApiError.From(refusal, request.PromptName, request.MaxTokensName, request.ConstraintName));
        }
    }

    async Task<IReadOnlyList<CollectedChoice>> CollectAsync(TextRuns runs, AnswerUsage usage)
    {
        ChoiceCollector[] choices = [.. Enumerable.Range(0, runs.Choices).Select(_ => new ChoiceCollector())];
        CollectedChoice[] collected = new CollectedChoice[runs.Choices];
        await foreach (GenerationEvent next in runs.Events.ReadAllAsync(CancellationToken.None))
        {
            choices[next.Choice].Add(next);
            if (next is ChoiceFinished finished)
            {
                CheckReason(finished);
                usage.Add(finished);
                collected[next.Choice] = choices[next.Choice].Finish(finished);
            }
        }

        CheckComplete(usage, runs);
        return collected;
    }

    /// <summary>Of every prompt's answers the most likely ones, by log probability per token, the most likely first.</summary>
    static IReadOnlyList<CollectedChoice> Best(IReadOnlyList<CollectedChoice> choices, int perPrompt, int returned) => returned == perPrompt
        ? choices
        : [.. choices.Chunk(perPrompt).SelectMany(answers => answers.OrderByDescending(answer => answer.Tokens.Select(token => token.Token.Logprob).DefaultIfEmpty(float.NegativeInfinity).Average()).Take(returned))];

    async Task StreamAsync(HttpContext context, TextRuns runs, Reply reply, AnswerUsage usage)
    {
        using AnswerStream stream = reply.Open(context.Response);
        try
        {
            for (int choice = 0; choice < runs.Choices; choice++)
            {
                reply.WriteStart(choice);
            }

            do
            {
                while (runs.Events.TryRead(out GenerationEvent? next))
                {
                    Write(next, reply, usage);
                }

                await stream.FlushAsync(context.RequestAborted);
            }
            while (await WaitAsync(runs.Events, stream, reply, context.RequestAborted));

            CheckComplete(usage, runs);
            reply.WriteEnd(usage);
        }
        catch (Exception exception)
        {
            if (ErrorResponses.Translate(exception, context, logger, options) is not { } error)
            {
                return;
            }

            reply.WriteError(error);
        }

        await stream.FlushAsync(context.RequestAborted);
    }

    void Write(GenerationEvent next, Reply reply, AnswerUsage usage)
    {
        switch (next)
        {
            case TextDelta delta when delta.Text.Length > 0 || delta.Tokens.Length > 0:
                reply.WriteDelta(delta);
                break;
            case ThinkingDelta delta:
                reply.WriteThinking(delta);
                break;
            case ToolCallDelta delta:
                reply.WriteToolCall(delta);
                break;
            case ChoiceFinished finished:
                CheckReason(finished);
                usage.Add(finished);
                reply.WriteFinish(finished);
                break;
        }
    }

    async Task<bool> WaitAsync(ChannelReader<GenerationEvent> reader, AnswerStream stream, Reply reply, CancellationToken aborted)
    {
        ValueTask<bool> ready = reader.WaitToReadAsync(CancellationToken.None);
        if (ready.IsCompleted || options.KeepAliveInterval is not { } interval)
        {
            return await ready;
        }

        Task<bool> waiting = ready.AsTask();
        while (true)
        {
            try
            {
                return await waiting.WaitAsync(interval, options.TimeProvider, CancellationToken.None);
            }
            catch (TimeoutException) when (!waiting.IsCompleted)
            {
                reply.WriteKeepAlive();
                await stream.FlushAsync(aborted);
            }
        }
    }

    /// <summary>Throws for a choice that did not come to its end.</summary>
    void CheckReason(ChoiceFinished finished)
    {
        if (finished.Reason is not (FinishReason.Stop or FinishReason.Length))
        {
            throw finished switch
            {
                { Cancellation: CancellationReason.SlowReader } => new ApiException(ApiError.ReadTooSlowly()),
                { Cancellation: CancellationReason.EngineStopped } => new ApiException(ApiError.ShuttingDown()),
                { Reason: FinishReason.Failed } => new InvalidOperationException("A sequence failed.", finished.Error),
                _ => Cancelled(),
            };
        }
    }

    void CheckComplete(AnswerUsage usage, TextRuns runs)
    {
        if (usage.FinishedChoices < runs.Choices)
        {
            throw Cancelled();
        }
    }

    /// <summary>Nobody but the client or the end of the server cancels runs.</summary>
    Exception Cancelled() => admission.CutOff.IsCancellationRequested ? new ApiException(ApiError.ShuttingDown()) : new OperationCanceledException();
}
