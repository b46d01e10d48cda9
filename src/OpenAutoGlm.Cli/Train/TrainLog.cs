using System.Globalization;
using System.Text.Json;
using OpenAutoGlm.Optimization.Training;

namespace OpenAutoGlm.Cli.Train;

/// <summary>The run as a JSONL file: one object for each step, appended as it happens; a resumed run first loses what is taken again.</summary>
sealed class TrainLog : IDisposable
{
    readonly StreamWriter _writer;
    readonly List<TrainingRecord> _records;

    /// <summary>Opens a log, with the steps that are done already.</summary>
    public TrainLog(string path, long stepsDone)
    {
        _records = stepsDone > 0 && File.Exists(path) ? [.. Read(path).Where(record => record.Step <= stepsDone)] : [];
        _writer = new StreamWriter(path, append: false) { AutoFlush = true };
        _records.ForEach(Write);
    }

    /// <summary>All steps so far.</summary>
    public IReadOnlyList<TrainingRecord> Records => _records;

    /// <summary>Appends a step.</summary>
    public void Add(TrainingRecord record)
    {
        _records.Add(record);
        Write(record);
    }

    public void Dispose() => _writer.Dispose();

    void Write(TrainingRecord record)
    {
        string Number(double value) => double.IsFinite(value) ? value.ToString("g6", CultureInfo.InvariantCulture) : "null";
        _writer.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"step\":{record.Step},\"progress\":{Number(record.Progress)},\"epochs\":{Number(record.Epochs)},\"loss\":{Number(record.Loss)},\"lr\":{Number(record.LearningRate)},\"gradientNorm\":{Number(record.GradientNorm)},\"tokens\":{record.Tokens},\"stepTokens\":{record.StepTokens},\"seconds\":{Number(record.StepTime.TotalSeconds)}"));
        if (record.ValidationLoss is { } validation)
        {
            _writer.Write($",\"validationLoss\":{Number(validation)}");
        }

        _writer.WriteLine("}");
    }

    /// <summary>What can be read of an earlier run; a line that was cut off by its end is left out.</summary>
    static IEnumerable<TrainingRecord> Read(string path)
    {
        List<TrainingRecord> records = [];
        foreach (string line in File.ReadAllLines(path))
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                JsonElement root = document.RootElement;
                double Number(string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;
                records.Add(new TrainingRecord
                {
                    Step = root.GetProperty("step").GetInt64(),
                    Progress = Number("progress"),
                    Epochs = Number("epochs"),
                    Loss = Number("loss"),
                    LearningRate = Number("lr"),
                    GradientNorm = Number("gradientNorm"),
                    Tokens = root.GetProperty("tokens").GetInt64(),
                    StepTokens = root.GetProperty("stepTokens").GetInt32(),
                    StepTime = TimeSpan.FromSeconds(Number("seconds")),
                    LossScale = 1,
                    ValidationLoss = root.TryGetProperty("validationLoss", out _) ? Number("validationLoss") : null,
                });
            }
            catch (Exception failed) when (failed is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                break;
            }
        }

        return records;
    }
}
