using System.Text.Json;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>A request of a batch.</summary>
/// <param name="CustomId">The client's name for it, unique in the batch.</param>
/// <param name="Body">The body for the route, at the lowest priority.</param>
sealed record BatchLine(string CustomId, byte[] Body)
{
    const int LongestId = 256;

    /// <summary>Reads a line, or refuses it with its number.</summary>
    /// <exception cref="ApiException">It is no request that this batch could make.</exception>
    public static BatchLine Read(int number, byte[] line, string endpoint)
    {
        try
        {
            using JsonDocument document = JsonBody.Parse(line);
            return Read(document.RootElement, endpoint);
        }
        catch (ApiException refused)
        {
            throw new ApiException(ApiError.Invalid("input_file_id", $"Line {number}: {refused.Error.Message}", "invalid_batch_line"));
        }
    }

    static BatchLine Read(JsonElement root, string endpoint)
    {
        RequestFields fields = new(new RequestValue("line", root));
        RequestValue id = fields.Need("custom_id");
        string customId = id.String(LongestId) is { Length: > 0 } found ? found : throw id.Invalid("must not be empty");
        RequestValue method = fields.Need("method");
        if (method.String() != "POST")
        {
            throw method.Invalid("must be \"POST\"");
        }

        RequestValue url = fields.Need("url");
        if (url.String() != endpoint)
        {
            throw url.Invalid($"must be \"{endpoint}\", the endpoint of the batch");
        }

        RequestValue body = fields.Need("body");
        fields.End("a batch's line");
        return new BatchLine(customId, Lowered(body));
    }

    /// <summary>The body with the priority behind all others. It may not set that itself, nor ask for a stream.</summary>
    static byte[] Lowered(RequestValue body)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            foreach ((string name, RequestValue value) in body.Properties())
            {
                switch (name)
                {
                    case "priority" when !value.IsNull:
                        throw value.Invalid("cannot be set: a batch runs behind every other request");
                    case "priority":
                        break;
                    case "stream" when !value.IsNull && value.Bool():
                        throw value.Invalid("must be false: the answers of a batch are written whole");
                    default:
                        json.WritePropertyName(name);
                        value.Element.WriteTo(json);
                        break;
                }
            }

            json.WriteNumber("priority", int.MaxValue);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
