using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Server.Files;

/// <summary>/v1/files, in memory and in a folder.</summary>
public sealed class FileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_is_kept_listed_read_and_deleted(bool inFolder)
    {
        await using TestServer server = await TestServer.StartAsync(Options(inFolder));
        byte[] bytes = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 7))];
        JsonNode file = await UploadAsync(server, bytes, "requests.jsonl").JsonAsync();
        string id = (string)file["id"]!;
        Assert.Equal(("file", 200_000, "requests.jsonl", "batch", "processed"), ((string)file["object"]!, (int)file["bytes"]!, (string)file["filename"]!, (string)file["purpose"]!, (string)file["status"]!));
        JsonNode second = await UploadAsync(server, [1], "b").JsonAsync();
        Assert.Equal(file.ToJsonString(), (await Get(server, $"/v1/files/{id}").JsonAsync()).ToJsonString());
        Assert.Equal(bytes, await server.Client.GetByteArrayAsync($"/v1/files/{id}/content", Cancellation));
        JsonNode page = await Get(server, "/v1/files?limit=1&order=asc&purpose=batch").JsonAsync();
        Assert.True((bool)page["has_more"]!);
        JsonNode rest = await Get(server, $"/v1/files?order=asc&after={(string)page["last_id"]!}").JsonAsync();
        Assert.Equal(new[] { id, (string)second["id"]! }.Order(), new[] { (string)page["data"]![0]!["id"]!, (string)rest["data"]![0]!["id"]! }.Order());
        Assert.False((bool)rest["has_more"]!);
        JsonNode deleted = await server.Client.DeleteAsync($"/v1/files/{id}", Cancellation).JsonAsync();
        Assert.Equal((id, true), ((string)deleted["id"]!, (bool)deleted["deleted"]!));
        Assert.Equal("file_not_found", (string)(await Get(server, $"/v1/files/{id}/content").ErrorAsync(404))["code"]!);
    }

    [Fact]
    public async Task Files_in_a_folder_outlive_the_server_and_what_a_crash_left_does_not()
    {
        string id;
        await using (TestServer first = await TestServer.StartAsync(Options(inFolder: true)))
        {
            id = (string)(await UploadAsync(first, "kept"u8.ToArray(), "a").JsonAsync())["id"]!;
            IOException used = await Assert.ThrowsAsync<IOException>(() => TestServer.StartAsync(Options(inFolder: true)));
            Assert.Contains("used by another server", used.Message, StringComparison.Ordinal);
        }

        _folder.Write("file-00000000000000000000000000000000.data", "half a file");
        _folder.Write("file-11111111111111111111111111111111.data.partial", "less");
        await using TestServer second = await TestServer.StartAsync(Options(inFolder: true));
        Assert.Equal("kept", await second.Client.GetStringAsync($"/v1/files/{id}/content", Cancellation));
        Assert.Equal(["file", ".lock"], Directory.EnumerateFiles(_folder.Root).Select(path => Path.GetFileName(path).Split('-')[0]).Distinct().OrderDescending());
        Assert.Single((await Get(second, "/v1/files").JsonAsync())["data"]!.AsArray());
    }

    [Theory]
    [InlineData("../../etc/passwd", "passwd")]
    [InlineData("C:\\Users\\me\\x.jsonl", "x.jsonl")]
    [InlineData("..", "file")]
    [InlineData("a\u202eb\u0007c.jsonl", "abc.jsonl")]
    public void A_name_is_a_label_and_no_path(string given, string kept) => Assert.Equal(kept, StoredFile.Sanitise(given));

    [Fact]
    public async Task A_file_over_the_limit_or_without_room_leaves_nothing()
    {
        await using TestServer server = await TestServer.StartAsync(Options(inFolder: true) with { MaxFileBytes = 4096, FilesBytes = 6000 });
        Assert.Equal("request_too_large", (string)(await UploadAsync(server, new byte[4097], "a").ErrorAsync(413))["code"]!);
        await UploadAsync(server, new byte[4000], "a").JsonAsync();
        Assert.Equal("no_room_for_files", (string)(await UploadAsync(server, new byte[4000], "a").ErrorAsync(413))["code"]!);
        Assert.Equal(3, Directory.EnumerateFiles(_folder.Root).Count());
        Assert.Equal(HttpStatusCode.OK, (await UploadAsync(server, new byte[1900], "a")).StatusCode);
    }

    [Theory]
    [InlineData("purpose=fine-tune", "purpose", "unsupported_parameter")]
    [InlineData("", "purpose", "missing_required_parameter")]
    [InlineData("purpose=batch&colour=red", "colour", "unknown_parameter")]
    [InlineData("purpose=batch&expires_after[anchor]=created_at&expires_after[seconds]=5", "expires_after[seconds]", "invalid_value")]
    [InlineData("purpose=batch&expires_after[seconds]=3600", "expires_after[anchor]", "invalid_value")]
    public async Task A_form_that_says_something_else_is_refused_by_its_field(string fields, string parameter, string code)
    {
        await using TestServer server = await TestServer.StartAsync();
        using MultipartFormDataContent form = new() { { new ByteArrayContent([1]), "file", "x" } };
        foreach (string[] field in fields.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(field => field.Split('=')))
        {
            form.Add(new StringContent(field[1]), field[0]);
        }

        JsonNode error = await server.Client.PostAsync("/v1/files", form, Cancellation).ErrorAsync(400);
        Assert.Equal((parameter, code), ((string)error["param"]!, (string)error["code"]!));
        Assert.Empty((await Get(server, "/v1/files").JsonAsync())["data"]!.AsArray());
    }

    [Theory]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nno end", 400)]
    [InlineData("multipart/form-data; boundary=x", "nothing of the kind", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\n\r\nno disposition\r\n--x--\r\n", 400)]
    [InlineData("multipart/form-data", "--x--", 415)]
    [InlineData("application/json", "{}", 415)]
    public async Task A_body_that_is_no_form_is_refused(string type, string body, int status)
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.PostAsync("/v1/files", Encoding.UTF8.GetBytes(body), type).ErrorAsync(status);
        Assert.Empty((await Get(server, "/v1/files").JsonAsync())["data"]!.AsArray());
    }

    [Theory]
    [InlineData("/v1/files?limit=0", "limit")]
    [InlineData("/v1/files?limit=2&limit=3", "limit")]
    [InlineData("/v1/files?order=up", "order")]
    [InlineData("/v1/files?after=file-x", "after")]
    [InlineData("/v1/files?colour=red", "colour")]
    [InlineData("/v1/batches?purpose=batch", "purpose")]
    [InlineData("/v1/batches?limit=101", "limit")]
    public async Task A_list_is_asked_for_by_known_parameters_only(string address, string parameter)
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.Equal(parameter, (string)(await Get(server, address).ErrorAsync(400))["param"]!);
    }

    [Theory]
    [InlineData("/v1/files/..%2F..%2Fetc%2Fpasswd")]
    [InlineData("/v1/files/file-0/content")]
    [InlineData("/v1/batches/batch_0")]
    public async Task What_is_not_there_is_a_404(string address)
    {
        await using TestServer server = await TestServer.StartAsync(Options(inFolder: true));
        await Get(server, address).ErrorAsync(404);
    }

    internal static async Task<HttpResponseMessage> UploadAsync(TestServer server, byte[] bytes, string name)
    {
        using MultipartFormDataContent form = new() { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(bytes), "file", name } };
        return await server.Client.PostAsync("/v1/files", form, Cancellation);
    }

    static Task<HttpResponseMessage> Get(TestServer server, string address) => server.Client.GetAsync(address, Cancellation);

    ServerOptions Options(bool inFolder) => new() { FilesFolder = inFolder ? _folder.Root : null };
}
