using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace OpenAutoGlm.Server.Access;

public class TlsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task With_a_certificate_both_versions_of_http_are_spoken(int version)
    {
        using X509Certificate2 certificate = Certificate();
        ScriptedSource source = new();
        await using AutoGlmServer server = new(new ServerOptions { Port = 0, Certificate = certificate }, new ServedModel("tiny", source, 64));
        await server.StartAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith("https://", server.Urls.Single(), StringComparison.Ordinal);
        using HttpClientHandler trusting = new() { ServerCertificateCustomValidationCallback = (_, shown, _, _) => shown!.Thumbprint == certificate.Thumbprint };
        using HttpClient client = new(trusting) { BaseAddress = new Uri(server.Urls.Single()) };
        HttpResponseMessage whole = await SendAsync(client, version, "");
        Assert.Equal((new Version(version, version == 1 ? 1 : 0), HttpStatusCode.OK), (whole.Version, whole.StatusCode));
        Assert.Equal("Hello", (string)JsonNode.Parse(await whole.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["choices"]![0]!["message"]!["content"]!);
        Assert.EndsWith("[DONE]", (await SendAsync(client, version, ", \"stream\": true").EventsAsync())[^1], StringComparison.Ordinal);
        HttpResponseMessage wrong = await SendAsync(client, version, ", \"wrong\": 1");
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Fact]
    public void A_certificate_without_its_key_is_refused_at_the_start()
    {
        using X509Certificate2 certificate = Certificate();
        using X509Certificate2 half = X509CertificateLoader.LoadCertificate(certificate.Export(X509ContentType.Cert));
        Assert.Contains("no private key", Assert.Throws<ArgumentException>(() => new ServerOptions { Certificate = half }.Validate()).Message, StringComparison.Ordinal);
    }

    static Task<HttpResponseMessage> SendAsync(HttpClient client, int version, string more)
    {
        HttpRequestMessage request = TestServer.Post("/v1/chat/completions", Encoding.UTF8.GetBytes("""{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]""" + more + "}"));
        (request.Version, request.VersionPolicy) = (new Version(version, version == 1 ? 1 : 0), HttpVersionPolicy.RequestVersionExact);
        return client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    static X509Certificate2 Certificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
    }
}
