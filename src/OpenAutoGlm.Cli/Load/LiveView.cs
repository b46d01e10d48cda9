using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Load.Client;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Load;

/// <summary>Shows a run while it goes on: a table that renews itself on a terminal, a line now and then elsewhere.</summary>
sealed class LiveView(CommandConsole console, TimeProvider time)
{
    static readonly TimeSpan OnTerminal = TimeSpan.FromMilliseconds(250);
    static readonly TimeSpan Elsewhere = TimeSpan.FromSeconds(5);

    /// <summary>Looks on until the work is done.</summary>
    public async Task<T> ShowAsync<T>(string name, LiveCounters counters, Func<Task<T>> work)
    {
        using CancellationTokenSource ended = new();
        long start = time.GetTimestamp();
        Task watching = console.ErrorIsTerminal ? DrawAsync(name, counters, start, ended.Token) : WriteAsync(name, counters, start, ended.Token);
        try
        {
            return await work();
        }
        finally
        {
            await ended.CancelAsync();
            await watching;
        }
    }

    Task DrawAsync(string name, LiveCounters counters, long start, CancellationToken ended) => console.Progress()
        .Live(Grid(name, counters, start, 0))
        .AutoClear(true)
        .StartAsync(context => EveryAsync(OnTerminal, counters, start, perSecond => context.UpdateTarget(Grid(name, counters, start, perSecond)), ended));

    Task WriteAsync(string name, LiveCounters counters, long start, CancellationToken ended) =>
        EveryAsync(Elsewhere, counters, start, perSecond => console.Note($"{name}: {string.Join(" · ", Facts(counters, start, perSecond).Select(fact => $"{fact.Name} {fact.Value}"))}"), ended);

    async Task EveryAsync(TimeSpan interval, LiveCounters counters, long start, Action<double> show, CancellationToken ended)
    {
        (long pieces, TimeSpan then) = (0, TimeSpan.Zero);
        while (!ended.IsCancellationRequested)
        {
            await Task.Delay(interval, time, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!ended.IsCancellationRequested)
            {
                TimeSpan now = time.GetElapsedTime(start);
                show((counters.Pieces - pieces) / Math.Max(1e-3, (now - then).TotalSeconds));
                (pieces, then) = (counters.Pieces, now);
            }
        }
    }

    Table Grid(string name, LiveCounters counters, long start, double perSecond)
    {
        Table table = new Table().Border(TableBorder.Rounded).Title(Markup.Escape(name));
        (string Name, string Value)[] facts = [.. Facts(counters, start, perSecond)];
        foreach ((string column, _) in facts)
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        return table.AddRow([.. facts.Select(fact => fact.Value)]);
    }

    IEnumerable<(string Name, string Value)> Facts(LiveCounters counters, long start, double perSecond)
    {
        TimeSpan elapsed = time.GetElapsedTime(start);
        yield return ("time", Units.Duration(elapsed));
        yield return ("sent/s", Units.Short(counters.Sent / Math.Max(1e-3, elapsed.TotalSeconds)));
        yield return ("running", $"{counters.Running}");
        yield return ("done", $"{counters.Done}");
        yield return ("failed", $"{counters.Errors}");
        yield return ("pieces/s", Units.Short(perSecond));
        yield return ("TTFT p50", Time(counters.FirstToken.Quantile(0.5)));
        yield return ("p99", Time(counters.FirstToken.Quantile(0.99)));
        yield return ("E2E p50", Time(counters.EndToEnd.Quantile(0.5)));
        yield return ("p99", Time(counters.EndToEnd.Quantile(0.99)));
    }

    static string Time(double? seconds) => seconds is { } value ? Units.Duration(TimeSpan.FromSeconds(value)) : "";
}
