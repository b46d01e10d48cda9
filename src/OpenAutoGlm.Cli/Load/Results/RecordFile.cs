using System.Text.Json;
using OpenAutoGlm.Cli.Load.Client;

namespace OpenAutoGlm.Cli.Load.Results;

/// <summary>
/// Every request of a run as a line of JSON. arrival, prompt_tokens and output_tokens make the file a trace, which can
/// be replayed; with several points or targets, all of them follow one another.
/// </summary>
static class RecordFile
{
    public static void Write(string path, IEnumerable<PointResult> results)
    {
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        double start = 0;
        foreach (PointResult result in results)
        {
            foreach (RunResult run in result.Runs)
            {
                foreach (RequestRecord record in run.Records)
                {
                    using (Utf8JsonWriter json = new(stream))
                    {
                        Write(json, result, record, start);
                    }

                    stream.WriteByte((byte)'\n');
                }

                start += run.Seconds;
            }
        }
    }

    static void Write(Utf8JsonWriter json, PointResult result, RequestRecord record, double start)
    {
        json.WriteStartObject();
        json.WriteNumber("arrival", Seconds(start + record.Due));
        json.WriteNumber("prompt_tokens", Math.Max(1, record.PromptTokens));
        json.WriteNumber("output_tokens", record.Finished ? record.OutputTokens : record.PlannedOutputTokens);
        json.WriteString("target", result.Target);
        json.WriteString("point", result.Point.Name);
        json.WriteNumber("session", record.Session);
        json.WriteNumber("turn", record.Turn);
        json.WriteString("outcome", PointResult.NameOf(record.Outcome));
        if (record.Reason is { } reason)
        {
            json.WriteString("reason", reason);
        }

        if (record.CachedTokens is { } cached)
        {
            json.WriteNumber("cached_tokens", cached);
        }

        json.WriteNumber("pieces", record.Pieces);
        json.WriteNumber("lag_s", Seconds(Math.Max(0, record.Sent - record.Due)));
        if (record.Finished)
        {
            json.WriteNumber("ttft_s", Seconds(record.TimeToFirstToken));
            if (record.TimePerOutputToken is { } each)
            {
                json.WriteNumber("tpot_s", Seconds(each));
            }

            json.WriteNumber("e2e_s", Seconds(record.EndToEnd));
        }

        json.WriteEndObject();
    }

    static double Seconds(double value) => Math.Round(value, 6);
}
