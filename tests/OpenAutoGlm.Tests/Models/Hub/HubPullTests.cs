using System.Text;

namespace OpenAutoGlm.Models.Hub;

public class HubPullTests : HubTest
{
    [Fact]
    public async Task A_pull_brings_the_files_of_a_commit_under_their_names()
    {
        Hub.Files["sub folder/tokenizer.json"] = "[1]"u8.ToArray();
        Hub.Files["empty.json"] = [];
        Hub.Files["README.md"] = "no"u8.ToArray();
        HubSnapshot snapshot = await PullAsync();
        Assert.Equal(LoopbackHub.Commit, snapshot.Commit);
        Assert.Equal(["config.json", "empty.json", "model.safetensors", "sub folder/tokenizer.json"], snapshot.Files.Select(file => file.Path).Order());
        AssertWeightsAreWhole(snapshot);
        Assert.Equal("[1]", File.ReadAllText(Path.Combine(snapshot.Folder, "sub folder", "tokenizer.json")));
        Assert.Equal("", File.ReadAllText(Path.Combine(snapshot.Folder, "empty.json")));
        Assert.False(File.Exists(Path.Combine(snapshot.Folder, "README.md")));
        Assert.Equal(LoopbackHub.Commit, File.ReadAllText(Path.Combine(RepositoryFolder, "refs", "main")));
        HubSnapshot listed = Assert.Single(new HubCache(Options.CacheFolder).List());
        Assert.Equal((snapshot.Repository, snapshot.Commit, snapshot.Folder, snapshot.Bytes), (listed.Repository, listed.Commit, listed.Folder, listed.Bytes));
    }

    [Fact]
    public async Task What_is_in_the_cache_is_not_fetched_again()
    {
        await PullAsync();
        int requests = Hub.FileRequests.Count();
        Hub.Files["copy.safetensors"] = Weights;
        HubSnapshot snapshot = await PullAsync();
        Assert.Equal(requests, Hub.FileRequests.Count());
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, "copy.safetensors")));
    }

    [Fact]
    public async Task Progress_adds_up_to_the_whole()
    {
        ProgressList progress = new();
        HubSnapshot snapshot = await PullAsync(progress: progress);
        HubProgress last = progress.Reports.MaxBy(report => report.TotalBytes);
        Assert.Equal((snapshot.Bytes, snapshot.Bytes), (last.TotalBytes, last.TotalSize));
        Assert.Equal(snapshot.Files.Count, progress.Reports.Count(report => report.Stage == HubStage.Done));
    }

    [Fact]
    public async Task Two_pulls_at_once_fetch_every_file_once()
    {
        Hub.Answer = async (_, _, _, stop) =>
        {
            await Task.Delay(30, stop);
            return false;
        };
        HubSnapshot[] snapshots = await Task.WhenAll(PullAsync(), PullAsync(), PullAsync());
        Assert.All(snapshots, AssertWeightsAreWhole);
        Assert.Equal(2, Hub.FileRequests.Count());
    }

    [Fact]
    public async Task A_cancelled_pull_is_continued_by_the_next()
    {
        Hub.Answer = async (request, before, stream, stop) =>
        {
            if (!request.Path.EndsWith("model.safetensors") || before > 0) return false;
            await LoopbackHub.WriteRawAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {Weights.Length}\r\nETag: \"{LoopbackHub.Sha256(Weights)}\"\r\n\r\n", Weights[..100_000]);
            await Task.Delay(Timeout.Infinite, stop);
            return true;
        };
        using CancellationTokenSource source = new();
        ProgressList progress = new()
        {
            OnReport = report =>
            {
                if (report is { File: "model.safetensors", FileBytes: > 0 }) source.Cancel();
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PullAsync(progress: progress, source: source));
        long kept = new FileInfo(BlobPath + ".partial").Length;
        Assert.InRange(kept, 1, 100_000);
        AssertWeightsAreWhole(await PullAsync());
        HubRequest continued = Hub.FileRequests.Last(request => request.Path.EndsWith("model.safetensors"));
        Assert.Equal($"bytes={kept}-", continued.Range);
        Assert.Equal($"\"{LoopbackHub.Sha256(Weights)}\"", continued.IfRange);
    }

    [Fact]
    public async Task A_pull_that_ends_anywhere_leaves_only_whole_files()
    {
        Random random = new(20250712);
        for (int i = 0; i < 20; i++)
        {
            using CancellationTokenSource source = new();
            long last = random.Next(Weights.Length);
            ProgressList progress = new()
            {
                OnReport = report =>
                {
                    if (report.TotalBytes >= last) source.Cancel();
                },
            };
            await Record.ExceptionAsync(() => PullAsync(progress: progress, source: source));
            Assert.All(Blobs(), blob => Assert.Equal(Path.GetFileName(blob).Length == 64 ? LoopbackHub.Sha256(File.ReadAllBytes(blob)) : Path.GetFileName(blob), Path.GetFileName(blob)));
            Hub.Files["model.safetensors"][i]++;
        }

        HubSnapshot snapshot = await PullAsync();
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot.Folder, "model.safetensors")));

        IEnumerable<string> Blobs() => Directory.Exists(Path.Combine(RepositoryFolder, "blobs"))
            ? Directory.EnumerateFiles(Path.Combine(RepositoryFolder, "blobs")).Where(path => !path.Contains(".partial"))
            : [];
    }

    [Fact]
    public async Task A_file_that_another_process_fetches_is_waited_for()
    {
        string locks = Path.Combine(RepositoryFolder, "locks");
        Directory.CreateDirectory(locks);
        FileStream held = new(Path.Combine(locks, Path.GetFileName(BlobPath) + ".lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        ProgressList progress = new()
        {
            OnReport = report =>
            {
                // The other process finishes just now.
                if (report.Stage != HubStage.Waiting) return;
                Directory.CreateDirectory(Path.GetDirectoryName(BlobPath)!);
                File.WriteAllBytes(BlobPath, Weights);
                held.Dispose();
            },
        };
        AssertWeightsAreWhole(await PullAsync(progress: progress));
        Assert.Contains(progress.Reports, report => report is { Stage: HubStage.Waiting, File: "model.safetensors" });
        Assert.DoesNotContain(Hub.FileRequests, request => request.Path.EndsWith("model.safetensors"));
    }

    [Fact]
    public async Task What_a_killed_process_left_behind_does_no_harm()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(BlobPath)!);
        Directory.CreateDirectory(Path.Combine(RepositoryFolder, "locks"));
        File.WriteAllBytes(BlobPath, Weights[..10]);
        File.WriteAllBytes(BlobPath + ".partial", Bytes(1000, seed: 9));
        File.WriteAllText(BlobPath + ".partial.etag", "not a tag");
        File.WriteAllText(Path.Combine(RepositoryFolder, "locks", Path.GetFileName(BlobPath) + ".lock"), "");
        AssertWeightsAreWhole(await PullAsync());
        Assert.Equal(["bytes=1000-", null], Hub.FileRequests.Where(request => request.Path.EndsWith("model.safetensors")).Select(request => request.Range));
    }

    [Fact]
    public async Task A_whole_partial_file_needs_no_request()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(BlobPath)!);
        File.WriteAllBytes(BlobPath + ".partial", Weights);
        AssertWeightsAreWhole(await PullAsync());
        Assert.DoesNotContain(Hub.FileRequests, request => request.Path.EndsWith("model.safetensors"));
    }

    [Fact]
    public async Task A_commit_and_a_branch_with_a_slash_are_revisions_too()
    {
        HubSnapshot byCommit = await PullAsync(reference: HubReference.Parse("org/model@" + LoopbackHub.Commit));
        HubSnapshot byBranch = await PullAsync(reference: HubReference.Parse("org/model@refs/pr/1"));
        Assert.Equal(byCommit.Folder, byBranch.Folder);
        Assert.Contains(Hub.Requests, request => request.Path == "/api/models/org/model/revision/refs%2Fpr%2F1");
        Assert.Equal(byCommit.Folder, new HubCache(Options.CacheFolder).Resolve(HubReference.Parse("org/model@refs/pr/1")).Folder);
    }

    [Fact]
    public async Task A_listing_may_have_pages()
    {
        byte[] more = Bytes(100, seed: 3);
        Hub.Files["more.safetensors"] = more;
        Hub.Answer = async (request, _, stream, _) =>
        {
            if (!request.Path.Contains("/tree/")) return false;
            bool isFirst = !request.Path.Contains("cursor=");
            string entry = isFirst ? LoopbackHub.Entry("model.safetensors", Weights.Length, LoopbackHub.Sha256(Weights)) : LoopbackHub.Entry("more.safetensors", 100, LoopbackHub.Sha256(more));
            await LoopbackHub.WriteAsync(stream, "200 OK", isFirst ? $"Link: <{Hub.Address}api/models/org/model/tree/x?cursor=2>; rel=\"next\"\r\n" : "", Encoding.UTF8.GetBytes($"[{entry}]"));
            return true;
        };
        Assert.Equal(2, (await PullAsync()).Files.Count);
    }

    [Fact]
    public async Task A_hub_of_another_kind_is_a_matter_of_patterns()
    {
        Hub.Answer = async (request, _, stream, _) =>
        {
            if (request.Path.StartsWith("/api/v1/models/org/model/repo/files?Revision=master"))
            {
                string json = $$$"""{"Code": 200, "Data": {"Files": [{"Path": "sub", "Type": "tree"}, {"Path": "model.safetensors", "Type": "blob", "Size": {{{Weights.Length}}}, "Sha256": "{{{LoopbackHub.Sha256(Weights)}}}"}]}}""";
                await LoopbackHub.WriteAsync(stream, "200 OK", "", Encoding.UTF8.GetBytes(json));
                return true;
            }

            if (request.Path != "/models/org/model/resolve/master/model.safetensors") return false;
            await LoopbackHub.WriteFileAsync(request, stream, Weights);
            return true;
        };
        HubOptions options = Options with
        {
            RevisionPattern = null,
            ListingPattern = "{endpoint}/api/v1/models/{repo}/repo/files?Revision={revision}&Recursive=true",
            FilePattern = "{endpoint}/models/{repo}/resolve/{revision}/{path}",
        };
        HubReference reference = HubReference.Parse("org/model@master");
        HubSnapshot snapshot = await PullAsync(options, reference: reference);
        AssertWeightsAreWhole(snapshot);
        Assert.Equal(snapshot.Folder, (await PullAsync(options with { IsOffline = true }, reference: reference)).Folder);
    }

    [Fact]
    public async Task Offline_a_pulled_model_is_found_without_a_request()
    {
        HubSnapshot pulled = await PullAsync();
        int requests = Hub.Requests.Count;
        HubSnapshot resolved = await PullAsync(Options with { IsOffline = true });
        Assert.Equal(pulled.Folder, resolved.Folder);
        Assert.Equal(requests, Hub.Requests.Count);
    }

    [Fact]
    public async Task Offline_it_says_what_is_missing()
    {
        HubOptions offline = Options with { IsOffline = true };
        Assert.Contains("not in the cache", (await FailAsync(HubError.Offline, offline)).Message);
        await PullAsync(selection: new() { Include = ["*.json"] });
        Assert.Contains("model.safetensors", (await FailAsync(HubError.Offline, offline)).Message);
        Assert.Equal("config.json", Assert.Single((await PullAsync(offline, new() { Include = ["config.json"] })).Files).Path);
        Assert.DoesNotContain(Hub.FileRequests, request => request.Path.EndsWith("model.safetensors"));
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_is_named()
    {
        string file = Path.Combine(Options.CacheFolder, "file");
        File.WriteAllText(file, "");
        Assert.Contains("AUTOGLM_CACHE", (await FailAsync(HubError.Cache, Options with { CacheFolder = file })).Message);
    }

    [Fact]
    public async Task A_model_larger_than_the_disk_is_refused_before_it_is_fetched()
    {
        Hub.Listing = $"[{LoopbackHub.Entry("model.safetensors", long.MaxValue / 2, LoopbackHub.Sha256(Weights))}]";
        Assert.Contains("has room for", (await FailAsync(HubError.Cache)).Message);
        Assert.Empty(Hub.FileRequests);
    }
}
