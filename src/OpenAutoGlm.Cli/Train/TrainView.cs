using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Optimization.Training;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Train;

/// <summary>Shows a run while it goes on: a panel with the loss as a curve on a terminal, a line now and then elsewhere.</summary>
/// <param name="console">Where it is shown.</param>
/// <param name="time">The clock.</param>
/// <param name="operationsPerToken">Multiplies and adds of a token, forward and back.</param>
/// <param name="peak">Operations that the machine can do in a second; null if nobody measured.</param>
sealed class TrainView(CommandConsole console, TimeProvider time, double operationsPerToken, double? peak)
{
    const int CurveHeight = 8;
    static readonly TimeSpan OnTerminal = TimeSpan.FromMilliseconds(250);
    static readonly TimeSpan Elsewhere = TimeSpan.FromSeconds(5);

    readonly List<TrainingRecord> _recent = [];
    readonly List<double> _losses = [];
    LiveDisplayContext? _display;
    long _shown;
    double? _validation;

    /// <summary>Tokens a second over the last steps.</summary>
    public double TokensPerSecond => _recent.Sum(record => record.StepTokens) / Math.Max(1e-9, _recent.Sum(record => record.StepTime.TotalSeconds));

    /// <summary>What part of the machine's rate the products reached; null if nobody measured it.</summary>
    public double? PeakShare => peak is { } rate ? TokensPerSecond * operationsPerToken / rate : null;

    /// <summary>Trains and shows it.</summary>
    public TrainingOutcome Show(Func<Action<TrainingRecord>, TrainingOutcome> train, Action<TrainingRecord> also)
    {
        _shown = time.GetTimestamp();
        void Observe(TrainingRecord record)
        {
            Take(record);
            also(record);
        }

        if (!console.ErrorIsTerminal)
        {
            return train(Observe);
        }

        TrainingOutcome? outcome = null;
        console.Progress().Live(new Text("the first step …")).AutoClear(true).Start(display =>
        {
            _display = display;
            outcome = train(Observe);
        });
        return outcome!;
    }

    void Take(TrainingRecord record)
    {
        _recent.Add(record);
        _losses.Add(record.Loss);
        _validation = record.ValidationLoss ?? _validation;
        if (_recent.Count > 20)
        {
            _recent.RemoveAt(0);
        }

        bool worthALine = record.ValidationLoss is not null || record.Skipped;
        if (time.GetElapsedTime(_shown) < (_display is null ? Elsewhere : OnTerminal) && !(worthALine && _display is null))
        {
            return;
        }

        _shown = time.GetTimestamp();
        if (_display is { } display)
        {
            display.UpdateTarget(Page(record));
        }
        else
        {
            console.Note(string.Join(" · ", Facts(record).Select(fact => $"{fact.Name} {fact.Value}")));
        }
    }

    IEnumerable<(string Name, string Value)> Facts(TrainingRecord record)
    {
        yield return ("step", $"{record.Step}");
        yield return ("done", $"{record.Progress * 100:0.0} %");
        yield return ("loss", $"{_losses.TakeLast(10).Average():0.0000}");
        if (_validation is { } validation)
        {
            yield return ("validation", $"{validation:0.0000}");
        }

        yield return ("lr", FormattableString.Invariant($"{record.LearningRate:0.00e+0}"));
        yield return ("gradient", Units.Short(record.GradientNorm));
        yield return ("tokens/s", Units.Short(TokensPerSecond));
        if (PeakShare is { } share)
        {
            yield return ("of peak", $"{share * 100:0} %");
        }

        yield return ("left", Left(record) is { } left ? Units.Duration(left) : "?");
        if (record.Skipped)
        {
            yield return ("overflow", $"loss scale {record.LossScale}");
        }
    }

    /// <summary>Progress goes evenly enough with steps.</summary>
    TimeSpan? Left(TrainingRecord record)
    {
        double gained = record.Progress - _recent[0].Progress;
        double seconds = _recent.Skip(1).Sum(one => one.StepTime.TotalSeconds);
        return gained > 0 ? TimeSpan.FromSeconds(Math.Min(1e9, (1 - record.Progress) * seconds / gained)) : null;
    }

    Rows Page(TrainingRecord record)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        (string Name, string Value)[] facts = [.. Facts(record)];
        foreach ((string column, _) in facts)
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        table.AddRow([.. facts.Select(fact => Markup.Escape(fact.Value))]);
        return new Rows(table, new Text(Curve(Math.Clamp(Screen.Width - 12, 20, 100))));
    }

    /// <summary>The loss from the first step to the last, in eighths of a character's height.</summary>
    string Curve(int width)
    {
        int columns = Math.Min(width, _losses.Count);
        double[] heights = [.. Enumerable.Range(0, columns).Select(i => _losses[(i * _losses.Count / columns)..Math.Max((i * _losses.Count / columns) + 1, (i + 1) * _losses.Count / columns)].Average())];
        (double least, double most) = (heights.Min(), heights.Max());
        double span = Math.Max(1e-9, most - least);
        IEnumerable<string> lines = Enumerable.Range(0, CurveHeight).Select(line =>
        {
            int floor = (CurveHeight - 1 - line) * 8;
            string label = line == 0 ? $"{most,8:0.000} " : line == CurveHeight - 1 ? $"{least,8:0.000} " : new string(' ', 9);
            return label + string.Concat(heights.Select(height =>
            {
                int eighths = 1 + (int)((height - least) / span * ((CurveHeight * 8) - 1));
                return " ▁▂▃▄▅▆▇█"[Math.Clamp(eighths - floor, 0, 8)];
            }));
        });
        return string.Join('\n', lines);
    }
}
