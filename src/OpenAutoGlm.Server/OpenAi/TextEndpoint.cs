using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Models;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.OpenAi.Responses;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi;

/// <summary>
/// POST /v1/chat/completions and /v1/completions: reads the request, starts its runs, and writes their events as a
/// stream or in one body. When the client goes, whatever runs for it is cancelled.
/// </summary>
sealed class TextEndpoint(Routes route, ModelDirectory models, Admission admission, ServerOptions options, ILogger logger)
{
    string PromptParameter => route == Routes.Chat ? "messages" : "prompt";

    public async Task HandleAsync(HttpContext context)
    {
        using IDisposable stay = admission.Enter();
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, admission.CutOff);
        TextRequest request = await ReadAsync(context, cancellation.Token);
        await using ModelLease lease = await models.RentAsync(request.Model, cancellation.Token);
        ServedModel model = lease.Model;
        RequestRecord record = RequestRecord.Of(context);
        record.Model = model.Id;
        await using TextRuns runs = await StartAsync(model, request, cancellation.Token);
        record.PromptTokens = runs.PromptTokens;
        record.Written = () => runs.GeneratedTokens;
        Usage usage = new(runs, record);
        if (request.Stream)
        {
            await StreamAsync(context, request, runs, MakeReply(model, request), usage);
        }
        else
        {
            IReadOnlyList<CollectedChoice> choices = Best(await CollectAsync(runs, usage), runs.ChoicesPerRun, request.Returned);
            await MakeReply(model, request).WriteWholeAsync(context.Response, choices, usage.Body, cancellation.Token);
        }
    }

    async Task<TextRequest> ReadAsync(HttpContext context, CancellationToken cancellation)
    {
        try
        {
            using JsonDocument body = await JsonBody.ReadAsync(context.Request, cancellation);
            return ParameterTable.Read(route, body.RootElement);
        }
        catch (OperationCanceledException) when (admission.CutOff.IsCancellationRequested)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }

    async Task<TextRuns> StartAsync(ServedModel model, TextRequest request, CancellationToken cancellation)
    {
        try
        {
            return await TextRuns.StartAsync(model.Source, request.Prompts, cancellation);
        }
        catch (RequestRefusedException refusal)
        {
            throw new ApiException(ApiError.From(refusal, PromptParameter, request.MaxTokensName, request.ConstraintName));
        }
        catch (OperationCanceledException) when (admission.CutOff.IsCancellationRequested)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }

    Reply MakeReply(ServedModel model, TextRequest request)
    {
        long created = options.TimeProvider.GetUtcNow().ToUnixTimeSeconds();
        return route == Routes.Chat
            ? new ChatReply($"chatcmpl-{Guid.NewGuid():N}", created, model.Id, request.Logprobs)
            : new CompletionReply($"cmpl-{Guid.NewGuid():N}", created, model.Id, request.Logprobs);
    }

    async Task<IReadOnlyList<CollectedChoice>> CollectAsync(TextRuns runs, Usage usage)
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

    async Task StreamAsync(HttpContext context, TextRequest request, TextRuns runs, Reply reply, Usage usage)
    {
        using ServerSentEvents events = new(context.Response);
        try
        {
            for (int choice = 0; choice < runs.Choices; choice++)
            {
                reply.WriteStart(events, choice);
            }

            do
            {
                while (runs.Events.TryRead(out GenerationEvent? next))
                {
                    Write(next, events, reply, usage);
                }

                await events.FlushAsync(context.RequestAborted);
            }
            while (await WaitAsync(runs.Events, events, context.RequestAborted));

            CheckComplete(usage, runs);
            if (request.IncludeUsage)
            {
                reply.WriteUsage(events, usage.Body);
            }

            events.WriteDone();
        }
        catch (Exception exception)
        {
            if (ErrorResponses.Translate(exception, context, logger, options) is not { } error)
            {
                return;
            }

            events.Write(ErrorResponses.Body(error), WireJson.Wire.ErrorBody);
        }

        await events.FlushAsync(context.RequestAborted);
    }

    void Write(GenerationEvent next, ServerSentEvents events, Reply reply, Usage usage)
    {
        switch (next)
        {
            case TextDelta delta when delta.Text.Length > 0 || delta.Tokens.Length > 0:
                reply.WriteDelta(events, delta);
                break;
            case ThinkingDelta delta:
                reply.WriteThinking(events, delta);
                break;
            case ToolCallDelta delta:
                reply.WriteToolCall(events, delta);
                break;
            case ChoiceFinished finished:
                CheckReason(finished);
                usage.Add(finished);
                reply.WriteFinish(events, finished);
                break;
        }
    }

    async Task<bool> WaitAsync(ChannelReader<GenerationEvent> reader, ServerSentEvents events, CancellationToken aborted)
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
                events.WriteKeepAlive();
                await events.FlushAsync(aborted);
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

    void CheckComplete(Usage usage, TextRuns runs)
    {
        if (usage.FinishedChoices < runs.Choices)
        {
            throw Cancelled();
        }
    }

    /// <summary>Nobody but the client or the end of the server cancels runs.</summary>
    Exception Cancelled() => admission.CutOff.IsCancellationRequested ? new ApiException(ApiError.ShuttingDown()) : new OperationCanceledException();

    /// <summary>Adds up what choices took. Prompts count once, however many choices continue them.</summary>
    sealed class Usage(TextRuns runs, RequestRecord record)
    {
        readonly int[] _cached = new int[runs.Choices];
        int _completionTokens;

        public int FinishedChoices { get; private set; }

        public UsageBody Body
        {
            get
            {
                int prompt = runs.PromptTokens;
                int cached = _cached.Where((_, choice) => choice % runs.ChoicesPerRun == 0).Sum();
                return new UsageBody(prompt, _completionTokens, prompt + _completionTokens, new PromptTokensDetails(cached));
            }
        }

        public void Add(ChoiceFinished finished)
        {
            FinishedChoices++;
            _cached[finished.Choice] = finished.Usage.CachedTokens;
            _completionTokens += finished.Usage.CompletionTokens;
            record.CompletionTokens = _completionTokens;
        }
    }
}
