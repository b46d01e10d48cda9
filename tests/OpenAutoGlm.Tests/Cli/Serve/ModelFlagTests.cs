using System.CommandLine;
using OpenAutoGlm.Models;
using OpenAutoGlm.Server.Models;

namespace OpenAutoGlm.Cli.Serve;

public sealed class ModelFlagTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ModelFlags _flags = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_stands_for_every_model_in_it()
    {
        _folder.Write("b.gguf", "");
        _folder.Write("large-00001-of-00002.gguf", "");
        _folder.Write("large-00002-of-00002.gguf", "");
        _folder.Write("mmproj-b.gguf", "");
        _folder.Write("notes.txt", "");
        Directory.CreateDirectory(_folder.File("hf"));
        _folder.Write("hf/config.json", "{}");
        _folder.Write("hf/model.safetensors", "");
        Directory.CreateDirectory(_folder.File("empty"));
        List<ServeEntry> entries = _flags.Entries(Parse(), [_folder.Root]);
        Assert.Equal(["b", "hf", "large"], entries.Select(entry => entry.Name));
        Assert.Equal([_folder.File("b.gguf"), _folder.File("hf"), _folder.File("large-00001-of-00002.gguf")], entries.Select(entry => entry.Source));
        Assert.Empty(_flags.Preloaded(Parse(), entries));
        Assert.Equal(["b", "hf", "large"], _flags.Preloaded(Parse("--preload", "all"), entries));
        Assert.Equal(["hf"], _flags.Preloaded(Parse("--preload", "hf"), entries));
    }

    [Fact]
    public void A_folder_that_is_a_model_is_one()
    {
        _folder.Write("only.gguf", "");
        ServeEntry entry = Assert.Single(_flags.Entries(Parse(), [_folder.Root]));
        Assert.Equal((_folder.Root, new DirectoryInfo(_folder.Root).Name, false), (entry.Source, entry.Name, entry.IsFromFolder));
        Assert.Equal([entry.Name], _flags.Preloaded(Parse(), [entry]));
    }

    [Fact]
    public void Names_aliases_and_pins_find_their_models()
    {
        ParseResult arguments = Parse("--alias", "x=synth-b", "--alias", "y=x", "--pin", "y", "--served-model-name", "a", "--served-model-name", "synth-b");
        List<ServeEntry> entries = _flags.Entries(arguments, ["synth:glm4-tiny", "synth:llama-tiny"]);
        Assert.Equal(["a", "synth-b"], entries.Select(entry => entry.Name));
        Assert.Equal(["x", "y"], entries[1].Aliases);
        Assert.Equal(["a", "synth-b"], _flags.Preloaded(arguments, entries));
        Assert.Equal(["org/model"], _flags.Entries(Parse(), ["org/model"]).Select(entry => entry.Name));
        Assert.Equal(["second", "third"], _flags.Entries(Parse("--served-model-name", "first", "--served-model-name", "second", "--served-model-name", "third"), ["synth:glm4-tiny"])[0].Aliases);
    }

    [Theory]
    [InlineData("both be called 'glm4-tiny'", "synth:glm4-tiny", "synth:glm4-tiny:f32")]
    [InlineData("2 models and 1 values of --served-model-name", "synth:glm4-tiny", "synth:llama-tiny", "--served-model-name", "a")]
    [InlineData("--alias takes name=model, and 'x' is none", "synth:glm4-tiny", "--alias", "x")]
    [InlineData("--alias names the model 'b', but there are only 'glm4-tiny'", "synth:glm4-tiny", "--alias", "a=b")]
    [InlineData("--pin names the model 'b'", "synth:glm4-tiny", "--pin", "b")]
    [InlineData("--preload names the model 'b'", "synth:glm4-tiny", "--preload", "b")]
    [InlineData("--swap-folder takes a folder, and '/nowhere' is none", "synth:glm4-tiny", "--swap-folder", "/nowhere")]
    [InlineData("--idle-unload takes a time from 1s", "synth:glm4-tiny", "--idle-unload", "10ms")]
    [InlineData("'nowhere.gguf' is no file or folder", "synth:glm4-tiny", "nowhere.gguf")]
    public async Task What_makes_no_sense_is_refused_before_anything_is_loaded(string message, params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(["serve", .. arguments]);
        Assert.NotEqual(ExitCode.Done, run.Code);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_models_share_what_the_machine_has()
    {
        Assert.Null(_flags.Limits(Parse(), 1).MemoryBytes);
        Assert.True(_flags.Limits(Parse(), 2).MemoryBytes > 1 << 20);
        ModelLimits limits = _flags.Limits(Parse("--models-memory", "12GiB", "--idle-unload", "10m"), 2);
        Assert.Equal((12L << 30, TimeSpan.FromMinutes(10)), (limits.MemoryBytes, limits.IdleUnload!.Value));
    }

    ParseResult Parse(params string[] arguments)
    {
        Command command = new("serve");
        foreach (Option option in _flags.All)
        {
            command.Add(option);
        }

        ParseResult result = command.Parse(arguments);
        Assert.Empty(result.Errors);
        return result;
    }
}
