using System.Diagnostics;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Tracing;

/// <summary>
/// The span of a run of the engine, with one for each part of it: template and tokenise are the generator's own, queue,
/// prefill and decode are told by the engine when a choice has ended, and are written down then as of their time.
/// </summary>
sealed class RunSpan
{
    readonly Activity? _span;
    readonly TimeProvider _time;
    DateTimeOffset _submitted;

    RunSpan(Activity? span, TimeProvider time) => (_span, _time) = (span, time);

    /// <summary>Begins the span and starts the run inside it, so that what happens meanwhile belongs to it.</summary>
    public static (ITextRun Run, RunSpan Span) Start(string model, TimeProvider time, Func<ITextRun> start)
    {
        Activity? outer = Activity.Current;
        Activity? span = RequestSpan.Source.StartActivity("generate");
        RunSpan run = new(span, time);
        try
        {
            span?.SetTag("gen_ai.request.model", model);
            ITextRun started = start();
            run._submitted = time.GetUtcNow();
            span?.SetTag("gen_ai.usage.input_tokens", started.PromptTokens);
            return (started, run);
        }
        catch (Exception exception)
        {
            span?.SetStatus(ActivityStatusCode.Error, exception.GetType().Name);
            span?.Dispose();
            throw;
        }
        finally
        {
            // The run goes on, and what the caller does next is no part of it.
            Activity.Current = outer;
        }
    }

    public void Add(ChoiceFinished finished)
    {
        if (_span is null)
        {
            return;
        }

        SequenceTimings timings = finished.Timings;
        DateTimeOffset scheduled = _submitted + timings.Queue;
        DateTimeOffset first = scheduled + timings.Prefill;
        Part("queue", finished.Choice, _submitted, scheduled);
        Part("prefill", finished.Choice, scheduled, first, ("autoglm.cached_tokens", finished.Usage.CachedTokens));
        Part("decode", finished.Choice, first, first + timings.Decode, ("gen_ai.usage.output_tokens", finished.Usage.CompletionTokens));
        if (finished.Reason is FinishReason.Failed)
        {
            _span.SetStatus(ActivityStatusCode.Error, finished.Error?.GetType().Name);
        }
    }

    public void End() => _span?.Dispose();

    void Part(string name, int choice, DateTimeOffset start, DateTimeOffset end, params ReadOnlySpan<(string Name, int Value)> tags)
    {
        using Activity? part = RequestSpan.Source.StartActivity(name, ActivityKind.Internal, _span!.Context, startTime: start);
        part?.SetTag("autoglm.choice", choice);
        foreach ((string tag, int value) in tags)
        {
            part?.SetTag(tag, value);
        }

        part?.SetEndTime(end.UtcDateTime);
    }
}
