using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Optimization.Search.Runs;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Optimize;

/// <summary>Shows how far an optimisation is: a bar for each stage on a terminal, a line when a stage begins elsewhere. Always on standard error.</summary>
static class OptimizeProgressView
{
    internal static Task ShowAsync(CommandConsole console, Func<IProgress<OptimizationProgress>, Task> work) => console.ErrorIsTerminal
        ? console.Progress().Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 28 }, new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context => await work(new Bars(context)))
        : work(new Lines(console));

    static string TextOf(OptimizationStage stage) => stage switch
    {
        OptimizationStage.Reading => "reading the model",
        OptimizationStage.Pruning => "pruning",
        OptimizationStage.Calibrating => "calibrating",
        OptimizationStage.Original => "measuring the original",
        OptimizationStage.Sensitivity => "finding sensitivities",
        OptimizationStage.Costs => "timing kernels",
        OptimizationStage.Searching => "searching and checking",
        OptimizationStage.Measuring => "measuring speed",
        _ => "writing",
    };

    sealed class Bars(ProgressContext context) : IProgress<OptimizationProgress>
    {
        readonly Lock _lock = new();
        ProgressTask? _task;
        OptimizationStage _stage;

        public void Report(OptimizationProgress value)
        {
            lock (_lock)
            {
                if (_task is null || value.Stage != _stage)
                {
                    if (_task is { } done)
                    {
                        done.Value = done.MaxValue;
                        done.StopTask();
                    }

                    (_stage, _task) = (value.Stage, context.AddTask(TextOf(value.Stage), maxValue: 1));
                }

                _task.Value = value.Fraction;
                _task.Description = value.Detail.Length == 0 ? TextOf(value.Stage) : $"{TextOf(value.Stage)} [grey]{Markup.Escape(value.Detail)}[/]";
            }
        }
    }

    sealed class Lines(CommandConsole console) : IProgress<OptimizationProgress>
    {
        readonly Lock _lock = new();
        OptimizationStage? _stage;
        bool _saidCached;

        public void Report(OptimizationProgress value)
        {
            lock (_lock)
            {
                if (value.Stage != _stage)
                {
                    _stage = value.Stage;
                    _saidCached = false;
                    console.Note($"{TextOf(value.Stage)} …");
                }

                if (value.Detail == OptimizationProgress.FromCache && !_saidCached)
                {
                    _saidCached = true;
                    console.Note($"{TextOf(value.Stage)}: {value.Detail}");
                }
            }
        }
    }
}
