using System.CommandLine;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Serve;
using OpenAutoGlm.Server;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm serve: an OpenAI-compatible server over one or more models, until Ctrl-C or SIGTERM.</summary>
sealed class ServeCommand : AutoGlmCommand
{
    const string ModelLogCategory = "OpenAutoGlm.Server.Models";

    readonly Argument<string[]> _positional = new("model") { Description = "Models to serve: paths, folders of models, names on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrMore };
    readonly Option<string[]> _models = new("--model", "-m") { Description = "The same as a flag; may be repeated.", HelpName = "model" };
    readonly Option<string?> _host = Flags.Text("--host", "address", "Where to listen; 0.0.0.0 lets other machines in. Default: 127.0.0.1.");
    readonly Option<int?> _port = Flags.Int("--port", "Port to listen on; 0 for a free one. Default: 8000.", 0, 65535, "-p");
    readonly Option<bool> _verbose = Flags.Switch("--verbose", "Log every request to standard error. Failures are always logged.");
    readonly Option<bool> _noDashboard = Flags.Switch("--no-dashboard", "Leave out the page at /. The routes under /admin stay.");
    readonly ModelFlags _held = new();
    readonly OperationFlags _operations = new();
    readonly ServingFlags _serving = new();
    readonly EngineFlags _engine = new();
    readonly FilesFlags _files = new();
    volatile bool _listening;

    public ServeCommand(CommandConsole console)
        : base("serve", "Serves models over an OpenAI-compatible API, until Ctrl-C or SIGTERM.", console)
    {
        Add(_positional);
        AddAll([_models, .. _held.All, _host, _port, _verbose, _noDashboard, .. _operations.All, .. _serving.All, .. _engine.All, .. _files.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm serve", "Try the API at once, with the small model that is built in:"),
        ("autoglm serve zai-org/glm-4-9b-chat-hf --served-model-name glm-4-9b-chat", "Serve a model of the hub, which is fetched the first time:"),
        ("autoglm serve --model glm-4-9b-chat.Q4_K_M.gguf --host 0.0.0.0 --port 8080 --max-model-len 8192 --max-num-seqs 8", "Serve a model in a file to other machines:"),
        ("autoglm serve models --models-memory 12GiB --idle-unload 10m --alias default=glm-4-9b", "Serve every model of a folder, each loaded when it is asked for:"),
        ("autoglm serve m.gguf --host 0.0.0.0 --api-keys keys.json --tls-cert server.pem", "Let in who has a key, over TLS:"),
        ("autoglm serve --model m.gguf --target-ttft 2s --target-tpot 80ms", "Promise how soon answers begin and how fast they go on, and let the engine choose its batches:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string[] given = [.. arguments.GetValue(_positional) ?? [], .. arguments.GetValue(_models) ?? []];
        List<ServeEntry> entries = _held.Entries(arguments, given.Length == 0 ? [BuiltInModel.Name] : given);
        IReadOnlyList<string> preloaded = _held.Preloaded(arguments, entries);
        ModelLimits limits = _held.Limits(arguments, entries.Count);
        AutoInferenceOptions options = _engine.Read(arguments, _serving.Read(arguments)) with { DraftModel = arguments.GetValue(_serving.DraftModel) };
        StatusLine status = new(Console);
        List<ModelOnDemand> models = [];
        foreach (ServeEntry entry in entries)
        {
            // Who names a file that is not there should hear it now, and who waits for a fetch should see how far it is.
            string path = preloaded.Contains(entry.Name) || ModelName.Parse(entry.Source) is ModelName.Path
                ? await OpenModel.LocateAsync(entry.Source, options.Hub, Console, cancellation)
                : entry.Source;
            PretrainedLoader loader = new(path, options, limits.MemoryBytes)
            {
                Source = entry.Source,
                StoreName = entries.Count > 1 ? entry.Name : null,
                Opened = engine => Introduce(entry.Name, engine),
                Progressed = progress => Show(status, entry.Name, progress),
            };
            models.Add(new ModelOnDemand(entry.Name, loader) { Aliases = entry.Aliases, Pinned = entry.IsPinned });
        }

        await ServeAsync(models, preloaded, limits, status, arguments, given.Length == 0, cancellation);
        return ExitCode.Done;
    }

    async Task ServeAsync(
        IReadOnlyList<ModelOnDemand> models, IReadOnlyList<string> preloaded, ModelLimits limits, StatusLine status, ParseResult arguments, bool isDefault, CancellationToken cancellation)
    {
        using ILoggerFactory loggers = Loggers(arguments);
        ServerOptions asked = new()
        {
            Host = arguments.GetValue(_host) ?? "127.0.0.1",
            Port = arguments.GetValue(_port) ?? 8000,
            LoggerFactory = loggers,
            Models = limits,
            Dashboard = !arguments.GetValue(_noDashboard),
            Machine = ServingMachine.Look(),
            MeasureMachine = ServingMachine.Measure,
        };
        using ServeOperations operations = _operations.Open(arguments, asked, loggers);
        ServerOptions options = _files.Read(arguments, operations.Options);
        await using AutoGlmServer server = Create(options, models);
        foreach (string name in preloaded)
        {
            try
            {
                await server.LoadAsync(name, cancellation);
            }
            finally
            {
                status.End();
            }
        }

        ProcessMemory.ReturnGarbage();
        foreach (ModelOnDemand model in models.Where(model => !preloaded.Contains(model.Id)))
        {
            Console.Note($"{model.Id} · loaded when it is asked for{(model.Loader.Known is { } known ? $" · {Units.Bytes(known.MemoryBytes)}" : "")}");
        }

        try
        {
            await server.StartAsync(cancellation);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            throw new CommandFailedException($"{options.Host}:{options.Port} cannot be listened on: {exception.Message} Choose another with --port, or 0 for a free one.", inner: exception);
        }

        _listening = true;
        Announce(models[0].Id, server.Urls.First(), isDefault);
        await WaitAsync(cancellation);
        Console.Note("Stopping: no further requests, running answers may finish. Ctrl-C again stops at once.");
        await server.StopAsync(CancellationToken.None);
        _listening = false;
        Console.Note("Stopped.");
    }

    static AutoGlmServer Create(ServerOptions options, IReadOnlyList<ModelOnDemand> models)
    {
        try
        {
            return new AutoGlmServer(options, models);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(exception.Message, inner: exception);
        }
    }

    /// <summary>Shows how far a load is that is waited for. Once the server listens, the log does.</summary>
    void Show(StatusLine status, string name, LoadProgress progress)
    {
        if (!_listening)
        {
            status.Say($"{name}: {progress.Stage}{(progress.Fraction is { } fraction ? $" {fraction:0 %}" : "")}");
        }
    }

    void Introduce(string name, AutoInferenceEngine engine)
    {
        OpenModel.NotePlan(engine, Console);
        if (engine.Engine.Statistics.Prefixes.Store?.Problem is { } problem)
        {
            Console.Note($"{name}: no second tier for known prefixes: {problem}");
        }

        Console.Note($"{name} · {engine.Backend.Description} · context {engine.Engine.ContextLength:N0} tokens · {Units.Bytes(engine.Engine.KvBytes)} for keys and values");
    }

    ILoggerFactory Loggers(ParseResult arguments) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(arguments.GetValue(_verbose) ? LogLevel.Information : LogLevel.Warning);
        logging.AddFilter(ModelLogCategory, _ => _listening); // before and after, the command itself tells of loads and their faults
        _operations.AddConsole(logging, arguments, Console);
    });

    void Announce(string model, string url, bool isDefault)
    {
        if (isDefault)
        {
            Console.Note($"{BuiltInModel.Name} is built in and tiny: it chooses phone actions and does small calculations, and says so when asked.");
            Console.Note("A larger model: autoglm serve organisation/model, or autoglm serve FILE.gguf");
        }

        Console.Output.WriteLine($"Listening on {url}/v1");
        Console.Note("");
        Console.Note($"curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\");
        Console.Note($"  -d '{{\"model\": \"{model}\", \"max_tokens\": 32,");
        Console.Note("       \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'");
        Console.Note("");
    }

    static async Task WaitAsync(CancellationToken cancellation)
    {
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = cancellation.Register(asked.SetResult);
        await asked.Task;
    }
}
