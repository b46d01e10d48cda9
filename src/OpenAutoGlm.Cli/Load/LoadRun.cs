using System.Buffers;
using System.Text;
using OpenAutoGlm.Cli.Load.Client;
using OpenAutoGlm.Cli.Load.Prompts;
using OpenAutoGlm.Cli.Load.Results;
using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli.Load;

/// <summary>One run over one point at one target: every conversation in its time, every turn with a record.</summary>
sealed class LoadRun(LoadClient client, RequestBody bodies, IWorkload workload, TimeSpan thinkTime, TimeProvider time)
{
    readonly Lock _lock = new();
    readonly List<RequestRecord> _records = [];
    readonly List<float> _gaps = [];

    /// <summary>Runs it. After Ctrl-C it ends soon, with what there is.</summary>
    public async Task<RunResult> RunAsync(LoadPoint point, LoadLimits limits, int seed, int salt, CancellationToken stop)
    {
        limits = limits with { Count = workload.Count is { } count ? Math.Min(count, limits.Count ?? count) : limits.Count };
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        Dispatcher dispatcher = new(time, limits);
        switch (point)
        {
            case LoadPoint.Closed closed:
                await dispatcher.ClosedAsync(closed.Concurrency, StartAsync, stop);
                break;
            case LoadPoint.Open open:
                await dispatcher.OpenAsync(open.Instants(seed), StartAsync, Unsent, stop);
                break;
            default:
                throw new InvalidOperationException($"{point} is no shape of load.");
        }

        double seconds = _records.Count > 0 ? _records.Max(record => record.End) : time.GetElapsedTime(dispatcher.Started).TotalSeconds;
        return new RunResult([.. _records.OrderBy(record => record.Due)], _gaps, seconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);

        Task StartAsync(int index, double due, CancellationToken cancelled) => HoldAsync(index, workload.At(index, seed, salt), due, dispatcher.Started, cancelled);

        void Unsent(int index, double due)
        {
            Turn turn = workload.At(index, seed, salt).Turns[0];
            Add(New(index, 0, due, turn) with { Outcome = Outcome.Unsent, Reason = $"{limits.MaxInFlight} requests were under way, the client's limit (--max-in-flight)", End = due }, []);
        }
    }

    /// <summary>Holds a conversation to its end, or to the first turn that fails.</summary>
    async Task HoldAsync(int index, Conversation conversation, double due, long started, CancellationToken stop)
    {
        bool remembers = conversation.Turns.Length > 1;
        List<Message> history = [.. conversation.Opening];
        ArrayBufferWriter<byte>? answer = remembers ? new() : null;
        List<float> gaps = [];
        for (int turn = 0; turn < conversation.Turns.Length; turn++)
        {
            Turn said = conversation.Turns[turn];
            gaps.Clear();
            answer?.ResetWrittenCount();
            RequestRecord record = await client.SendAsync(New(index, turn, due, said), bodies.Of(said, history), started, gaps, answer, stop);
            Add(record, gaps);
            if (!record.Finished || stop.IsCancellationRequested)
            {
                return;
            }

            if (answer is not null)
            {
                history.Add(new Message("user", bodies.TextOf(said)));
                history.Add(new Message("assistant", Encoding.UTF8.GetString(answer.WrittenSpan)));
            }

            due = record.End + thinkTime.TotalSeconds;
            if (turn + 1 < conversation.Turns.Length && thinkTime > TimeSpan.Zero && !await PauseAsync(stop))
            {
                return;
            }
        }
    }

    async Task<bool> PauseAsync(CancellationToken stop)
    {
        try
        {
            await Task.Delay(thinkTime, time, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    static RequestRecord New(int session, int turn, double due, Turn said) => new()
    {
        Session = session,
        Turn = turn,
        Due = due,
        Outcome = Outcome.Unsent,
        PlannedPromptTokens = said.PromptTokens,
        PlannedOutputTokens = said.MaxTokens,
    };

    void Add(RequestRecord record, List<float> gaps)
    {
        lock (_lock)
        {
            _records.Add(record);
            if (record.Finished)
            {
                _gaps.AddRange(gaps);
            }
        }
    }
}
