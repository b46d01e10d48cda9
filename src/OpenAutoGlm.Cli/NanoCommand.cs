using System.CommandLine;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Optimization.Training.Nano;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm nano: what the built-in model is made from.</summary>
sealed class NanoCommand : AutoGlmCommand
{
    public NanoCommand(CommandConsole console)
        : base("nano", "Makes what the built-in model is trained and measured with.", console)
    {
        Add(new NanoDataCommand(console));
        Add(new NanoTasksCommand(console));
        Add(new NanoStartCommand(console));
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm nano start start.gguf", "Write the model as it is before training, with its vocabulary:"),
        ("autoglm nano data nano.jsonl --count 200000", "Write conversations to train it on:"),
        ("autoglm nano tasks nano-tasks", "Write what it is measured with:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation) =>
        throw CommandFailedException.Usage("nano needs to know what to make: autoglm nano data FILE, autoglm nano tasks FOLDER, or autoglm nano start FILE");
}

/// <summary>autoglm nano data: conversations, one JSON object a line.</summary>
sealed class NanoDataCommand : AutoGlmCommand
{
    readonly Argument<string> _file = new("file") { Description = "The JSONL file to write." };
    readonly Option<int?> _seed = Flags.Int("--seed", "Where the random numbers begin; the same seed gives the same file. Default: 1.", 0, int.MaxValue);
    readonly Option<int?> _count = Flags.Int("--count", "Conversations. Default: 100000.", 1, 10_000_000);
    readonly Option<bool> _heldOut = Flags.Switch("--held-out", "Names, phrasings and numbers that training never sees.");
    readonly Option<int[]?> _mix = Flags.Counts("--mix", $"Of a hundred conversations: phone actions, calculations, lists to find elements in, and perhaps requests that compare two apps; the rest is talk. Default: {NanoMix.Default.Phone},{NanoMix.Default.Arithmetic},{NanoMix.Default.Find}.");

    public NanoDataCommand(CommandConsole console)
        : base("data", "Writes conversations that the built-in model is trained on, as made by rules.", console)
    {
        Add(_file);
        AddAll(_seed, _count, _heldOut, _mix);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm nano data nano.jsonl --seed 1 --count 200000", "Write the training data:"),
        ("autoglm nano data valid.jsonl --held-out --count 500", "Write data to watch the training with:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string path = arguments.GetValue(_file)!;
        NanoMix mix = arguments.GetValue(_mix) switch
        {
            null or [] => NanoMix.Default,
            [var phone, var arithmetic, var find] when phone + arithmetic + find <= 100 => new NanoMix(phone, arithmetic, find),
            [var phone, var arithmetic, var find, var apps] when phone + arithmetic + find + apps <= 100 => new NanoMix(phone, arithmetic, find, apps),
            _ => throw CommandFailedException.Usage("--mix takes three or four numbers that are at most 100 together, such as 45,32,15"),
        };
        NanoSplit split = arguments.GetValue(_heldOut) ? NanoSplit.HeldOut : NanoSplit.Train;
        IEnumerable<NanoExample> examples = NanoData.Generate((ulong)(arguments.GetValue(_seed) ?? 1), split, mix).Take(arguments.GetValue(_count) ?? 100_000);
        using (FileStream stream = File.Create(path))
        using (BufferedStream buffer = new(stream, 1 << 16))
        {
            NanoData.Write(buffer, examples.TakeWhile(_ => !cancellation.IsCancellationRequested));
        }

        cancellation.ThrowIfCancellationRequested();
        Console.Output.WriteLine(path);
        return Task.FromResult(ExitCode.Done);
    }
}

/// <summary>autoglm nano tasks: held-out questions, a JSONL file for each ability.</summary>
sealed class NanoTasksCommand : AutoGlmCommand
{
    readonly Argument<string> _folder = new("folder") { Description = "Where the JSONL files go; made where it is not there." };
    readonly Option<int?> _count = Flags.Int("--count", "Questions of each task. Default: 500.", 1, 1_000_000);

    public NanoTasksCommand(CommandConsole console)
        : base("tasks", "Writes tasks for autoglm eval: names, phrasings and numbers that training never sees.", console)
    {
        Add(_folder);
        AddAll(_count);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm nano tasks nano-tasks --count 1000", "Write phone, arithmetic, arithmetic-silent and talk, a thousand questions each:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string folder = arguments.GetValue(_folder)!;
        Directory.CreateDirectory(folder);
        foreach (string name in NanoTasks.Names)
        {
            cancellation.ThrowIfCancellationRequested();
            string path = Path.Combine(folder, name + ".jsonl");
            using FileStream stream = File.Create(path);
            NanoTasks.Write(stream, NanoTasks.Questions(name).Take(arguments.GetValue(_count) ?? 500));
            Console.Output.WriteLine(path);
        }

        return Task.FromResult(ExitCode.Done);
    }
}

/// <summary>autoglm nano start: the model before its training.</summary>
sealed class NanoStartCommand : AutoGlmCommand
{
    readonly Argument<string> _file = new("file") { Description = "The GGUF file to write." };
    readonly Option<int?> _seed = Flags.Int("--seed", "Where the random weights begin; the same seed gives the same file. Default: 1.", 0, int.MaxValue);

    public NanoStartCommand(CommandConsole console)
        : base("start", "Writes the built-in model as it is before training: its vocabulary, and random weights.", console)
    {
        Add(_file);
        AddAll(_seed);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples => [("autoglm nano start start.gguf --seed 1", "Write it:")];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string path = arguments.GetValue(_file)!;
        NanoStart.Write(path, (ulong)(arguments.GetValue(_seed) ?? 1), cancellation);
        Console.Output.WriteLine(path);
        return Task.FromResult(ExitCode.Done);
    }
}
