using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using OpenAutoGlm.Server;
using OpenAutoGlm.Server.Access;

namespace OpenAutoGlm.Cli.Serve;

public sealed class OperationFlagTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-operations-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_new_key_is_printed_once_and_its_hash_is_kept()
    {
        string file = PathOf("keys.json");
        string ann = (await CommandRun.Of("keys", "new", "ann", "--requests-per-minute", "9", "--file", file)).Done().Trim();
        string ben = (await CommandRun.Of("keys", "new", "ben", "--role", "admin", "--file", file)).Done().Trim();
        Assert.DoesNotContain(ann, File.ReadAllText(file), StringComparison.Ordinal);
        KeyRing ring = new(KeyFile.Read(file));
        Assert.Equal(("ann", 9, "ben", KeyRole.Admin), (ring.Find(ann)!.Name, ring.Find(ann)!.RequestsPerMinute, ring.Find(ben)!.Name, ring.Find(ben)!.Role));
        Assert.Null(ring.Find(ann + "x"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }

        CommandRun twice = await CommandRun.Of("keys", "new", "ann", "--file", file);
        Assert.Equal(ExitCode.Failed, twice.Code);
        Assert.Contains("has a key named 'ann' already", twice.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_key_without_a_file_comes_with_its_line()
    {
        string[] lines = (await CommandRun.Of("keys", "new", "ann")).Done().TrimEnd().Split('\n');
        string file = PathOf("keys.json");
        File.WriteAllText(file, $$"""{"keys": [{{lines[1]}}]}""");
        Assert.Equal("ann", new KeyRing(KeyFile.Read(file)).Find(lines[0])!.Name);
    }

    [Theory]
    [InlineData("--api-keys", "nowhere.json")]
    [InlineData("--tls-cert", "nowhere.pem")]
    [InlineData("--tls-key", "nowhere.pem")]
    [InlineData("--otlp", "localhost:4318")]
    [InlineData("--cors", "chat.example.org")]
    [InlineData("--open-route", "metrics")]
    [InlineData("--api-key", "two words")]
    [InlineData("--log-format", "xml")]
    public async Task What_cannot_be_served_with_is_told_before_the_server_listens(string flag, string value)
    {
        CommandRun run = await CommandRun.Of("serve", "--port", "0", "--cache", _folder.FullName, flag, value);
        Assert.NotEqual(ExitCode.Done, run.Code);
        Assert.Contains(value, run.Error.Replace("A key must have", "two words").Replace("--tls-key is given without --tls-cert", value), StringComparison.Ordinal);
        Assert.DoesNotContain("Listening", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_keys_is_read_again_when_it_changes_and_not_when_it_is_broken()
    {
        string file = PathOf("keys.json");
        void Write(params ApiKey[] keys) => File.WriteAllText(file, $$"""{"keys": [{{string.Join(',', keys.Select(KeyFile.Line))}}]}""");
        Write(ApiKey.Of("ann", "ann"));
        KeyRing ring = new();
        HandClock clock = new();
        RecordingLog log = new();
        using KeyFileWatch watch = new(file, [ApiKey.Of("key-1", "plain")], ring, clock, log);
        Assert.Equal(["key-1", "ann"], ring.Keys.Select(key => key.Name));
        Write(ApiKey.Of("ann", "ann"), ApiKey.Of("ben", "ben"));
        clock.Advance(5);
        Assert.Equal(["key-1", "ann", "ben"], ring.Keys.Select(key => key.Name));
        File.WriteAllText(file, "{}");
        clock.Advance(5);
        Assert.Equal(["key-1", "ann", "ben"], ring.Keys.Select(key => key.Name));
        Assert.Contains(log.Lines, line => line.Contains("keys is required", StringComparison.Ordinal));
        File.Delete(file);
        clock.Advance(5);
        Assert.Equal(3, ring.Keys.Length);
    }

    [Fact]
    public async Task Traces_are_sent_to_a_collector()
    {
        using HttpListener collector = new();
        string url = $"http://127.0.0.1:{FreePort()}/";
        collector.Prefixes.Add(url);
        collector.Start();
        Task<string> sent = Task.Run(async () =>
        {
            StringBuilder all = new();
            while (!all.ToString().Contains("POST /v1/chat/completions", StringComparison.Ordinal))
            {
                HttpListenerContext context = await collector.GetContextAsync();
                Assert.Equal("/v1/traces", context.Request.Url!.AbsolutePath);
                using StreamReader reader = new(context.Request.InputStream, Encoding.Latin1);
                all.Append(await reader.ReadToEndAsync());
                context.Response.Close();
            }

            return all.ToString();
        });
        using (TraceExport.To(url))
        {
            await using TestServer server = await TestServer.StartAsync();
            await server.ChatAsync().JsonAsync();
        }

        string spans = await sent.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.All((string[])["open-autoglm", "generate", "queue", "prefill", "decode", "gen_ai.usage.output_tokens"], part => Assert.Contains(part, spans, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("server.pem")]
    [InlineData("server.pfx")]
    public void A_certificate_is_read_from_either_form(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
        File.WriteAllText(PathOf("server.pem"), certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
        File.WriteAllBytes(PathOf("server.pfx"), certificate.Export(X509ContentType.Pfx));
        using X509Certificate2 read = OperationFlags.Certificate(PathOf(name), null)!;
        Assert.Equal((certificate.Thumbprint, true), (read.Thumbprint, read.HasPrivateKey));
    }

    string PathOf(string name) => Path.Combine(_folder.FullName, name);

    static int FreePort()
    {
        using System.Net.Sockets.TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
