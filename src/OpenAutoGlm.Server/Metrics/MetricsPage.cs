using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Scheduling;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>
/// GET /metrics. A metric that vLLM has too has vLLM's name with "autoglm:" for its "vllm:", so that dashboards and
/// autoscalers carry over by replacing the prefix; what only this server has follows the same manner.
/// </summary>
sealed class MetricsPage(ServerMetrics metrics, Admission admission)
{
    const string Prefix = "autoglm:";

    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/metrics", async context =>
    {
        ArrayBufferWriter<byte> page = new(1 << 16);
        Write(new PrometheusText(page));
        context.Response.ContentType = PrometheusText.ContentType;
        context.Response.ContentLength = page.WrittenCount;
        await context.Response.BodyWriter.WriteAsync(page.WrittenMemory, context.RequestAborted);
    });

    public void Write(PrometheusText page)
    {
        (ModelMetrics Metrics, string Labels)[] models = [.. metrics.Models.Select(model => (model, PrometheusText.Labels(("model_name", model.Id))))];
        WriteLatencies(page, models);
        WriteTotals(page, models);
        WriteEngines(page, [.. models.Select(model => (model.Labels, model.Metrics.Engine?.Invoke())).Where(model => model.Item2 is not null).Select(model => (model.Labels, new EngineReading(model.Item2!)))]);
        WriteRequests(page);
        ProcessMetrics.Write(page);
    }

    static void WriteLatencies(PrometheusText page, (ModelMetrics Metrics, string Labels)[] models)
    {
        void Histogram(string name, string help, Func<ModelMetrics, Histogram> of)
        {
            page.Family(Prefix + name, "histogram", help);
            foreach ((ModelMetrics model, string labels) in models)
            {
                page.Samples(labels, of(model));
            }
        }

        Histogram("time_to_first_token_seconds", "From the start of a request, template and tokenizer included, to its first token.", model => model.TimeToFirstToken);
        Histogram("inter_token_latency_seconds", "Between two tokens of an answer as they are handed to the connection.", model => model.InterToken);
        Histogram("request_time_per_output_token_seconds", "Mean time of a token after the first, one value for each choice.", model => model.TimePerToken);
        Histogram("e2e_request_latency_seconds", "From the start of a request to its last token, of those that ended well.", model => model.EndToEnd);
        Histogram("request_queue_time_seconds", "From submission until first scheduled, for each choice.", model => model.Queue);
        Histogram("request_prefill_time_seconds", "From first scheduled until the first token, for each choice.", model => model.Prefill);
        Histogram("request_decode_time_seconds", "From the first token to the last, for each choice.", model => model.Decode);
        Histogram("request_prompt_tokens", "Tokens of a prompt.", model => model.PromptLength);
        Histogram("request_generation_tokens", "Tokens of a choice.", model => model.CompletionLength);
    }

    static void WriteTotals(PrometheusText page, (ModelMetrics Metrics, string Labels)[] models)
    {
        page.Family(Prefix + "prompt_tokens_total", "counter", "Tokens of prompts that were accepted, those found in the prefix cache included.");
        foreach ((ModelMetrics model, string labels) in models)
        {
            page.Sample(labels, model.PromptTokens);
        }

        page.Family(Prefix + "request_success_total", "counter", "Choices by how they ended: stop and length are well, abort was cancelled, error failed.");
        foreach ((ModelMetrics model, string labels) in models)
        {
            foreach (FinishReason reason in Enum.GetValues<FinishReason>())
            {
                page.Sample($"{labels},{PrometheusText.Labels(("finished_reason", ModelMetrics.FinishReasons[(int)reason]))}", model.Finished(reason));
            }
        }

        page.Family(Prefix + "request_refused_total", "counter", "Requests that the engine refused: too long, queue full, invalid.");
        foreach ((ModelMetrics model, string labels) in models)
        {
            page.Sample(labels, model.Refused);
        }

        page.Family(Prefix + "model_loaded", "gauge", "Whether an engine runs the model now.");
        foreach ((ModelMetrics model, string labels) in models)
        {
            page.Sample(labels, model.Engine?.Invoke() is null ? 0 : 1);
        }
    }

    static void WriteEngines(PrometheusText page, (string Labels, EngineReading Engine)[] engines)
    {
        void Series(string name, string type, string help, Func<EngineReading, double> of)
        {
            page.Family(Prefix + name, type, help);
            foreach ((string labels, EngineReading engine) in engines)
            {
                page.Sample(labels, of(engine));
            }
        }

        void Gauge(string name, string help, Func<EngineReading, double> of) => Series(name, "gauge", help, of);
        void Counter(string name, string help, Func<EngineReading, double> of) => Series(name, "counter", help, of);

        Gauge("num_requests_running", "Sequences that hold key and value memory.", engine => engine.Now.RunningSequences);
        Gauge("num_requests_waiting", "Sequences that wait for it.", engine => engine.Now.WaitingSequences);
        Gauge("num_requests_waiting_limit", "Sequences that may wait; the next is refused with 429.", engine => engine.Options.QueueLimit);
        Gauge("kv_cache_usage_perc", "Share of key and value memory in use; 1 is all of it.", engine => engine.Now.TotalKvBlocks == 0 ? 0 : (double)engine.Now.UsedKvBlocks / engine.Now.TotalKvBlocks);
        Gauge("kv_cache_bytes", "All key and value memory.", engine => engine.KvBytes);
        Counter("prefix_cache_queries_total", "Tokens that were looked up in the prefix cache.", engine => engine.Now.Prefixes.TokensAsked);
        Counter("prefix_cache_hits_total", "Of these the tokens that were found.", engine => engine.Now.Prefixes.TokensHit);
        Counter("prefix_cache_evictions_total", "Blocks of the prefix cache that gave way.", engine => engine.Now.Prefixes.Evictions);
        Counter("num_preemptions_total", "Times that a sequence gave up its memory for an older one.", engine => engine.Now.Preemptions);
        Counter("generation_tokens_total", "Tokens generated.", engine => engine.Now.GeneratedTokens);
        Counter("prefill_tokens_total", "Tokens computed that were given: prompts, and what was computed anew after a preemption.", engine => engine.Now.PrefilledTokens);
        Counter("spec_decode_num_draft_tokens_total", "Tokens guessed ahead and run.", engine => engine.Now.GuessedTokens);
        Counter("spec_decode_num_accepted_tokens_total", "Of these the right ones.", engine => engine.Now.GuessedRightTokens);
        Counter("engine_steps_total", "Steps taken.", engine => engine.Now.Steps);
        Gauge("engine_step_seconds", "Time of a step, averaged over the last sixteen or so.", engine => engine.Now.StepMs / 1000);
        Gauge("engine_step_tokens_limit", "Tokens that a step may have while somebody writes, as the latency targets leave it now.", engine => engine.Now.StepTokens);
        Gauge("engine_step_prompt_tokens_limit", "Of these what prompts may have.", engine => engine.Now.StepPromptTokens);
        Gauge("target_time_to_first_token_seconds", "The target for the time to the first token; NaN where there is none.", engine => Seconds(engine.Options.Latency.TimeToFirstToken));
        Gauge("target_time_per_token_seconds", "The target for the time between tokens; NaN where there is none.", engine => Seconds(engine.Options.Latency.TimePerToken));
    }

    void WriteRequests(PrometheusText page)
    {
        page.Family("http_requests_total", "counter", "Requests by route, method and status.");
        foreach (((string route, string method, int status), long count) in metrics.Requests.Requests)
        {
            page.Sample(PrometheusText.Labels(("handler", route), ("method", method), ("status", $"{status}")), count);
        }

        page.Family("http_request_duration_seconds", "summary", "From a request's head to its answer's last byte.");
        foreach ((string route, RequestMetrics.Duration duration) in metrics.Requests.Durations)
        {
            string labels = PrometheusText.Labels(("handler", route));
            page.Sample(labels, duration.Seconds, "_sum");
            page.Sample(labels, duration.Count, "_count");
        }

        page.Family(Prefix + "request_errors_total", "counter", "Requests that ended in an error by its code, also where it came in a stream with status 200.");
        foreach (((string model, string code), long count) in metrics.Requests.Errors)
        {
            page.Sample(PrometheusText.Labels(("model_name", model), ("code", code)), count);
        }

        page.Family(Prefix + "requests_admitted", "gauge", "Requests for text inside the server.");
        page.Sample("", admission.Running);
        page.Family(Prefix + "requests_admitted_limit", "gauge", "How many there may be; the next is refused with 429.");
        page.Sample("", admission.Limit);
        page.Family(Prefix + "ready", "gauge", "Whether requests are taken: 0 while the server stops.");
        page.Sample("", admission.Closed ? 0 : 1);
    }

    static double Seconds(TimeSpan? time) => time?.TotalSeconds ?? double.NaN;

    /// <summary>An engine with its statistics read once, so that they fit each other as well as they can.</summary>
    sealed class EngineReading(InferenceEngine engine)
    {
        public EngineStatistics Now { get; } = engine.Statistics;

        public EngineOptions Options => engine.Options;

        public long KvBytes => engine.KvBytes;
    }
}
