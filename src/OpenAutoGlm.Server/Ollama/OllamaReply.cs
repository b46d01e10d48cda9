using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>
/// The answers of /api/chat and /api/generate. A call comes in one piece, when it is complete; one that was cut off is
/// no call and is left out, and done_reason says length.
/// </summary>
/// <param name="head">What is known before the first token.</param>
/// <param name="model">The model by the name that the client gave it.</param>
/// <param name="generates">Whether the answer is text and no message.</param>
sealed class OllamaReply(AnswerHead head, string model, bool generates) : Reply
{
    const long NanosecondsPerTick = 100;

    JsonLines? _lines;
    ToolCallDelta? _call;
    readonly StringBuilder _arguments = new();
    ChoiceFinished? _finish;

    JsonLines Lines => _lines ?? throw new InvalidOperationException("The stream is not open yet.");

    public override AnswerStream Open(HttpResponse response) => _lines = new JsonLines(response);

    public override Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, AnswerUsage usage, CancellationToken cancellation)
    {
        CollectedChoice choice = choices[0];
        AnswerCall[] calls = [.. choice.Calls.Select((call, index) => Describe(index, call)).OfType<AnswerCall>()];
        AnswerLine line = Say(choice.Text, choice.Thinking.Length > 0 ? choice.Thinking : null, calls.Length > 0 ? calls : null);
        return WireJson.WriteAsync(response, End(line, choice.Finish), OllamaJson.Wire.AnswerLine, cancellation);
    }

    public override void WriteDelta(TextDelta delta)
    {
        if (delta.Text.Length > 0)
        {
            Write(Say(delta.Text));
        }
    }

    public override void WriteThinking(ThinkingDelta delta)
    {
        if (delta.Text.Length > 0)
        {
            Write(Say("", delta.Text));
        }
    }

    public override void WriteToolCall(ToolCallDelta delta)
    {
        if (_call?.Call != delta.Call)
        {
            CompleteCall();
            _call = delta;
        }

        _arguments.Append(delta.Arguments);
    }

    public override void WriteFinish(ChoiceFinished finished)
    {
        CompleteCall();
        _finish = finished;
    }

    public override void WriteEnd(AnswerUsage usage) => Write(End(Say(""), _finish!));

    public override void WriteError(ApiError error) => Lines.Write(new ErrorBody(error.Message), OllamaJson.Wire.ErrorBody);

    public override void WriteKeepAlive() => Lines.WriteKeepAlive();

    void CompleteCall()
    {
        if (_call is { } call && Describe(call.Call, new CollectedCall(call.Id ?? "", call.Name ?? "", _arguments.ToString())) is { } complete)
        {
            Write(Say("", calls: [complete]));
        }

        _call = null;
        _arguments.Clear();
    }

    AnswerLine Say(string text, string? thinking = null, IReadOnlyList<AnswerCall>? calls = null)
    {
        AnswerLine line = new(model, head.Time.GetUtcNow());
        return generates
            ? line with { Response = text, Thinking = thinking }
            : line with { Message = new AnswerMessage(text) { Thinking = thinking, ToolCalls = calls } };
    }

    AnswerLine End(AnswerLine line, ChoiceFinished finish) => line with
    {
        DoneReason = finish.Reason == FinishReason.Length ? "length" : "stop",
        TotalDuration = Nanoseconds(head.Time.GetElapsedTime(head.Started)),
        LoadDuration = 0,
        PromptEvalCount = finish.Usage.PromptTokens,
        PromptEvalDuration = Nanoseconds(finish.Timings.Prefill),
        EvalCount = finish.Usage.CompletionTokens,
        EvalDuration = Nanoseconds(finish.Timings.Decode),
    };

    void Write(AnswerLine line) => Lines.Write(line, OllamaJson.Wire.AnswerLine);

    static long Nanoseconds(TimeSpan time) => time.Ticks * NanosecondsPerTick;

    static AnswerCall? Describe(int index, CollectedCall call)
    {
        try
        {
            JsonElement arguments = JsonElement.Parse(call.Arguments);
            return arguments.ValueKind == JsonValueKind.Object ? new AnswerCall(call.Id, new AnswerFunction(index, call.Name, arguments)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
