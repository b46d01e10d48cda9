using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Server.Metrics;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Admin;

/// <summary>What an operator sees of the server as a whole, and the end of single requests.</summary>
sealed class AdminRoutes(ServerOptions options, ServerMetrics metrics, Admission admission, RunningRequests requests, History history)
{
    readonly long _started = options.TimeProvider.GetTimestamp();
    readonly MachineFacts _machine = options.Machine ?? Look();
    readonly SemaphoreSlim _measuring = new(1);
    MachineLimits? _limits;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/admin/status", context =>
            WireJson.WriteAsync(context.Response, Status(After(context.Request)), AdminJson.Wire.StatusBody, context.RequestAborted));
        routes.MapGet("/admin/requests", context =>
            WireJson.WriteAsync(context.Response, new RunningRequestList(requests.List()), AdminJson.Wire.RunningRequestList, context.RequestAborted));
        routes.MapPost("/admin/requests/{id}/cancel", CancelAsync);
        routes.MapPost("/admin/machine/measure", MeasureAsync);
    }

    /// <summary>What the runtime knows by itself.</summary>
    static MachineFacts Look() => new()
    {
        Processor = "unknown",
        Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
        Cores = Environment.ProcessorCount,
        UsableCores = Environment.ProcessorCount,
        MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
    };

    static long After(HttpRequest request)
    {
        string text = request.Query["after"].ToString();
        return text.Length == 0 ? 0
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long after) ? after
            : throw new ApiException(ApiError.Invalid("after", "after must be the number of a point of the history, as an answer's history.last told it."));
    }

    StatusBody Status(long after) => new(
        new ServerBody(
            StatusRoutes.Version, admission.Closed ? "stopping" : "ready", options.TimeProvider.GetElapsedTime(_started).TotalSeconds, admission.Running, options.MaxRequests),
        new MachineBody(_machine, _limits, options.MeasureMachine is not null, Environment.CpuUsage.TotalTime.TotalSeconds, Environment.WorkingSet),
        [.. metrics.Models.Select(Describe)],
        requests.List(),
        history.After(after));

    ModelStatusBody Describe(ModelMetrics model)
    {
        InferenceEngine? engine = model.Engine?.Invoke();
        return new ModelStatusBody(
            model.Id,
            engine?.ContextLength,
            engine is null ? null : EngineBody.Of(engine.Statistics),
            metrics.Recent(model.Id) is { } recent ? RecentBody.Of(recent) : null);
    }

    Task CancelAsync(HttpContext context)
    {
        string text = (string?)context.GetRouteValue("id") ?? "";
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long id) && requests.TryCancel(id)
            ? WireJson.WriteAsync(context.Response, new CancelledBody(id, "cancelling"), AdminJson.Wire.CancelledBody, context.RequestAborted)
            : throw new ApiException(ApiError.NoSuchRequest());
    }

    async Task MeasureAsync(HttpContext context)
    {
        if (options.MeasureMachine is not { } measure)
        {
            throw new ApiException(ApiError.NoSuchRoute());
        }

        if (!await _measuring.WaitAsync(TimeSpan.Zero, context.RequestAborted))
        {
            throw new ApiException(ApiError.TooManyRequests("The machine is being measured already."));
        }

        try
        {
            MachineLimits limits = await Task.Run(measure, context.RequestAborted);
            _limits = limits;
            await WireJson.WriteAsync(context.Response, limits, AdminJson.Wire.MachineLimits, context.RequestAborted);
        }
        finally
        {
            _measuring.Release();
        }
    }
}
