using System.Text;

namespace OpenAutoGlm.Models.Hub;

/// <summary>Servers that stall, break off, lie and misdirect.</summary>
public class LyingHubTests : HubTest
{
    [Fact]
    public async Task A_file_that_breaks_off_is_continued_where_it_ended()
    {
        Hub.Answer = async (request, before, stream, _) =>
        {
            if (!request.Path.EndsWith("model.safetensors") || before >= 4) return false;
            int from = request.Range is { } range ? int.Parse(range["bytes=".Length..^1]) : 0;
            string head = from == 0 ? $"HTTP/1.1 200 OK\r\nETag: \"{LoopbackHub.Sha256(Weights)}\"\r\n" : $"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{Weights.Length - 1}/{Weights.Length}\r\n";
            await LoopbackHub.WriteRawAsync(stream, $"{head}Content-Length: {Weights.Length - from}\r\n\r\n", Weights[from..(from + 50_000)]);
            return true;
        };

        // More interruptions than attempts: those that bring something do not count.
        ProgressList progress = new();
        AssertWeightsAreWhole(await PullAsync(progress: progress));
        Assert.Equal([null, "bytes=50000-", "bytes=100000-", "bytes=150000-", "bytes=200000-"], Ranges());
        Assert.Equal(4, progress.Reports.Count(report => report.Stage == HubStage.Retrying && report.Reason is not null));
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_is_read_from_the_start()
    {
        Hub.Answer = async (request, before, stream, _) =>
        {
            if (!request.Path.EndsWith("model.safetensors")) return false;
            await LoopbackHub.WriteRawAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {Weights.Length}\r\n\r\n", before == 0 ? Weights[..1000] : Weights);
            return true;
        };
        AssertWeightsAreWhole(await PullAsync());
        Assert.Equal([null, "bytes=1000-"], Ranges());
    }

    [Fact]
    public async Task Content_that_changes_between_attempts_is_fetched_anew()
    {
        byte[] other = Bytes(Weights.Length, seed: 5);
        Hub.Answer = async (request, before, stream, _) =>
        {
            if (!request.Path.EndsWith("model.safetensors") || before > 0) return false;
            await LoopbackHub.WriteRawAsync(stream, $"HTTP/1.1 200 OK\r\nETag: \"other\"\r\nContent-Length: {other.Length}\r\n\r\n", other[..1000]);
            return true;
        };
        AssertWeightsAreWhole(await PullAsync());
        Assert.Equal("\"other\"", Hub.FileRequests.Last(request => request.Path.EndsWith("model.safetensors")).IfRange);
    }

    [Fact]
    public async Task A_part_of_other_content_is_noticed_and_the_file_fetched_from_the_start()
    {
        byte[] other = Bytes(Weights.Length, seed: 5);
        Hub.Answer = async (request, before, stream, _) =>
        {
            if (!request.Path.EndsWith("model.safetensors") || before > 0) return false;
            await LoopbackHub.WriteRawAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {other.Length}\r\n\r\n", other[..1000]);
            return true;
        };
        AssertWeightsAreWhole(await PullAsync());
        Assert.Equal([null, "bytes=1000-", null], Ranges());
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    public async Task Content_with_a_wrong_checksum_is_thrown_away(string path)
    {
        int size = Hub.Files[path].Length;
        Hub.Answer = Replace(path, (request, stream) => LoopbackHub.WriteFileAsync(request, stream, Bytes(size, seed: 7)));
        HubException exception = await FailAsync(HubError.Corrupt, selection: new() { Include = [path] });
        Assert.Contains(path, exception.Message);
        Assert.Contains("checksum", exception.Message);
        Assert.Empty(Directory.GetFiles(Path.Combine(RepositoryFolder, "blobs"), "*.partial"));
        Assert.False(File.Exists(Path.Combine(RepositoryFolder, "refs", "main")));
    }

    [Fact]
    public async Task A_stalled_body_is_given_up_and_continued()
    {
        Hub.Answer = async (request, before, stream, stop) =>
        {
            if (!request.Path.EndsWith("model.safetensors") || before > 0) return false;
            await LoopbackHub.WriteRawAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {Weights.Length}\r\n\r\n", Weights[..2000]);
            await Task.Delay(Timeout.Infinite, stop);
            return true;
        };
        AssertWeightsAreWhole(await PullAsync(Options with { StallTimeout = TimeSpan.FromMilliseconds(500) }));
        Assert.Equal([null, "bytes=2000-"], Ranges());
    }

    [Fact]
    public async Task A_hub_that_never_answers_is_given_up()
    {
        Hub.Answer = async (_, _, _, stop) =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            return true;
        };
        HubException exception = await FailAsync(HubError.Unreachable, Options with { StallTimeout = TimeSpan.FromMilliseconds(100) });
        Assert.Contains("sent nothing for 0.1 seconds after 3 attempts", exception.Message);
    }

    [Fact]
    public async Task A_hub_that_is_not_there_is_named()
    {
        LoopbackHub gone = new();
        Uri address = gone.Address;
        await gone.DisposeAsync();
        Assert.Contains("127.0.0.1", (await FailAsync(HubError.Unreachable, Options with { Endpoint = address })).Message);
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n")]
    [InlineData("Content-Length: 400000\r\n")]
    [InlineData("X-Linked-Size: 5\r\n")]
    [InlineData("X-Linked-Etag: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n")]
    public async Task A_length_or_checksum_that_is_not_the_listed_one_is_refused(string header)
    {
        // The chunked one sends twice the listed bytes.
        byte[] body = header.StartsWith("Transfer") ? [.. "927C0\r\n"u8, .. Weights, .. Weights, .. "\r\n0\r\n\r\n"u8] : Weights;
        Hub.Answer = Replace("model.safetensors", (_, stream) => LoopbackHub.WriteRawAsync(stream, $"HTTP/1.1 200 OK\r\n{header}\r\n", body));
        HubException exception = await FailAsync(HubError.Corrupt);
        Assert.Contains("model.safetensors", exception.Message);
        Assert.False(File.Exists(BlobPath));
    }

    [Fact]
    public async Task A_part_from_another_place_is_not_appended()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(BlobPath)!);
        File.WriteAllBytes(BlobPath + ".partial", Weights[..1000]);
        Hub.Answer = async (request, before, stream, _) =>
        {
            if (!request.Path.EndsWith("model.safetensors") || before > 0) return false;
            await LoopbackHub.WriteAsync(stream, "206 Partial Content", $"Content-Range: bytes 0-{Weights.Length - 1001}/{Weights.Length}\r\n", Weights[..^1000]);
            return true;
        };
        AssertWeightsAreWhole(await PullAsync());
    }

    [Fact]
    public async Task A_range_that_is_refused_begins_anew()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(BlobPath)!);
        File.WriteAllBytes(BlobPath + ".partial", Weights[..1000]);
        Hub.Answer = async (request, _, stream, _) =>
        {
            if (request.Range is null) return false;
            await LoopbackHub.WriteAsync(stream, "416 Range Not Satisfiable", "", []);
            return true;
        };
        AssertWeightsAreWhole(await PullAsync());
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_to_nobody_else()
    {
        await using LoopbackHub store = new();
        store.Answer = async (request, _, stream, _) =>
        {
            await LoopbackHub.WriteFileAsync(request, stream, Weights);
            return true;
        };
        Hub.Answer = Replace("model.safetensors", (_, stream) => LoopbackHub.WriteAsync(stream, "302 Found",
            $"Location: {store.Address}signed?x=1\r\nX-Linked-Size: {Weights.Length}\r\nX-Linked-Etag: \"{LoopbackHub.Sha256(Weights)}\"\r\n", []));
        AssertWeightsAreWhole(await PullAsync(Options with { Token = "hf_secret" }));
        Assert.All(Hub.Requests, request => Assert.Equal("Bearer hf_secret", request.Authorization));
        Assert.Null(Assert.Single(store.Requests).Authorization);
    }

    [Fact]
    public async Task A_redirect_on_the_same_host_keeps_the_token()
    {
        Hub.Answer = Replace("/api/models/org/model/revision/main", (_, stream) =>
            LoopbackHub.WriteAsync(stream, "307 Temporary Redirect", "Location: /api/models/new/name/revision/main\r\n", []));
        await PullAsync(Options with { Token = "hf_secret" });
        Assert.Equal("Bearer hf_secret", Hub.Requests.Single(request => request.Path.Contains("new/name")).Authorization);
    }

    [Theory]
    [InlineData("Location: /loop/resolve/x\r\n", HubError.Corrupt, "redirects more than")]
    [InlineData("", HubError.Corrupt, "redirects to nowhere")]
    [InlineData("Location: file:///etc/passwd\r\n", HubError.Corrupt, "redirects to nowhere")]
    public async Task Redirects_that_lead_nowhere_end(string header, HubError error, string message)
    {
        Hub.Answer = async (request, _, stream, _) =>
        {
            if (!request.IsFile) return false;
            await LoopbackHub.WriteAsync(stream, "302 Found", header, []);
            return true;
        };
        Assert.Contains(message, (await FailAsync(error)).Message);
    }

    [Theory]
    [InlineData("401 Unauthorized", "", null, HubError.Unauthorized, "set HF_TOKEN")]
    [InlineData("401 Unauthorized", "", "hf_secret", HubError.Unauthorized, "not accepted")]
    [InlineData("403 Forbidden", "X-Error-Code: GatedRepo\r\n", "hf_secret", HubError.Forbidden, "accept the licence")]
    [InlineData("403 Forbidden", "", "hf_secret", HubError.Forbidden, "has no access")]
    [InlineData("404 Not Found", "X-Error-Code: RevisionNotFound\r\n", null, HubError.NotFound, "check the revision")]
    [InlineData("404 Not Found", "", null, HubError.NotFound, "check the name and the revision")]
    [InlineData("418 Teapot", "", null, HubError.Corrupt, "418")]
    [InlineData("500 Oops", "", null, HubError.Unreachable, "after 3 attempts")]
    [InlineData("429 Too Many", "Retry-After: 0\r\n", null, HubError.RateLimited, "after 3 attempts")]
    [InlineData("429 Too Many", "Retry-After: 3600\r\n", null, HubError.RateLimited, "asks to wait 3600 seconds")]
    public async Task A_refusal_says_what_helps(string status, string header, string? token, HubError error, string message)
    {
        Hub.Answer = async (_, _, stream, _) =>
        {
            await LoopbackHub.WriteAsync(stream, status, header, "hf_secret"u8.ToArray());
            return true;
        };
        HubException exception = await FailAsync(error, Options with { Token = token });
        Assert.Contains(message, exception.Message);
        Assert.DoesNotContain("hf_secret", exception.ToString());
    }

    [Fact]
    public async Task Too_many_requests_are_followed_by_the_wait_that_is_asked_for()
    {
        Hub.Answer = async (request, before, stream, _) =>
        {
            if (before > 0 || !request.IsFile) return false;
            await LoopbackHub.WriteAsync(stream, "429 Too Many", "Retry-After: 1\r\n", []);
            return true;
        };
        long start = TimeProvider.System.GetTimestamp();
        AssertWeightsAreWhole(await PullAsync());
        Assert.True(TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(0.9));
    }

    [Theory]
    [InlineData("../evil.json")]
    [InlineData("a/../../evil.json")]
    [InlineData("/etc/evil.json")]
    [InlineData("a//b.json")]
    [InlineData("./a.json")]
    [InlineData("..\\\\evil.json")]
    [InlineData("C:/evil.json")]
    [InlineData("a.json:stream")]
    [InlineData("a\\u0000.json")]
    [InlineData("a\\n.json")]
    [InlineData("CON.json")]
    [InlineData("x/nul.tar.json")]
    [InlineData("Com1.json")]
    [InlineData("a.json.")]
    [InlineData("a/ b.json")]
    [InlineData("")]
    public async Task A_name_that_leads_elsewhere_is_refused(string path)
    {
        Hub.Listing = $"[{LoopbackHub.Entry("model.safetensors", Weights.Length, LoopbackHub.Sha256(Weights))},{LoopbackHub.Entry(path, 2, LoopbackHub.Sha256("{}"u8.ToArray()))}]";
        await FailAsync(HubError.Refused);
        Assert.Empty(Hub.FileRequests);
        Assert.Empty(Directory.GetFileSystemEntries(Options.CacheFolder));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("[{}]")]
    [InlineData("""[{"path": "a.json", "size": 1}]""")]
    [InlineData("""[{"path": "a.json", "size": -1, "oid": "0123456789abcdef0123456789abcdef01234567"}]""")]
    [InlineData("""[{"path": "a.json", "size": 1, "oid": "../../../../../../../../../../../../../../a"}]""")]
    [InlineData("""[{"path": "a.json", "size": 1e99, "oid": "0123456789abcdef0123456789abcdef01234567"}]""")]
    [InlineData("""[{"path": "a", "size": 1, "oid": "0123456789abcdef0123456789abcdef01234567"}, {"path": "a/b.json", "size": 1, "oid": "0123456789abcdef0123456789abcdef01234567"}]""")]
    [InlineData("""[{"path": "a.json", "size": 1, "oid": "0123456789abcdef0123456789abcdef01234567"}, {"path": "A.json", "size": 1, "oid": "0123456789abcdef0123456789abcdef01234567"}]""")]
    public async Task A_list_of_files_that_makes_no_sense_is_refused(string listing)
    {
        Hub.Listing = listing;
        await FailAsync(HubError.Corrupt);
        Assert.Empty(Hub.FileRequests);
    }

    [Theory]
    [InlineData("""{"sha": "../../../escape"}""")]
    [InlineData("""{"sha": 5}""")]
    [InlineData("[]")]
    public async Task A_commit_that_is_none_is_refused(string answer)
    {
        Hub.Answer = Replace("/revision/main", (_, stream) => LoopbackHub.WriteAsync(stream, "200 OK", "", Encoding.UTF8.GetBytes(answer)));
        await FailAsync(HubError.Corrupt);
    }

    IEnumerable<string?> Ranges() => Hub.FileRequests.Where(request => request.Path.EndsWith("model.safetensors")).Select(request => request.Range);

    static Func<HubRequest, int, Stream, CancellationToken, Task<bool>> Replace(string end, Func<HubRequest, Stream, Task> answer) => async (request, _, stream, _) =>
    {
        if (!request.Path.EndsWith(end)) return false;
        await answer(request, stream);
        return true;
    };
}
