namespace OpenAutoGlm.Models.Hub;

public class HubSelectionTests
{
    static readonly HubReference Reference = HubReference.Parse("org/model");

    [Fact]
    public void The_default_takes_weights_configuration_tokenizer_and_templates()
    {
        string[] wanted = ["model-00001-of-00002.safetensors", "model.safetensors.index.json", "config.json", "tokenizer.model", "merges.txt", "chat_template.jinja", "vision/model.safetensors"];
        Assert.Equal(wanted, Choose(HubSelection.Default, [.. wanted, "README.md", "pytorch_model.bin", "model.onnx", "run.py", "model.Q4_K.gguf"]));
    }

    [Fact]
    public void Patterns_include_and_exclude()
    {
        string[] files = ["a.Q4_K_M.gguf", "a.Q8_0.gguf", "config.json"];
        Assert.Equal(["a.Q4_K_M.gguf"], Choose(new() { Include = ["*Q4_K_M*"] }, files));
        Assert.Equal(["a.Q8_0.gguf"], Choose(new() { Include = ["*.gguf"], Exclude = ["*Q4*"] }, files));
        Assert.Equal(["config.json", "a.Q8_0.gguf"], Choose(new() { Exclude = ["*Q4*"] }, files));
        Assert.Equal(files, Choose(new() { Include = ["*"] }, [.. files, "evil.pt"]));
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("*.pt")]
    [InlineData("*.PKL")]
    [InlineData("x/*.ckpt")]
    public void Pickles_are_refused_by_name(string pattern)
    {
        HubException exception = Assert.Throws<HubException>(() => Choose(new() { Include = [pattern] }, ["pytorch_model.bin", "config.json"]));
        Assert.Equal(HubError.Refused, exception.Error);
        Assert.Contains(pattern, exception.Message);
    }

    [Fact]
    public void A_model_of_pickles_alone_is_refused_with_their_names()
    {
        HubException exception = Assert.Throws<HubException>(() => Choose(HubSelection.Default, ["config.json", "pytorch_model.bin"]));
        Assert.Equal(HubError.Refused, exception.Error);
        Assert.Contains("pytorch_model.bin", exception.Message);
    }

    [Fact]
    public void Several_ggufs_ask_for_a_choice_and_a_single_one_is_taken()
    {
        HubException exception = Assert.Throws<HubException>(() => Choose(HubSelection.Default, ["a.Q4_K.gguf", "a.Q8_0.gguf"]));
        Assert.Contains("a.Q4_K.gguf, a.Q8_0.gguf", exception.Message);
        Assert.Equal(["a.gguf"], Choose(HubSelection.Default, ["a.gguf", "README.md"]));
    }

    [Fact]
    public void A_pattern_that_matches_nothing_says_what_there_is()
    {
        HubException exception = Assert.Throws<HubException>(() => Choose(new() { Include = ["*.gguf"] }, ["config.json"]));
        Assert.Equal(HubError.NotFound, exception.Error);
        Assert.Contains("config.json", exception.Message);
        Assert.Throws<HubException>(() => Choose(HubSelection.Default, []));
    }

    [Theory]
    [InlineData("*", "a/b.c", true)]
    [InlineData("*.json", "a/b.json", true)]
    [InlineData("*.json", "b.json5", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("[a-c]x[!0-9]", "bxy", true)]
    [InlineData("[a-c]x[!0-9]", "bx5", false)]
    [InlineData("[ab", "[ab", true)]
    [InlineData("dir/", "dir/file", true)]
    [InlineData("a*b*c", "aXbYbZc", true)]
    [InlineData("a*b*c", "aXbYbZ", false)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    public void A_pattern_matches_as_in_a_shell(string pattern, string path, bool expected) => Assert.Equal(expected, Glob.IsMatch(pattern, path));

    [Fact]
    public void A_pattern_of_many_stars_ends_soon() => Assert.False(Glob.IsMatch(string.Concat(Enumerable.Repeat("*a", 200)) + "b", new string('a', 1000)));

    [Theory]
    [InlineData("org/name", "org/name", "main")]
    [InlineData("org/name@v1.0", "org/name", "v1.0")]
    [InlineData("gpt2@refs/pr/3", "gpt2", "refs/pr/3")]
    public void A_reference_is_a_name_and_a_revision(string text, string repository, string revision)
    {
        HubReference reference = HubReference.Parse(text);
        Assert.Equal((repository, revision), (reference.Repository, reference.Revision));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("org/")]
    [InlineData("a/b/c")]
    [InlineData("../x")]
    [InlineData("org/..")]
    [InlineData("org/a--b")]
    [InlineData("org/a b")]
    [InlineData("org/a?x")]
    [InlineData("org/name@")]
    [InlineData("org/name@../main")]
    [InlineData("org/name@/main")]
    [InlineData("org/name@a//b")]
    [InlineData("org/name@a%2fb")]
    [InlineData("org/名")]
    public void What_is_no_reference_is_refused(string text) => Assert.Equal(HubError.Refused, Assert.Throws<HubException>(() => HubReference.Parse(text)).Error);

    [Fact]
    public void Options_come_from_the_environment_and_hide_the_token()
    {
        Dictionary<string, string?> variables = new() { ["HF_ENDPOINT"] = "https://mirror.example/hf/", ["HF_TOKEN"] = " hf_secret\n", ["HF_HUB_OFFLINE"] = "1", ["XDG_CACHE_HOME"] = Path.GetTempPath() };
        HubOptions options = HubOptions.FromEnvironment(variables.GetValueOrDefault);
        Assert.Equal(("hf_secret", true, Path.Combine(Path.GetTempPath(), "open-autoglm")), (options.Token, options.IsOffline, options.CacheFolder));
        Assert.DoesNotContain("hf_secret", options.ToString());
        using HubConnection connection = new(options);
        Assert.Equal("https://mirror.example/hf/org/model/resolve/main/a%20b/%23c.json", connection.Address(options.FilePattern, Reference, "main", "a b/#c.json").AbsoluteUri);
        variables["AUTOGLM_CACHE"] = Path.Combine(Path.GetTempPath(), "other");
        variables["HF_ENDPOINT"] = "nonsense";
        Assert.Throws<HubException>(() => HubOptions.FromEnvironment(variables.GetValueOrDefault));
        variables.Remove("HF_ENDPOINT");
        Assert.Equal(variables["AUTOGLM_CACHE"], HubOptions.FromEnvironment(variables.GetValueOrDefault).CacheFolder);
    }

    static IEnumerable<string> Choose(HubSelection selection, string[] paths) =>
        selection.Choose([.. paths.Select(path => new HubFile(path, 1, new string('0', 40)))], Reference).Select(file => file.Path);
}
