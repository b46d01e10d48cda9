using System.Net;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OpenAutoGlm.Server.Access;
using OpenAutoGlm.Server.Admin;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Anthropic;
using OpenAutoGlm.Server.Batches;
using OpenAutoGlm.Server.Dashboard;
using OpenAutoGlm.Server.Embeddings;
using OpenAutoGlm.Server.Metrics;
using OpenAutoGlm.Server.Models;
using OpenAutoGlm.Server.Ollama;
using OpenAutoGlm.Server.OpenAi;
using OpenAutoGlm.Server.OpenAi.ResponsesApi;
using OpenAutoGlm.Server.OpenApi;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Tokens;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server;

/// <summary>
/// Serves models over HTTP as the OpenAI API has it. It reads no settings but its options: no files, no environment.
/// A <see cref="ServedModel"/> and its engine stay the caller's and must live longer; what a <see cref="ModelOnDemand"/> loads is the server's.
/// </summary>
public sealed class AutoGlmServer : IAsyncDisposable
{
    readonly ServerOptions _options;
    readonly ModelPool _pool;
    readonly ModelDirectory _models;
    readonly Admission _admission;
    readonly ServerMetrics _metrics;
    readonly RunningRequests _requests;
    readonly History _history;
    readonly Callers? _callers;
    readonly OfflineWork _offline;
    readonly WebApplication _application;
    readonly ILogger _logger;
    readonly Lock _lock = new();
    Task? _stopped;

    /// <summary>Puts a server together; it listens after <see cref="StartAsync"/>.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, there is no model, or two share a name.</exception>
    /// <exception cref="IOException">The files folder cannot be made, or another server uses it.</exception>
    public AutoGlmServer(ServerOptions options, params IReadOnlyList<ServedModel> models)
        : this(options, models.Select(model => new ModelSlot(model)))
    {
    }

    /// <summary>Puts together a server of models that are loaded when they are asked for, within <see cref="ServerOptions.Models"/>.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, there is no model, or two share a name.</exception>
    public AutoGlmServer(ServerOptions options, IReadOnlyList<ModelOnDemand> models)
        : this(options, models.Select(model => new ModelSlot(model)))
    {
    }

    AutoGlmServer(ServerOptions options, IEnumerable<ModelSlot> slots)
    {
        IPAddress? address = options.Validate();
        _options = options;
        _admission = new Admission(options.MaxRequests);
        _metrics = new ServerMetrics(options.TimeProvider);
        _requests = new RunningRequests(options.TimeProvider);
        _history = new History(_metrics, options.TimeProvider);
        ILoggerFactory loggers = options.LoggerFactory ?? NullLoggerFactory.Instance;
        _logger = loggers.CreateLogger("OpenAutoGlm.Server");
        _callers = options.Keys is null ? null : new Callers(options.Keys, options.TimeProvider);
        _offline = new OfflineWork(options, _admission, _callers, _logger, () => Endpoints);
        _pool = new ModelPool(slots, options.Models, options.TimeProvider, loggers.CreateLogger("OpenAutoGlm.Server.Models"))
        {
            Appeared = model => model.Watch(_metrics, options.RequestTimeout),
            Disappeared = _metrics.Forget,
        };
        _models = new ModelDirectory(_pool, _admission.CutOff);
        _application = Build(address, loggers);
        UseMiddleware(loggers);
        Map();
    }

    /// <summary>What the server has counted.</summary>
    internal ServerMetrics Metrics => _metrics;

    /// <summary>Where the server listens, such as http://127.0.0.1:8000; empty before <see cref="StartAsync"/>.</summary>
    public IReadOnlyCollection<string> Urls => [.. _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []];

    /// <summary>Loads a model before anybody asks for it; returns at once where it is loaded. Throws what its loader throws.</summary>
    /// <param name="name">Any of its names.</param>
    /// <param name="cancellation">Ends the waiting, and the load where nobody else waits for it.</param>
    /// <exception cref="ArgumentException">No model has this name.</exception>
    public Task LoadAsync(string name, CancellationToken cancellation = default) => _models.Names.Contains(name)
        ? _pool.LoadAsync(_models.Find(name), keep: false, cancellation)
        : throw new ArgumentException($"There is no model '{name}' here, but {string.Join(", ", _models.Names)}.", nameof(name));

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">The port is taken.</exception>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        await _application.StartAsync(cancellation);
        _offline.Start();
        _metrics.Start();
        _history.Start();
        ServerLog.Started(_logger, string.Join(", ", _models.Names), string.Join(", ", Urls));
    }

    /// <summary>
    /// Takes no further requests, lets the running ones go on for <see cref="ServerOptions.DrainTimeout"/>, then cancels
    /// them, and completes when nothing is left. Any number of calls; the first decides.
    /// </summary>
    /// <param name="cancellation">Ends the patience early.</param>
    public Task StopAsync(CancellationToken cancellation = default)
    {
        lock (_lock)
        {
            return _stopped ??= DrainAndStopAsync(cancellation);
        }
    }

    /// <summary>Starts, and stops when the token fires or the process is asked to end (SIGTERM, SIGINT); asked twice, at once.</summary>
    public async Task RunAsync(CancellationToken cancellation = default)
    {
        TaskCompletionSource ask = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenSource again = new();
        void Heed(PosixSignalContext signal)
        {
            signal.Cancel = true;
            if (!ask.TrySetResult())
            {
                again.Cancel();
            }
        }

        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Heed);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Heed);
        using CancellationTokenRegistration asked = cancellation.Register(() => ask.TrySetResult());
        await StartAsync(CancellationToken.None);
        await ask.Task;
        await StopAsync(again.Token);
    }

    /// <summary>Stops as <see cref="StopAsync"/> does and frees what the server holds.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _application.DisposeAsync();
        await _offline.DisposeAsync();
        await _pool.DisposeAsync();
        _admission.Dispose();
        _metrics.Dispose();
        _history.Dispose();
    }

    /// <summary>All routes that are mapped.</summary>
    internal IEnumerable<RouteEndpoint> Endpoints => OpenApiRoute.Endpoints(_application);

    WebApplication Build(IPAddress? address, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = "OpenAutoGlm.Server",
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = Environments.Production,
        });
        builder.Configuration.Sources.Clear();
        builder.Services.AddSingleton<ILoggerFactory>(new WarningsOnly(loggers));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Configure(kestrel, address));
        return builder.Build();
    }

    void Configure(KestrelServerOptions kestrel, IPAddress? address)
    {
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;
        limits.MaxRequestBodySize = _options.MaxBodyBytes;
        limits.MaxConcurrentConnections = _options.MaxConnections;
        limits.RequestHeadersTimeout = _options.HeaderTimeout;
        limits.KeepAliveTimeout = _options.IdleTimeout;
        MinDataRate? rate = _options.MinDataRate > 0 ? new(_options.MinDataRate, _options.DataRatePatience) : null;
        limits.MinRequestBodyDataRate = rate;
        limits.MinResponseDataRate = rate;
        if (address is null)
        {
            kestrel.ListenAnyIP(_options.Port, Configure);
        }
        else
        {
            kestrel.Listen(address, _options.Port, Configure);
        }
    }

    void Configure(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http1;
        if (_options.Certificate is { } certificate)
        {
            listen.Protocols = HttpProtocols.Http1AndHttp2;
            listen.UseHttps(certificate);
        }
    }

    /// <summary>What every request goes through before its route, in this order.</summary>
    void UseMiddleware(ILoggerFactory loggers)
    {
        ILogger audit = loggers.CreateLogger("OpenAutoGlm.Audit");
        _application.Use(next => new RequestTracking(next, _logger, _metrics.Requests, _options.TimeProvider).InvokeAsync);
        _application.Use(next => new AuditLog(next, audit).InvokeAsync);
        if (!_options.CorsOrigins.IsEmpty)
        {
            _application.Use(next => new CrossOrigin(next, _options.CorsOrigins).InvokeAsync);
        }

        _application.Use(_requests.WatchAsync);
        _application.Use(next => new ErrorResponses(next, _logger, _options).InvokeAsync);
        _application.Use(next => new KeyGate(next, _options, _callers).InvokeAsync);
    }

    void Map()
    {
        _models.Map(_application);
        new AdminModelRoutes(_models, _options.Models).Map(_application);
        StatusRoutes.Map(_application, _admission, () => _metrics.Models.Any(model => model.Engine?.Invoke() is { HasFailed: true }));
        new MetricsPage(_metrics, _admission).Map(_application);
        new AdminRoutes(_options, _metrics, _admission, _requests, _history).Map(_application);
        if (_options.Dashboard)
        {
            DashboardPage.Map(_application);
        }

        TextFlow flow = new(_models, _admission, _options, _logger);
        ModelFlow modelFlow = new(_models, _admission);
        OpenAiRoutes.Map(_application, flow);
        ResponseStore responses = new(_options.StoredResponses, _options.StoredResponseBytes, _options.StoredResponseLifetime, _options.TimeProvider);
        new ResponsesRoutes(responses).Map(_application, flow);
        AnthropicRoutes.Map(_application, flow, modelFlow);
        new OllamaRoutes(_models, _options.TimeProvider).Map(_application, flow);
        EmbeddingRoute.Map(_application, modelFlow);
        TokenRoutes.Map(_application, modelFlow);
        _offline.Map(_application);
        OpenApiRoute.Map(_application);
    }

    async Task DrainAndStopAsync(CancellationToken impatience)
    {
        _admission.Close();
        ServerLog.Stopping(_logger, _admission.Running, _options.DrainTimeout.TotalSeconds);
        using CancellationTokenSource cut = new();
        Task stopped = _application.StopAsync(cut.Token);
        await _offline.StopAsync();
        if (!await EndsWithinAsync(stopped, _options.DrainTimeout, impatience))
        {
            ServerLog.CutOff(_logger, _admission.Running);
            _admission.SendAway();
            if (!await EndsWithinAsync(stopped, _options.Farewell, CancellationToken.None))
            {
                await cut.CancelAsync();
            }
        }

        await stopped;
    }

    async Task<bool> EndsWithinAsync(Task task, TimeSpan time, CancellationToken impatience)
    {
        await ((Task)Task.WhenAny(task, Task.Delay(time, _options.TimeProvider, impatience))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompleted;
    }

    /// <summary>Leaves the process's signals alone: a library has no business with them unless asked (<see cref="RunAsync"/>).</summary>
    sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
