using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>
/// Sends requests and reads their answers as they come. One pool of connections as large as it must be, so that no
/// request waits for another one's; events are read from the bytes, and a token makes no object. Whatever the server
/// does, a request ends within its time and in exactly one <see cref="Outcome"/>.
/// </summary>
sealed class LoadClient : IDisposable
{
    const long MaxAnswerBytes = 1L << 30;
    const int MaxErrorBytes = 16 << 10;
    const int ReadBytes = 16 << 10;
    const int MaxResent = 3;

    static readonly MediaTypeHeaderValue Json = new("application/json");

    readonly HttpMessageInvoker _http;
    readonly TimeProvider _time;
    readonly TimeSpan _timeout;

    public LoadClient(LoadTarget target, bool chat, TimeSpan timeout, TimeProvider time)
    {
        (Target, _timeout, _time) = (target, timeout, time);
        Address = target.Path(chat ? "chat/completions" : "completions");
        TimeSpan connect = TimeSpan.FromSeconds(10);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            // A proxy, a redirect or a cookie would be measured along with the server.
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = connect < timeout ? connect : timeout,
            MaxResponseHeadersLength = 64,
            ResponseDrainTimeout = TimeSpan.Zero,
        });
    }

    public LoadTarget Target { get; }

    public Uri Address { get; }

    /// <summary>Counts what happens, while it happens.</summary>
    public LiveCounters Live { get; set; } = new();

    /// <summary>Sends one request and reads its answer.</summary>
    /// <param name="request">What is known of it already.</param>
    /// <param name="body">The body.</param>
    /// <param name="started">Time stamp of the run's beginning.</param>
    /// <param name="gaps">Takes the seconds between pieces of text.</param>
    /// <param name="text">Takes the answer's text, where somebody wants it.</param>
    /// <param name="stop">Ends it as interrupted.</param>
    public async Task<RequestRecord> SendAsync(RequestRecord request, ReadOnlyMemory<byte> body, long started, List<float> gaps, IBufferWriter<byte>? text, CancellationToken stop)
    {
        Live.Started();
        AnswerReading reading = new(_time, started, gaps, text, Live);
        double sent = reading.Now;
        (Outcome outcome, string? reason) = await EndAsync(body, reading, stop);
        double end = outcome == Outcome.Finished ? reading.Last : reading.Now;
        RequestRecord record = request with
        {
            Sent = sent,
            First = reading.First ?? end,
            End = end,
            Outcome = outcome,
            Reason = reason,
            PromptTokens = reading.PromptTokens ?? request.PlannedPromptTokens,
            OutputTokens = reading.OutputTokens ?? reading.Pieces,
            CachedTokens = reading.CachedTokens,
            Counted = reading.OutputTokens is not null,
            Pieces = reading.Pieces,
            Resent = reading.Resent,
        };
        Live.Ended(record);
        return record;
    }

    /// <summary>Asks for something small: a list of models, a count of tokens.</summary>
    /// <exception cref="CommandFailedException">There is no good answer; the message says why.</exception>
    public async Task<JsonElement> AskAsync(string path, ReadOnlyMemory<byte>? body, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] answer) = await TryAskAsync(path, body, cancellation);
        if (status != HttpStatusCode.OK)
        {
            throw new CommandFailedException($"{Target.Path(path)} answered {(int)status}: {AnswerChunk.ErrorOf(answer)}");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new CommandFailedException($"{Target.Path(path)} did not answer with JSON: {error.Message}", inner: error);
        }
    }

    /// <summary>The status and the beginning of the answer, whatever they are.</summary>
    /// <exception cref="CommandFailedException">There is no answer.</exception>
    public async Task<(HttpStatusCode Status, byte[] Answer)> TryAskAsync(string path, ReadOnlyMemory<byte>? body, CancellationToken cancellation)
    {
        const int MaxBytes = 8 << 20;
        using CancellationTokenSource late = new(_timeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            using HttpRequestMessage request = Request(Target.Path(path), body);
            using HttpResponseMessage response = await _http.SendAsync(request, either.Token);
            return (response.StatusCode, await BeginningAsync(response, MaxBytes, either.Token));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailedException($"{Target.Path(path)} did not answer within {_timeout.TotalSeconds:0.#} s.");
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new CommandFailedException($"{Target.Path(path)} cannot be reached: {Innermost(error)} Is a server running there?", inner: error);
        }
    }

    public void Dispose() => _http.Dispose();

    async Task<(Outcome Outcome, string? Reason)> EndAsync(ReadOnlyMemory<byte> body, AnswerReading reading, CancellationToken stop)
    {
        using CancellationTokenSource late = new(_timeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        bool answered = false;
        try
        {
            using HttpResponseMessage response = await HeadAsync(body, reading, either.Token);
            answered = true;
            return response.StatusCode == HttpStatusCode.OK
                ? await ReadAsync(response, reading, either.Token)
                : await ErrorAsync(response, either.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return (Outcome.Interrupted, null);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            return (Outcome.TimedOut, $"no end within {_timeout.TotalSeconds:0.#} s, {(reading.Pieces > 0 ? "part of the answer came" : answered ? "no text came" : "no answer came")}");
        }
        catch (Exception error) when (error is JsonException or FormatException)
        {
            return (Outcome.Malformed, AnswerChunk.Shorten(error.Message));
        }
        catch (HttpRequestException error) when (error.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
        {
            return (Outcome.Unreachable, Innermost(error));
        }
        catch (OperationCanceledException error)
        {
            return (Outcome.Unreachable, Innermost(error)); // the connection was not made in time
        }
        catch (HttpRequestException error) when (error.HttpRequestError is HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded)
        {
            return (Outcome.Malformed, Innermost(error));
        }
        catch (Exception error) when (error is HttpRequestException or IOException or SocketException)
        {
            return (Outcome.Broken, Innermost(error));
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // A server may not end the run, whatever it makes the client's library do.
            return (Outcome.Malformed, AnswerChunk.Shorten($"{error.GetType().Name}: {error.Message}"));
        }
    }

    /// <summary>
    /// Sends until there is a head. A server may close a kept connection just when it is used again; nothing has come of
    /// the request then, so it is sent once more, its latency going on, and counted.
    /// </summary>
    async Task<HttpResponseMessage> HeadAsync(ReadOnlyMemory<byte> body, AnswerReading reading, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                using HttpRequestMessage request = Request(Address, body);
                return await _http.SendAsync(request, cancellation);
            }
            catch (HttpRequestException error) when (reading.Resent < MaxResent
                && (error.HttpRequestError == HttpRequestError.ResponseEnded || error.InnerException is IOException { InnerException: SocketException }))
            {
                reading.Resent++;
            }
        }
    }

    async Task<(Outcome Outcome, string? Reason)> ReadAsync(HttpResponseMessage response, AnswerReading reading, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentType?.MediaType is not "text/event-stream" and var type)
        {
            return (Outcome.Malformed, AnswerChunk.Shorten($"answered with {type ?? "no content type"} instead of text/event-stream"));
        }

        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellation);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadBytes);
        try
        {
            long total = 0;
            while (await stream.ReadAsync(buffer, cancellation) is > 0 and int read)
            {
                total += read;
                if (total > MaxAnswerBytes)
                {
                    return (Outcome.Malformed, $"the answer is longer than {MaxAnswerBytes} bytes");
                }

                if (reading.Take(buffer.AsSpan(0, read)))
                {
                    await EmptyAsync(stream, buffer, cancellation);
                    break;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return reading switch
        {
            { Error: { } error } => (Outcome.Broken, $"the stream told of an error: {error}"),
            { Complete: true } => (Outcome.Finished, null),
            _ => (Outcome.Broken, "the stream ended without [DONE] or a finish_reason"),
        };
    }

    /// <summary>Reads what follows the last event, which is the end of the body where the server is good, so that the connection can be used again.</summary>
    async Task EmptyAsync(Stream stream, byte[] buffer, CancellationToken cancellation)
    {
        using CancellationTokenSource late = new(TimeSpan.FromSeconds(1), _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            for (int reads = 0; reads < 16 && await stream.ReadAsync(buffer, either.Token) > 0; reads++)
            {
                // Nothing that follows matters.
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            // The answer is whole; the connection is not used again.
        }
    }

    static async Task<(Outcome Outcome, string? Reason)> ErrorAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        int status = (int)response.StatusCode;
        Outcome outcome = status is 429 or 503 ? Outcome.Refused : Outcome.HttpError;
        if (status is >= 300 and < 400)
        {
            return (outcome, AnswerChunk.Shorten($"{status} redirects to {response.Headers.Location?.ToString() ?? "nowhere"}; redirects are not followed"));
        }

        return (outcome, $"{status} {AnswerChunk.ErrorOf(await BeginningAsync(response, MaxErrorBytes, cancellation))}");
    }

    static async Task<byte[]> BeginningAsync(HttpResponseMessage response, int most, CancellationToken cancellation)
    {
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellation);
        using MemoryStream beginning = new();
        byte[] buffer = new byte[4096];
        while (beginning.Length < most && await stream.ReadAsync(buffer, cancellation) is > 0 and int read)
        {
            beginning.Write(buffer, 0, read);
        }

        return beginning.ToArray();
    }

    HttpRequestMessage Request(Uri address, ReadOnlyMemory<byte>? body)
    {
        HttpRequestMessage request = new(body is null ? HttpMethod.Get : HttpMethod.Post, address);
        if (Target.ApiKey is { } key)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        }

        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = Json;
        }

        return request;
    }

    static string Innermost(Exception error)
    {
        while (error.InnerException is { } inner)
        {
            error = inner;
        }

        return AnswerChunk.Shorten(error.Message.TrimEnd('.') + ".");
    }
}
