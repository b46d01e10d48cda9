using System.CommandLine;
using System.Text;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Server.Access;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm keys: what has to do with the keys of a server.</summary>
sealed class KeysCommand : AutoGlmCommand
{
    public KeysCommand(CommandConsole console)
        : base("keys", "Makes keys for a server.", console) => Add(new NewKeyCommand(console));

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm keys new alice --file keys.json", "Make a key for Alice, add it to a file and print it:"),
        ("autoglm keys new prometheus --role monitor", "Make a key that reads the metrics and nothing else, and print the line for a file:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation) =>
        throw CommandFailedException.Usage("keys needs to know what to do: autoglm keys new NAME");
}

/// <summary>autoglm keys new: makes a key, prints it once, and keeps its hash only.</summary>
sealed class NewKeyCommand : AutoGlmCommand
{
    readonly Argument<string> _name = new("name") { Description = "Who gets it, for logs, metrics and fairness: letters, digits and - _ . @" };
    readonly Option<string?> _role = Flags.OneOf("--role", "What it opens: user the models, monitor the metrics, admin everything. Default: user.", "user", "monitor", "admin");
    readonly Option<int?> _requests = Flags.Int("--requests-per-minute", "Requests a minute. Default: no limit.", 1, int.MaxValue);
    readonly Option<int?> _tokens = Flags.Int("--tokens-per-minute", "Tokens a minute, read and written together. Default: no limit.", 1, int.MaxValue);
    readonly Option<int?> _priority = Flags.Int("--priority", "How urgent its requests are; smaller numbers go first. Default: 0.", int.MinValue, int.MaxValue);
    readonly Option<string[]> _models = new("--allow-model") { Description = "A model that it may use; may be repeated. Default: all.", HelpName = "id" };
    readonly Option<bool> _ownCache = Flags.Switch("--own-cache", "Keep its cached prefixes apart from everybody else's.");
    readonly Option<string?> _file = Flags.Text("--file", "path", "Add it to this file of keys, which is made where there is none. Default: print the line for it.");

    public NewKeyCommand(CommandConsole console)
        : base("new", "Makes a key, prints it once, and keeps its hash only.", console)
    {
        Add(_name);
        AddAll([_role, _requests, _tokens, _priority, _models, _ownCache, _file]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm keys new alice --requests-per-minute 60 --tokens-per-minute 100000 --file keys.json", "Make a key with limits and add it to a file:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string shown = ApiKey.Generate();
        ApiKey key = ApiKey.Of(arguments.GetValue(_name)!, shown) with
        {
            Role = KeyFile.ParseRole(arguments.GetValue(_role) ?? "user")!.Value,
            RequestsPerMinute = arguments.GetValue(_requests),
            TokensPerMinute = arguments.GetValue(_tokens),
            Priority = arguments.GetValue(_priority) ?? 0,
            Models = [.. arguments.GetValue(_models) ?? []],
            OwnCache = arguments.GetValue(_ownCache),
        };
        if (arguments.GetValue(_file) is { } path)
        {
            await AddAsync(path, key, cancellation);
            Console.Note($"{path} has its hash. This is the key; it is shown once:");
            Console.Output.WriteLine(shown);
        }
        else
        {
            Console.Note("This is the key; it is shown once. Below it is the line for a file: {\"keys\": [LINE, …]}");
            Console.Output.WriteLine(shown);
            Console.Output.WriteLine(KeyFile.Line(key));
        }

        return ExitCode.Done;
    }

    /// <summary>Writes the file anew beside the old one and puts it in its place, so that a server that reads it sees one or the other.</summary>
    static async Task AddAsync(string path, ApiKey key, CancellationToken cancellation)
    {
        ApiKey[] keys = [.. File.Exists(path) ? KeyFile.Read(path) : [], key];
        if (keys.SkipLast(1).Any(other => other.Name == key.Name))
        {
            throw new CommandFailedException($"{path} has a key named '{key.Name}' already: choose another name, or take the old one out first.");
        }

        string written = $"{path}.{Environment.ProcessId}.new";
        FileStreamOptions access = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            access.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using (FileStream stream = new(written, access))
        {
            string text = "{\"keys\": [\n  " + string.Join(",\n  ", keys.Select(KeyFile.Line)) + "\n]}\n";
            await stream.WriteAsync(Encoding.UTF8.GetBytes(text), cancellation);
        }

        File.Move(written, path, overwrite: true);
    }
}
