using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace OpenAutoGlm.Models.Hub;

/// <summary>A failure that may pass: the request is worth another attempt, at the earliest after the wait.</summary>
sealed class TransientFailure(HubError error, string reason, TimeSpan? wait = null, Exception? cause = null) : Exception(reason, cause)
{
    public HubError Error { get; } = error;

    public TimeSpan? Wait { get; } = wait;
}

/// <summary>Talks to a hub: follows redirects by its own rules, retries what may pass, and says in words what will not.</summary>
sealed class HubConnection : IDisposable
{
    const int MaxRedirects = 8;
    const int MaxJsonBytes = 64 << 20;

    readonly HubOptions _options;
    readonly HttpClient _client;
    readonly Random _jitter;

    public HubConnection(HubOptions options)
    {
        _options = options;
        _jitter = new(options.Seed);
        _client = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ConnectTimeout = options.StallTimeout,
            MaxResponseHeadersLength = 64,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new("open-autoglm", "1"));
    }

    public void Dispose() => _client.Dispose();

    /// <summary>The address of a pattern of the options.</summary>
    public Uri Address(string pattern, HubReference reference, string revision, string path = "")
    {
        string address = pattern
            .Replace("{endpoint}", _options.Endpoint.AbsoluteUri.TrimEnd('/'))
            .Replace("{repo}", reference.Repository)
            .Replace("{revision}", Uri.EscapeDataString(revision))
            .Replace("{path}", string.Join('/', path.Split('/').Select(Uri.EscapeDataString)));
        return Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new HubException(HubError.Refused, $"'{address}' is not an address: check the endpoint and its patterns.");
    }

    /// <summary>Runs attempts until one succeeds, or as many as are allowed brought nothing.</summary>
    /// <param name="what">What is fetched, for messages.</param>
    /// <param name="attempt">One attempt.</param>
    /// <param name="progress">A number that grows as attempts bring something: then the count begins anew.</param>
    /// <param name="onRetry">Told why there is another attempt.</param>
    /// <param name="cancellation">Ends the waits.</param>
    public async Task<T> RetryAsync<T>(string what, Func<Task<T>> attempt, Func<long> progress, Action<string> onRetry, CancellationToken cancellation)
    {
        long reached = progress();
        for (int failures = 1; ; failures++)
        {
            TransientFailure failure;
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (TransientFailure transient)
            {
                failure = transient;
            }

            if (progress() > reached)
            {
                reached = progress();
                failures = 1;
            }

            bool isTooLong = failure.Wait > _options.LongestRetryDelay;
            if (failures >= _options.Attempts || isTooLong)
            {
                string remedy = failure.Error == HubError.RateLimited
                    ? isTooLong ? $" The hub asks to wait {failure.Wait!.Value.TotalSeconds:0} seconds: try again then, or set HF_TOKEN for a higher limit." : " Try again later, or set HF_TOKEN for a higher limit."
                    : " What was fetched is kept: pull again to continue.";
                throw new HubException(failure.Error, $"{what}: {failure.Message} after {failures} attempts.{remedy}", failure);
            }

            onRetry(failure.Message);
            await Task.Delay(Delay(failures, failure.Wait), _options.Time, cancellation).ConfigureAwait(false);
        }
    }

    TimeSpan Delay(int failures, TimeSpan? asked)
    {
        double jitter;
        lock (_jitter) jitter = 0.5 + (_jitter.NextDouble() / 2);
        TimeSpan delay = _options.RetryDelay * Math.Pow(2, failures - 1) * jitter;
        if (delay > _options.LongestRetryDelay) delay = _options.LongestRetryDelay;
        return asked > delay ? asked.Value : delay;
    }

    /// <summary>Sends a request and hands the response's headers over; the body is read under the same stall timer.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="what">What is fetched, for messages.</param>
    /// <param name="prepare">Adds headers to each request on the way.</param>
    /// <param name="seen">Sees every response, redirects too.</param>
    /// <param name="use">Uses the last response.</param>
    /// <param name="cancellation">Cancels.</param>
    public async Task<T> SendAsync<T>(Uri address, string what, Action<HttpRequestMessage> prepare, Action<HttpResponseMessage> seen,
        Func<HttpResponseMessage, StallGuard, Task<T>> use, CancellationToken cancellation)
    {
        using StallGuard guard = new(_options.StallTimeout, _options.Time, cancellation);
        try
        {
            for (int redirects = 0; redirects <= MaxRedirects; redirects++)
            {
                guard.Restart();
                using HttpRequestMessage request = new(HttpMethod.Get, address);
                request.Headers.AcceptEncoding.Add(new("identity"));
                if (MayHaveToken(address)) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _options.Token);
                prepare(request);
                using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, guard.Token).ConfigureAwait(false);
                seen(response);
                if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                    or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
                {
                    CheckStatus(response, what);
                    return await use(response, guard).ConfigureAwait(false);
                }

                address = Redirected(address, response, what);
            }

            throw new HubException(HubError.Corrupt, $"{what}: the hub redirects more than {MaxRedirects} times. Check the endpoint {_options.Endpoint}.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TransientFailure(HubError.Unreachable, $"{address.Host} sent nothing for {_options.StallTimeout.TotalSeconds:0.###} seconds");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new TransientFailure(HubError.Unreachable, $"{address.Host}: {exception.Message}", cause: exception);
        }
    }

    /// <summary>Fetches JSON; also the address of its next page, where there is one.</summary>
    public Task<(JsonDocument Document, Uri? Next)> GetJsonAsync(Uri address, string what, CancellationToken cancellation) =>
        RetryAsync(what, () => SendAsync(address, what, _ => { }, _ => { }, async (response, guard) =>
        {
            using Stream body = await response.Content.ReadAsStreamAsync(guard.Token).ConfigureAwait(false);
            using MemoryStream content = new();
            byte[] buffer = new byte[1 << 16];
            while (true)
            {
                guard.Restart();
                int count = await body.ReadAsync(buffer, guard.Token).ConfigureAwait(false);
                if (count == 0) break;
                if (content.Length + count > MaxJsonBytes) throw new HubException(HubError.Corrupt, $"{what}: the hub's answer is longer than {MaxJsonBytes} bytes.");
                content.Write(buffer, 0, count);
            }

            try
            {
                return (JsonDocument.Parse(content.ToArray()), NextPage(address, response));
            }
            catch (JsonException exception)
            {
                throw new HubException(HubError.Corrupt, $"{what}: the hub's answer is not JSON ({exception.Message}). Check the endpoint {_options.Endpoint}.", exception);
            }
        }, cancellation), () => 0, _ => { }, cancellation);

    bool MayHaveToken(Uri address)
    {
        bool isEndpoint = address.Scheme == _options.Endpoint.Scheme && address.Host == _options.Endpoint.Host && address.Port == _options.Endpoint.Port;
        return _options.Token is not null && isEndpoint && (address.Scheme == "https" || address.IsLoopback);
    }

    static Uri Redirected(Uri from, HttpResponseMessage response, string what)
    {
        Uri? location = response.Headers.Location;
        if (location is null || !Uri.TryCreate(from, location, out Uri? target) || target.Scheme is not ("https" or "http"))
        {
            throw new HubException(HubError.Corrupt, $"{what}: the hub redirects to nowhere.");
        }

        return from.Scheme == "https" && target.Scheme == "http"
            ? throw new HubException(HubError.Refused, $"{what}: the hub redirects from https to plain http on {target.Host}.")
            : target;
    }

    static Uri? NextPage(Uri address, HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Link", out IEnumerable<string>? links)) return null;
        foreach (string link in links.SelectMany(value => value.Split(',')))
        {
            int end = link.IndexOf('>');
            bool isNext = end > 0 && link.TrimStart().StartsWith('<') && link.AsSpan(end).Contains("rel=\"next\"", StringComparison.Ordinal);
            if (isNext && Uri.TryCreate(address, link[(link.IndexOf('<') + 1)..end], out Uri? next) && next.Scheme == address.Scheme && next.Authority == address.Authority)
            {
                return next;
            }
        }

        return null;
    }

    void CheckStatus(HttpResponseMessage response, string what)
    {
        int status = (int)response.StatusCode;
        if (status is >= 200 and < 300 or 416) return;
        string code = response.Headers.TryGetValues("X-Error-Code", out IEnumerable<string>? codes) ? codes.First() : "";
        bool hasToken = _options.Token is not null;
        switch (status)
        {
            case 401:
                string advice = !hasToken ? "set HF_TOKEN to a token that may read it, and check the name: hubs answer so for names they do not know"
                    : _options.Endpoint.Scheme == "http" && !_options.Endpoint.IsLoopback ? "HF_TOKEN is not sent over plain http: use an https endpoint"
                    : "the token in HF_TOKEN is not accepted: make a new one, and check the name";
                throw new HubException(HubError.Unauthorized, $"{what}: the hub asks who you are (401): {advice}.");
            case 403:
                throw new HubException(HubError.Forbidden, code == "GatedRepo" || !hasToken
                    ? $"{what}: access is refused (403): accept the licence on the model's page at {_options.Endpoint}, then set HF_TOKEN."
                    : $"{what}: the token in HF_TOKEN has no access (403): ask the owner, or accept the licence on the model's page at {_options.Endpoint}.");
            case 404 or 410:
                throw new HubException(HubError.NotFound, $"{what}: not found ({status}): check the {(code switch { "RevisionNotFound" => "revision", "EntryNotFound" => "file", "RepoNotFound" => "name", _ => "name and the revision" })}, and the endpoint {_options.Endpoint}.");
            case 429:
                throw new TransientFailure(HubError.RateLimited, "too many requests (429)", RetryAfter(response));
            case 408 or >= 500:
                throw new TransientFailure(HubError.Unreachable, $"the hub answered {status}", RetryAfter(response));
            default:
                throw new HubException(HubError.Corrupt, $"{what}: the hub answered {status}, which was not expected. Check the endpoint {_options.Endpoint}.");
        }
    }

    TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        RetryConditionHeaderValue? after = response.Headers.RetryAfter;
        return after?.Delta ?? (after?.Date is { } date ? date - _options.Time.GetUtcNow() : null);
    }
}

/// <summary>Cancels what brings nothing for a while. Every read begins the while anew.</summary>
sealed class StallGuard : IDisposable
{
    readonly TimeSpan _timeout;
    readonly CancellationTokenSource _stall;
    readonly CancellationTokenSource _linked;

    public StallGuard(TimeSpan timeout, TimeProvider time, CancellationToken cancellation)
    {
        _timeout = timeout;
        _stall = new(timeout, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_stall.Token, cancellation);
    }

    public CancellationToken Token => _linked.Token;

    public void Restart() => _stall.CancelAfter(_timeout);

    public void Dispose()
    {
        _linked.Dispose();
        _stall.Dispose();
    }
}
