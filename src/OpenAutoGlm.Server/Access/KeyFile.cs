using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Access;

/// <summary>
/// Keys in a file: {"keys": [{"name": "alice", "sha256": "…", "role": "user", "priority": 0, "requests_per_minute": 60,
/// "tokens_per_minute": 100000, "models": ["glm"], "own_cache": false}]}. Only name and sha256 must be there.
/// </summary>
public static class KeyFile
{
    const int MaxBytes = 16 << 20;
    const int LongestText = 256;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is no such file; the message names the file, the field and the value.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ImmutableArray<ApiKey> Read(string path)
    {
        using FileStream stream = File.OpenRead(path);
        if (stream.Length > MaxBytes)
        {
            throw new InvalidDataException($"{path}: a file of keys may have {MaxBytes} bytes, and this one has {stream.Length}.");
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        try
        {
            using JsonDocument document = JsonBody.Parse(bytes);
            ImmutableArray<ApiKey> keys = Read(document.RootElement);
            _ = new KeyRing(keys);
            return keys;
        }
        catch (Exception error) when (error is ApiException or ArgumentException)
        {
            throw new InvalidDataException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>The line of a file that stands for a key.</summary>
    public static string Line(ApiKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            json.WriteString("name", key.Name);
            json.WriteString("sha256", Convert.ToHexStringLower(key.Sha256.AsSpan()));
            json.WriteString("role", RoleName(key.Role));
            if (key.Priority != 0)
            {
                json.WriteNumber("priority", key.Priority);
            }

            WriteLimit(json, "requests_per_minute", key.RequestsPerMinute);
            WriteLimit(json, "tokens_per_minute", key.TokensPerMinute);
            if (key.Models.Length > 0)
            {
                json.WriteStartArray("models");
                foreach (string model in key.Models)
                {
                    json.WriteStringValue(model);
                }

                json.WriteEndArray();
            }

            if (key.OwnCache)
            {
                json.WriteBoolean("own_cache", true);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    /// <summary>A role by its name in the file; null for none.</summary>
    public static KeyRole? ParseRole(string name) => Enum.GetValues<KeyRole>().Where(role => RoleName(role) == name).Select(role => (KeyRole?)role).FirstOrDefault();

    static void WriteLimit(Utf8JsonWriter json, string name, int? limit)
    {
        if (limit is { } value)
        {
            json.WriteNumber(name, value);
        }
    }

    static string RoleName(KeyRole role) => role.ToString().ToLowerInvariant();

    static ImmutableArray<ApiKey> Read(JsonElement root)
    {
        ImmutableArray<ApiKey>? keys = null;
        foreach (JsonProperty property in root.EnumerateObject())
        {
            keys = property.Name == "keys"
                ? [.. new RequestValue("keys", property.Value).Array(KeyRing.MaxKeys).Select(ReadKey)]
                : throw new ApiException(ApiError.Unknown(property.Name, $"{ApiError.Clip(property.Name)} means nothing here; \"keys\" does."));
        }

        return keys ?? throw new ApiException(ApiError.Missing("keys"));
    }

    static ApiKey ReadKey(RequestValue entry)
    {
        Dictionary<string, RequestValue> fields = entry.Properties().ToDictionary(field => field.Name, field => field.Value);
        RequestValue Take(string name) => fields.Remove(name, out RequestValue value) ? value : throw new ApiException(ApiError.Missing($"{entry.Path}.{name}"));
        T Optional<T>(string name, Func<RequestValue, T> read, T missing) => fields.Remove(name, out RequestValue value) && !value.IsNull ? read(value) : missing;

        string name = Take("name").String(LongestText);
        RequestValue hash = Take("sha256");
        KeyRole role = Optional("role", value => ParseRole(value.String(LongestText)) ?? throw value.Invalid("must be user, monitor or admin"), KeyRole.User);
        int priority = Optional("priority", value => value.Int(), 0);
        int? requests = Optional("requests_per_minute", value => (int?)value.Int(1), null);
        int? tokens = Optional("tokens_per_minute", value => (int?)value.Int(1), null);
        ImmutableArray<string> models = Optional<ImmutableArray<string>>("models", value => [.. value.Array(1000).Select(model => model.String(LongestText))], []);
        bool ownCache = Optional("own_cache", value => value.Bool(), false);
        if (fields.Count > 0)
        {
            string unknown = fields.Keys.First();
            throw new ApiException(ApiError.Unknown(unknown, $"{entry.Path}.{ApiError.Clip(unknown)} means nothing; name, sha256, role, priority, requests_per_minute, tokens_per_minute, models and own_cache do."));
        }

        try
        {
            return new ApiKey(name, Bytes(hash)) { Role = role, Priority = priority, RequestsPerMinute = requests, TokensPerMinute = tokens, Models = models, OwnCache = ownCache };
        }
        catch (ArgumentException error)
        {
            throw entry.Invalid($"is no key: {error.Message}");
        }
    }

    static ImmutableArray<byte> Bytes(RequestValue hash)
    {
        string text = hash.String(LongestText);
        return text.Length == 64 && text.All(char.IsAsciiHexDigit)
            ? [.. Convert.FromHexString(text)]
            : throw hash.Invalid($"must be the 64 hexadecimal digits of the key's SHA-256, but has {text.Length} characters");
    }
}
