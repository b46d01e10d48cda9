using System.CommandLine;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm serve: an OpenAI-compatible server over one or more models, until Ctrl-C or SIGTERM.</summary>
sealed class ServeCommand : AutoGlmCommand
{
    const string Sample = "synth:glm4-tiny";

    readonly Argument<string[]> _positional = new("model") { Description = "Models to serve: paths, names on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrMore };
    readonly Option<string[]> _models = new("--model", "-m") { Description = "The same as a flag; may be repeated.", HelpName = "model" };
    readonly Option<string[]> _names = new("--served-model-name")
    {
        Description = "What clients call the model; may be repeated for further names. With several models, one for each in order.",
        HelpName = "name",
    };
    readonly Option<string?> _host = Flags.Text("--host", "address", "Where to listen; 0.0.0.0 lets other machines in. Default: 127.0.0.1.");
    readonly Option<int?> _port = Flags.Int("--port", "Port to listen on; 0 for a free one. Default: 8000.", 0, 65535, "-p");
    readonly Option<bool> _verbose = Flags.Switch("--verbose", "Log every request to standard error. Failures are always logged.");
    readonly Option<bool> _noDashboard = Flags.Switch("--no-dashboard", "Leave out the page at /. The routes under /admin stay.");
    readonly ServingFlags _serving = new();
    readonly EngineFlags _engine = new();

    public ServeCommand(CommandConsole console)
        : base("serve", "Serves models over an OpenAI-compatible API, until Ctrl-C or SIGTERM.", console)
    {
        Add(_positional);
        AddAll([_models, _names, _host, _port, _verbose, _noDashboard, .. _serving.All, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm serve", "Try the API at once, with a small model of random weights whose text is noise:"),
        ("autoglm serve zai-org/glm-4-9b-chat-hf --served-model-name glm-4-9b-chat", "Serve a model of the hub, which is fetched the first time:"),
        ("autoglm serve --model glm-4-9b-chat.Q4_K_M.gguf --host 0.0.0.0 --port 8080 --max-model-len 8192 --max-num-seqs 8", "Serve a model in a file to other machines:"),
        ("autoglm serve --model m.gguf --target-ttft 2s --target-tpot 80ms", "Promise how soon answers begin and how fast they go on, and let the engine choose its batches:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string[] models = [.. arguments.GetValue(_positional) ?? [], .. arguments.GetValue(_models) ?? []];
        string[] names = arguments.GetValue(_names) ?? [];
        if (models.Length > 1 && names.Length > 0 && names.Length != models.Length)
        {
            throw CommandFailedException.Usage($"There are {models.Length} models and {names.Length} values of --served-model-name: give one for each model, or none.");
        }

        if (models.Length > 1 && arguments.GetValue(_serving.StoreFile) is not null)
        {
            throw CommandFailedException.Usage("--prefix-cache-file belongs to one model: serve one, or leave it out");
        }

        bool sample = models.Length == 0;
        AutoInferenceOptions options = _engine.Read(arguments, _serving.Read(arguments)) with { DraftModel = arguments.GetValue(_serving.DraftModel) };

        List<AutoInferenceEngine> engines = [];
        try
        {
            foreach (string model in sample ? [Sample] : models)
            {
                engines.Add(await OpenModel.EngineAsync(model, options, Console, cancellation));
            }

            await ServeAsync(engines, Serve(engines, names.Length > 0 ? names : [.. (sample ? [Sample] : models).Select(NameOf)]), arguments, sample, cancellation);
            return ExitCode.Done;
        }
        finally
        {
            foreach (AutoInferenceEngine engine in engines)
            {
                await engine.DisposeAsync();
            }
        }
    }

    static ServedModel[] Serve(List<AutoInferenceEngine> engines, string[] names) => engines.Count == 1
        ? [engines[0].Served(names[0], names[1..])]
        : [.. engines.Select((engine, i) => engine.Served(names[i]))];

    /// <summary>What clients call a model that nobody named: organisation/model, the shape, or the file's or folder's name.</summary>
    static string NameOf(string model) => ModelName.Parse(model) switch
    {
        ModelName.Hub hub => hub.Reference.Repository,
        ModelName.Synthetic synthetic => synthetic.Shape,
        _ when Directory.Exists(model) => new DirectoryInfo(model).Name,
        _ => Path.GetFileNameWithoutExtension(model),
    };

    async Task ServeAsync(List<AutoInferenceEngine> engines, ServedModel[] models, ParseResult arguments, bool sample, CancellationToken cancellation)
    {
        using ILoggerFactory loggers = Loggers(arguments.GetValue(_verbose) ? LogLevel.Information : LogLevel.Warning);
        ServerOptions options = new()
        {
            Host = arguments.GetValue(_host) ?? "127.0.0.1",
            Port = arguments.GetValue(_port) ?? 8000,
            LoggerFactory = loggers,
            Dashboard = !arguments.GetValue(_noDashboard),
            Machine = ServingMachine.Look(),
            MeasureMachine = ServingMachine.Measure,
        };
        await using AutoGlmServer server = new(options, models);
        try
        {
            await server.StartAsync(cancellation);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            throw new CommandFailedException($"{options.Host}:{options.Port} cannot be listened on: {exception.Message} Choose another with --port, or 0 for a free one.", inner: exception);
        }

        Announce(engines, models, server.Urls.First(), sample);
        await WaitAsync(cancellation);
        Console.Note("Stopping: no further requests, running answers may finish. Ctrl-C again stops at once.");
        await server.StopAsync(CancellationToken.None);
        Console.Note("Stopped.");
    }

    ILoggerFactory Loggers(LogLevel least) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(least);
        logging.AddSimpleConsole(format =>
        {
            format.SingleLine = true;
            format.TimestampFormat = "HH:mm:ss ";
            format.ColorBehavior = Console.Colours && Console.ErrorIsTerminal ? LoggerColorBehavior.Default : LoggerColorBehavior.Disabled;
        });
        logging.Services.Configure<ConsoleLoggerOptions>(target => target.LogToStandardErrorThreshold = LogLevel.Trace);
    });

    void Announce(List<AutoInferenceEngine> engines, ServedModel[] models, string url, bool sample)
    {
        for (int i = 0; i < models.Length; i++)
        {
            if (engines[i].Engine.Statistics.Prefixes.Store?.Problem is { } problem)
            {
                Console.Note($"{models[i].Id}: no second tier for known prefixes: {problem}");
            }

            Console.Note($"{models[i].Id} · {engines[i].Backend.Description} · context {engines[i].Engine.ContextLength:N0} tokens · {Units.Bytes(engines[i].Engine.KvBytes)} for keys and values");
        }

        if (sample)
        {
            Console.Note("Its weights are random, so its text is noise: good for trying the API only.");
            Console.Note("A real model: autoglm serve organisation/model, or autoglm serve FILE.gguf");
        }

        Console.Output.WriteLine($"Listening on {url}/v1");
        Console.Note("");
        Console.Note($"curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\");
        Console.Note($"  -d '{{\"model\": \"{models[0].Id}\", \"max_tokens\": 32,");
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
