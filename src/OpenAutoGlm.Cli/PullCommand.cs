using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Pull;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm pull: fetches a model into the cache.</summary>
sealed class PullCommand : AutoGlmCommand
{
    readonly Argument<string> _name = new("model") { Description = "organisation/model, with @revision (branch, tag or commit) or without." };
    readonly Option<string[]> _include = new("--include") { Description = "Pattern of files to fetch instead of the usual ones; may be repeated.", HelpName = "pattern" };
    readonly Option<string[]> _exclude = new("--exclude") { Description = "Pattern of files to leave out; may be repeated.", HelpName = "pattern" };
    readonly HubFlags _hub = new();
    readonly Option<bool> _json = Flags.Json();

    public PullCommand(CommandConsole console)
        : base("pull", "Fetches a model into the cache; goes on where it was broken off.", console)
    {
        Add(_name);
        AddAll([_include, _exclude, .. _hub.All, _json]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm pull zai-org/glm-edge-1.5b-chat", "Fetch what a model needs: weights, configuration, tokenizer:"),
        ("autoglm pull someone/GLM-4-9B-0414-GGUF --include \"*Q4_K_M*.gguf\"", "Fetch one of several GGUF files:"),
        ("autoglm pull zai-org/GLM-4-9B-0414@main --endpoint https://hf-mirror.com", "Fetch from a mirror:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        HubReference reference = HubReference.Parse(arguments.GetValue(_name)!);
        HubSelection selection = new() { Include = arguments.GetValue(_include) ?? [], Exclude = arguments.GetValue(_exclude) ?? [] };
        HubSnapshot snapshot = await PullProgress.ShowAsync(reference.ToString(), Console, progress => PullAsync(reference, selection, _hub.Read(arguments), progress, cancellation));
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(ToJson(snapshot));
        }
        else
        {
            Console.Note($"{snapshot.Repository} at {snapshot.Commit}: {snapshot.Files.Count} files, {Units.Bytes(snapshot.Bytes)}");
            Console.Output.WriteLine(snapshot.Folder);
        }

        return ExitCode.Done;
    }

    static async Task<HubSnapshot> PullAsync(HubReference reference, HubSelection selection, HubOptions options, IProgress<HubProgress> progress, CancellationToken cancellation)
    {
        using HubClient client = new(options);
        return await client.PullAsync(reference, selection, progress, cancellation);
    }

    static JsonObject ToJson(HubSnapshot snapshot) => new()
    {
        ["repository"] = snapshot.Repository,
        ["commit"] = snapshot.Commit,
        ["folder"] = snapshot.Folder,
        ["bytes"] = snapshot.Bytes,
        ["files"] = new JsonArray([.. snapshot.Files.Select(file => (JsonNode)new JsonObject { ["path"] = file.Path, ["bytes"] = file.Size, ["digest"] = file.Digest })]),
    };
}
