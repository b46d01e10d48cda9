using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>
/// An answer as a dialect writes it: whole by <see cref="WriteWholeAsync"/>, or piece by piece after
/// <see cref="Open"/>. A stream is one start for each choice, then any order of pieces with one finish for each choice,
/// then the end or, at any time, an error; nothing comes after those two. One reply for one request.
/// </summary>
abstract class Reply
{
    /// <summary>Writes all choices in one body.</summary>
    public abstract Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, AnswerUsage usage, CancellationToken cancellation);

    /// <summary>Begins a stream. Its owner disposes it.</summary>
    public abstract AnswerStream Open(HttpResponse response);

    /// <summary>Writes what comes before a choice's text.</summary>
    public virtual void WriteStart(int choice)
    {
    }

    /// <summary>Writes a piece of text.</summary>
    public abstract void WriteDelta(TextDelta delta);

    /// <summary>Writes a piece of thinking.</summary>
    public abstract void WriteThinking(ThinkingDelta delta);

    /// <summary>Writes a piece of a call.</summary>
    public abstract void WriteToolCall(ToolCallDelta delta);

    /// <summary>Writes why a choice ended.</summary>
    public abstract void WriteFinish(ChoiceFinished finished);

    /// <summary>Writes what comes after all choices.</summary>
    public abstract void WriteEnd(AnswerUsage usage);

    /// <summary>Writes an error that came after the start.</summary>
    public abstract void WriteError(ApiError error);

    /// <summary>Writes something that says nothing but that more will come.</summary>
    public abstract void WriteKeepAlive();
}

/// <summary>A reply that streams server-sent events.</summary>
abstract class EventReply : Reply
{
    ServerSentEvents? _events;

    protected ServerSentEvents Events => _events ?? throw new InvalidOperationException("The stream is not open yet.");

    public sealed override AnswerStream Open(HttpResponse response) => _events = new ServerSentEvents(response);

    public override void WriteKeepAlive() => Events.WriteComment();
}
