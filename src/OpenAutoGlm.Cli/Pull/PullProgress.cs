using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models.Hub;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Pull;

/// <summary>Shows how far a pull is: bars on a terminal, a line for what happened elsewhere. Always on standard error.</summary>
static class PullProgress
{
    /// <summary>Runs a pull and shows it.</summary>
    public static async Task<T> ShowAsync<T>(string name, CommandConsole console, Func<IProgress<HubProgress>, Task<T>> pull)
    {
        try
        {
            return console.ErrorIsTerminal ? await WithBarsAsync(name, console, pull) : await pull(new Lines(console));
        }
        catch (OperationCanceledException)
        {
            console.Note("Broken off. What was fetched is kept: the same command goes on from there.");
            throw;
        }
    }

    static Task<T> WithBarsAsync<T>(string name, CommandConsole console, Func<IProgress<HubProgress>, Task<T>> pull) =>
        console.Progress().Progress()
            .AutoClear(true)
            .HideCompleted(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = 24 },
                new PercentageColumn(),
                new DownloadedColumn(),
                new TransferSpeedColumn(),
                new RemainingTimeColumn())
            .StartAsync(async context => await pull(new Bars(context, name)));

    /// <summary>A bar for all, and one for each file that is being fetched.</summary>
    sealed class Bars(ProgressContext context, string name) : IProgress<HubProgress>
    {
        const int LongestName = 28;

        readonly Lock _lock = new();
        readonly Dictionary<string, ProgressTask> _files = [];
        ProgressTask? _total;

        public void Report(HubProgress value)
        {
            lock (_lock)
            {
                _total ??= context.AddTask($"[bold]{Markup.Escape(Shown(name))}[/]", maxValue: Math.Max(1, value.TotalSize));
                _total.Value = value.TotalBytes;
                if (!_files.TryGetValue(value.File, out ProgressTask? file))
                {
                    if (value.Stage == HubStage.Done)
                    {
                        return;
                    }

                    file = context.AddTask(Markup.Escape(Shown(value.File)), maxValue: Math.Max(1, value.FileSize));
                    _files.Add(value.File, file);
                }

                file.Value = value.FileBytes;
                file.Description = Markup.Escape(Shown(value.File)) + value.Stage switch
                {
                    HubStage.Retrying => " [yellow]again[/]",
                    HubStage.Waiting => " [grey]waits[/]",
                    _ => "",
                };
                if (value.Stage == HubStage.Done)
                {
                    file.StopTask();
                }
            }
        }

        static string Shown(string path) => path.Length <= LongestName ? path : $"…{path[^(LongestName - 1)..]}";
    }

    /// <summary>A line when something ends or goes wrong.</summary>
    sealed class Lines(CommandConsole console) : IProgress<HubProgress>
    {
        readonly Lock _lock = new();

        public void Report(HubProgress value)
        {
            string? line = value.Stage switch
            {
                HubStage.Done => $"{value.File}: {Units.Bytes(value.FileSize)} ({Units.Bytes(value.TotalBytes)} of {Units.Bytes(value.TotalSize)})",
                HubStage.Retrying => $"{value.File}: again from {Units.Bytes(value.FileBytes)}: {value.Reason}",
                HubStage.Waiting => $"{value.File}: another process is fetching it",
                _ => null,
            };
            if (line is not null)
            {
                lock (_lock)
                {
                    console.Note(line);
                }
            }
        }
    }
}
