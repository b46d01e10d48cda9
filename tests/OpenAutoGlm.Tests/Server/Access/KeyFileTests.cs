using System.Collections.Immutable;

namespace OpenAutoGlm.Server.Access;

public sealed class KeyFileTests : IDisposable
{
    readonly string _path = Path.Combine(Path.GetTempPath(), $"autoglm-keys-{Guid.NewGuid():N}.json");

    static readonly string Hash = new('a', 64);

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_line_is_read_as_the_key_that_wrote_it()
    {
        ApiKey key = ApiKey.Of("ann", ApiKey.Generate()) with
        {
            Role = KeyRole.Admin,
            Priority = -3,
            RequestsPerMinute = 60,
            TokensPerMinute = 1000,
            Models = ["a\"b", "c"],
            OwnCache = true,
        };
        File.WriteAllText(_path, $$"""{"keys": [{{KeyFile.Line(key)}}, {{KeyFile.Line(ApiKey.Of("ben", "x"))}}]}""");
        ImmutableArray<ApiKey> read = KeyFile.Read(_path);
        Assert.Equal(KeyFile.Line(key), KeyFile.Line(read[0]));
        Assert.Equal((KeyRole.User, 0, null, null), (read[1].Role, read[1].Priority, read[1].RequestsPerMinute, read[1].TokensPerMinute));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("""{}""", "keys is required")]
    [InlineData("""{"keys": [], "kys": []}""", "kys means nothing here")]
    [InlineData("""{"keys": [{"name": "ann"}]}""", "keys[0].sha256 is required")]
    [InlineData("""{"keys": [{"name": "ann", "sha256": "abc"}]}""", "keys[0].sha256 must be the 64 hexadecimal digits of the key's SHA-256, but has 3 characters")]
    [InlineData("""{"keys": [{"name": "a b", "sha256": "HASH"}]}""", "letters, digits and - _ . @ only")]
    [InlineData("""{"keys": [{"name": "ann", "sha256": "HASH", "role": "boss"}]}""", "keys[0].role must be user, monitor or admin")]
    [InlineData("""{"keys": [{"name": "ann", "sha256": "HASH", "tokens_per_minute": 0}]}""", "keys[0].tokens_per_minute must be a whole number of at least 1")]
    [InlineData("""{"keys": [{"name": "ann", "sha256": "HASH", "colour": 1}]}""", "keys[0].colour means nothing")]
    [InlineData("""{"keys": [{"name": "ann", "sha256": "HASH"}, {"name": "ann", "sha256": "HASH"}]}""", "Two keys are named 'ann'")]
    [InlineData("""{"keys": [{"name": "ann", "sha256": "HASH"}, {"name": "ben", "sha256": "HASH"}]}""", "'ann' and 'ben' are the same")]
    public void What_is_no_file_of_keys_is_refused_with_file_and_field(string text, string message)
    {
        File.WriteAllText(_path, text.Replace("HASH", Hash));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => KeyFile.Read(_path));
        Assert.StartsWith(_path, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void New_keys_are_random_and_need_no_escaping()
    {
        string[] keys = [.. Enumerable.Range(0, 1000).Select(_ => ApiKey.Generate())];
        Assert.Equal(1000, keys.Distinct().Count());
        Assert.All(keys, key => Assert.Matches("^oag-[-_A-Za-z0-9]{43}$", key));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("ä")]
    public void What_no_header_can_carry_is_no_key(string key) => Assert.Throws<ArgumentException>(() => ApiKey.Of("ann", key));
}
