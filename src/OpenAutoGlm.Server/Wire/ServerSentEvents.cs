using System.Text;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// Writes an event stream. JSON has no line breaks outside its strings and escapes them inside, so one data line holds
/// any value. Source: WHATWG HTML, §9.2 Server-sent events.
/// </summary>
sealed class ServerSentEvents(HttpResponse response) : AnswerStream(response, "text/event-stream; charset=utf-8")
{
    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        Append("data: "u8);
        Append(value, type);
        Append("\n\n"u8);
    }

    /// <summary>Writes a value under the name of an event, which has no line break.</summary>
    public void Write<T>(string name, T value, JsonTypeInfo<T> type)
    {
        Append("event: "u8);
        Append(Encoding.ASCII.GetBytes(name));
        Append("\n"u8);
        Write(value, type);
    }

    public void WriteDone() => Append("data: [DONE]\n\n"u8);

    public void WriteComment() => Append(": still here\n\n"u8);
}
