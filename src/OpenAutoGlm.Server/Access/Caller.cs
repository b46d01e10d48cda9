using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// Who sent a request, as far as a key tells, and what it may still have. When a key's entry changes and its limits do
/// not, the next caller goes on with what the one before had left.
/// </summary>
sealed class Caller(ApiKey key, TimeProvider time, Caller? before = null)
{
    readonly Allowance? _requests = Allowance(before?._requests, key.RequestsPerMinute, time);
    readonly Allowance? _tokens = Allowance(before?._tokens, key.TokensPerMinute, time);

    public ApiKey Key => key;

    /// <summary>Whether the key is good for a model.</summary>
    /// <param name="model">The model's id.</param>
    public bool MayUse(string model) => key.Models.Length == 0 || key.Models.Contains(model);

    /// <summary>Takes one request from the allowance.</summary>
    /// <exception cref="ApiException">There is none left (429).</exception>
    public void CountRequest()
    {
        if (_requests is not null && !_requests.TryTake(1, out TimeSpan wait))
        {
            throw new ApiException(ApiError.RateLimited("rate_limit_exceeded", $"The key '{key.Name}' may send {_requests.PerMinute} requests a minute.", wait));
        }
    }

    /// <summary>Takes tokens for an answer from the allowance, as far as they are known. <see cref="Settle"/> sets it right.</summary>
    /// <param name="tokens">Most tokens that will be written; 0 where that is open.</param>
    /// <exception cref="ApiException">They are not there (429).</exception>
    public void ReserveTokens(long tokens)
    {
        if (_tokens is not null && !_tokens.TryTake(tokens, out TimeSpan wait))
        {
            throw new ApiException(ApiError.RateLimited("tokens_limit_exceeded", $"The key '{key.Name}' may read and write {_tokens.PerMinute} tokens a minute.", wait));
        }
    }

    /// <summary>Takes what was used beyond what was reserved, or gives back.</summary>
    public void Settle(long used, long reserved) => _tokens?.Take(used - reserved);

    /// <summary>What a request to the engine becomes under this key.</summary>
    /// <exception cref="ApiException">The key is not good for the model or the priority (403).</exception>
    public GenerationRequest Limit(string model, GenerationRequest request)
    {
        if (!MayUse(model))
        {
            throw new ApiException(ApiError.Forbidden("model_not_allowed", $"The key '{key.Name}' is not good for the model '{model}'."));
        }

        if (key.Role != KeyRole.Admin && request.Priority != 0 && request.Priority < key.Priority)
        {
            throw new ApiException(ApiError.Forbidden("priority_not_allowed", $"priority is {request.Priority}, but the key '{key.Name}' is good for {key.Priority} and above.", "priority"));
        }

        return request with
        {
            // A client could make up any number of users and take their shares, so the share is the key's.
            Tenant = key.Name,
            CacheSalt = key.OwnCache ? Convert.ToHexString(ApiKey.Hash($"{key.Name}\n{request.CacheSalt}")) : request.CacheSalt,
            Priority = request.Priority != 0 ? request.Priority : key.Priority,
        };
    }

    /// <summary>Says what is left, under the names that OpenAI's clients read.</summary>
    public void WriteHeaders(IHeaderDictionary headers)
    {
        Write(headers, "requests", _requests);
        Write(headers, "tokens", _tokens);
    }

    static Allowance? Allowance(Allowance? before, int? perMinute, TimeProvider time) =>
        perMinute is null ? null : before?.PerMinute == perMinute ? before : new Allowance(perMinute.Value, time);

    static void Write(IHeaderDictionary headers, string what, Allowance? allowance)
    {
        if (allowance is not null)
        {
            (int left, TimeSpan full) = allowance.Read();
            headers[$"x-ratelimit-limit-{what}"] = allowance.PerMinute.ToString(CultureInfo.InvariantCulture);
            headers[$"x-ratelimit-remaining-{what}"] = left.ToString(CultureInfo.InvariantCulture);
            headers[$"x-ratelimit-reset-{what}"] = string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(full.TotalMilliseconds) / 1000:0.###}s");
        }
    }
}

/// <summary>The callers that have come so far, by the names of their keys.</summary>
sealed class Callers(KeyRing keys, TimeProvider time)
{
    readonly ConcurrentDictionary<string, Caller> _known = new(StringComparer.Ordinal);

    /// <summary>Who shows this key; null where it is none.</summary>
    public Caller? Find(string shown) => keys.Find(shown) is { } key
        ? _known.AddOrUpdate(key.Name, _ => new Caller(key, time), (_, known) => ReferenceEquals(known.Key, key) ? known : new Caller(key, time, known))
        : null;
}
