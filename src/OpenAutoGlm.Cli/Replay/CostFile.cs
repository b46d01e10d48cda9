using System.Globalization;
using System.Text.Json;
using OpenAutoGlm.Engine.Simulation;

namespace OpenAutoGlm.Cli.Replay;

/// <summary>What steps take, from a file: seconds by name, or what 'autoglm bench --json' measured on a model.</summary>
static class CostFile
{
    const int StepTokens = 512; // of bench, which reads longer prompts in several steps

    /// <summary>Reads a file.</summary>
    /// <returns>The costs, and for measured ones how far the worst measurement lies from them.</returns>
    /// <exception cref="CommandFailedException">It is neither; the message names field and value.</exception>
    public static (StepCosts Costs, double? WorstError) Read(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("rows", out JsonElement rows)
                ? Fitted(rows)
                : (Named(document.RootElement), null);
        }
        catch (Exception error) when (error is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CommandFailedException($"{path}: {error.Message} Costs are an object with step, token, sequence, context and floor in seconds, or what 'autoglm bench --json' prints.", inner: error);
        }
    }

    static StepCosts Named(JsonElement file)
    {
        StepCosts costs = new();
        foreach (JsonProperty field in file.EnumerateObject())
        {
            double seconds = field.Value.ValueKind == JsonValueKind.Number ? field.Value.GetDouble() : double.NaN;
            if (!(seconds is >= 0 and < 1e6))
            {
                throw new FormatException($"{field.Name} is {field.Value.GetRawText()}; seconds belong there.");
            }

            costs = field.Name switch
            {
                "step" => costs with { Step = seconds },
                "token" => costs with { Token = seconds },
                "sequence" => costs with { Sequence = seconds },
                "context" => costs with { Context = seconds },
                "floor" => costs with { Floor = seconds },
                _ => throw new FormatException($"{field.Name} is no cost."),
            };
        }

        return costs;
    }

    static (StepCosts Costs, double? WorstError) Fitted(JsonElement rows)
    {
        MeasuredStep[] steps = [.. rows.EnumerateArray().Select(Measured)];
        return steps.Length > 0 ? CostFit.Of(steps) : throw new FormatException("there are no rows: bench measured nothing.");
    }

    static MeasuredStep Measured(JsonElement row)
    {
        string test = row.GetProperty("test").GetString() ?? "";
        int sequences = row.GetProperty("sequences").GetInt32();
        int depth = row.GetProperty("depth").GetInt32();
        double speed = row.GetProperty("tokensPerSecond").GetProperty("median").GetDouble();
        string digits = string.Concat(test.Skip(2).TakeWhile(char.IsAsciiDigit));
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int tokens) || tokens < 1 || sequences < 1 || depth < 0 || !(speed > 0))
        {
            throw new FormatException($"the row of test '{test}' cannot be: {sequences} sequences, depth {depth}, {speed} tokens/s.");
        }

        if (test.StartsWith("pp", StringComparison.Ordinal))
        {
            // The mean step of the prompt, which is what a prompt of one step is.
            int count = (tokens + StepTokens - 1) / StepTokens;
            double attended = ((double)tokens * depth) + ((double)tokens * (tokens + 1) / 2);
            return new MeasuredStep((double)tokens / count, 1, attended / count, tokens / speed / count);
        }

        return new MeasuredStep(sequences, sequences, sequences * (depth + (tokens / 2.0)), sequences / speed);
    }
}
