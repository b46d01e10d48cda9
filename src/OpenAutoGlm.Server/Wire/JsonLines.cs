using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Wire;

/// <summary>Writes a stream of JSON values, one a line (NDJSON).</summary>
sealed class JsonLines(HttpResponse response) : AnswerStream(response, "application/x-ndjson")
{
    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        Append(value, type);
        Append("\n"u8);
    }

    /// <summary>Writes a space, which JSON allows before the next value; an empty line would be no value.</summary>
    public void WriteKeepAlive() => Append(" "u8);
}
