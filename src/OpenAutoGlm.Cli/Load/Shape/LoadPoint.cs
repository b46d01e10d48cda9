using System.Globalization;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load.Shape;

/// <summary>One setting of a sweep: how requests come.</summary>
/// <param name="Name">As a row is called.</param>
/// <param name="Value">Its place along the picture.</param>
/// <param name="Axis">What the value is.</param>
abstract record LoadPoint(string Name, double Value, string Axis)
{
    /// <summary>So many at a time: each next one when one is done, so that a slow server is asked less.</summary>
    public sealed record Closed(int Concurrency)
        : LoadPoint($"{Concurrency} at a time", Concurrency, "requests at a time");

    /// <summary>At their instants, however slow the answers are.</summary>
    /// <param name="Name">As a row is called.</param>
    /// <param name="Value">Its place along the picture.</param>
    /// <param name="Axis">What the value is.</param>
    /// <param name="Instants">The instants that a seed gives, in seconds and in order.</param>
    public sealed record Open(string Name, double Value, string Axis, Func<int, IEnumerable<double>> Instants) : LoadPoint(Name, Value, Axis);

    /// <summary>At a rate.</summary>
    public static Open AtRate(double rate, double burstiness)
    {
        ArrivalProcess process = new(RateProfile.Of(rate), burstiness);
        return new Open(string.Create(CultureInfo.InvariantCulture, $"{rate:0.###}/s {process.Kind}"), rate, "requests per second asked for", process.Instants);
    }

    /// <summary>Along a profile.</summary>
    public static Open Along(RateProfile profile, double burstiness)
    {
        ArrivalProcess process = new(profile, burstiness);
        double rate = profile.Stages.Sum(stage => stage.Requests) / profile.Seconds;
        return new Open($"profile, {process.Kind}", rate, "requests per second asked for, on average", process.Instants);
    }

    /// <summary>As a trace has it; its arrivals are multiplied by a scale.</summary>
    public static Open Replay(Trace trace, double scale)
    {
        double[] instants = [.. trace.Scaled(scale).Requests.Select(request => request.Arrival.TotalSeconds)];
        double rate = instants.Length / Math.Max(1e-3, instants[^1]);
        return new Open(string.Create(CultureInfo.InvariantCulture, $"trace × {scale:0.###}"), rate, "requests per second asked for, on average", _ => instants);
    }

    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["kind"] = this is Closed ? "closed" : "open",
        ["value"] = Value,
        ["axis"] = Axis,
    };
}
