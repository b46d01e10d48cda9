using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>
/// The answer of /v1/responses. A stream has one open item at a time; whatever is of another kind completes it. The
/// response at the end of a stream is the one that would have come whole.
/// </summary>
sealed class ResponsesReply(AnswerHead head, ResponsesRequest request) : EventReply
{
    const string InProgressStatus = "in_progress";
    const string CompletedStatus = "completed";
    const string IncompleteStatus = "incomplete";

    readonly string _id = $"resp_{RandomNumberGenerator.GetHexString(48, lowercase: true)}";
    readonly List<OutputItem> _output = [];
    readonly StringBuilder _text = new();
    OutputItem? _open;
    int _openCall = -1;
    int _events;
    ChoiceFinished? _finish;

    bool TellsSummary => request.Echo.Reasoning.Summary is not null;

    public override async Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, AnswerUsage usage, CancellationToken cancellation)
    {
        CollectedChoice choice = choices[0];
        for (int index = 0; index < choice.Parts.Count; index++)
        {
            CollectedPart part = choice.Parts[index];
            bool isCut = index == choice.Parts.Count - 1 && choice.Finish.Reason == FinishReason.Length;
            _output.Add(Fill(Begin(part.Kind, part.Begin), part.Text, isCut));
        }

        ResponseBody body = End(choice.Finish, usage);
        Store(body);
        await WireJson.WriteAsync(response, body, ResponsesJson.Wire.ResponseBody, cancellation);
    }

    public override void WriteStart(int choice)
    {
        Write(new Created(Body(InProgressStatus)));
        Write(new InProgress(Body(InProgressStatus)));
    }

    public override void WriteDelta(TextDelta delta)
    {
        if (delta.Text.Length > 0)
        {
            Continue(PartKind.Text);
            Append(delta.Text);
            Write(new TextPiece(_open!.Id, _output.Count, delta.Text));
        }
    }

    public override void WriteThinking(ThinkingDelta delta)
    {
        if (delta.Text.Length > 0)
        {
            Continue(PartKind.Thinking);
            Append(delta.Text);
            Write(TellsSummary ? new SummaryPiece(_open!.Id, _output.Count, delta.Text) : new ReasoningPiece(_open!.Id, _output.Count, delta.Text));
        }
    }

    public override void WriteToolCall(ToolCallDelta delta)
    {
        if (delta.Call != _openCall)
        {
            Close(isCut: false);
            _openCall = delta.Call;
            Open(Begin(PartKind.Call, delta));
        }

        if (delta.Arguments.Length > 0)
        {
            Append(delta.Arguments);
            Write(new ArgumentsPiece(_open!.Id, _output.Count, delta.Arguments));
        }
    }

    public override void WriteFinish(ChoiceFinished finished)
    {
        Close(finished.Reason == FinishReason.Length);
        _finish = finished;
    }

    public override void WriteEnd(AnswerUsage usage)
    {
        ResponseBody body = End(_finish!, usage);
        Store(body);
        Write(body.Status == IncompleteStatus ? new Incomplete(body) : new Completed(body));
    }

    public override void WriteError(ApiError error) =>
        Write(new Failed(Body("failed") with { Error = new ResponseError(error.Status == StatusCodes.Status429TooManyRequests ? "rate_limit_exceeded" : "server_error", error.Message) }));

    void Continue(PartKind kind)
    {
        bool isOpen = kind == PartKind.Text ? _open is MessageItem : _open is ReasoningItem;
        if (!isOpen)
        {
            Close(isCut: false);
            Open(Begin(kind, null));
        }
    }

    void Append(string text) => _text.Append(text);

    void Open(OutputItem item)
    {
        _open = item;
        _text.Clear();
        Write(new ItemAdded(_output.Count, item));
        switch (item)
        {
            case MessageItem:
                Write(new PartAdded(item.Id, _output.Count, new OutputText("")));
                break;
            case ReasoningItem when TellsSummary:
                Write(new SummaryAdded(item.Id, _output.Count, new SummaryText("")));
                break;
            case ReasoningItem:
                Write(new PartAdded(item.Id, _output.Count, new ReasoningText("")));
                break;
        }
    }

    void Close(bool isCut)
    {
        if (_open is not { } open)
        {
            return;
        }

        string text = _text.ToString();
        int index = _output.Count;
        OutputItem item = Fill(open, text, isCut);
        switch (item)
        {
            case MessageItem message:
                Write(new TextDone(item.Id, index, text));
                Write(new PartDone(item.Id, index, message.Content[0]));
                break;
            case ReasoningItem reasoning when TellsSummary:
                Write(new SummaryTextDone(item.Id, index, text));
                Write(new SummaryDone(item.Id, index, reasoning.Summary[0]));
                break;
            case ReasoningItem reasoning:
                Write(new ReasoningDone(item.Id, index, text));
                Write(new PartDone(item.Id, index, reasoning.Content[0]));
                break;
            case CallItem call:
                Write(new ArgumentsDone(item.Id, index, call.Name, text));
                break;
        }

        Write(new ItemDone(index, item));
        _output.Add(item);
        (_open, _openCall) = (null, -1);
    }

    static OutputItem Begin(PartKind kind, ToolCallDelta? call) => kind switch
    {
        PartKind.Text => new MessageItem($"msg_{Guid.NewGuid():N}", InProgressStatus, []),
        PartKind.Thinking => new ReasoningItem($"rs_{Guid.NewGuid():N}", InProgressStatus, [], []),
        _ => new CallItem($"fc_{Guid.NewGuid():N}", InProgressStatus, "", call?.Id ?? "", call?.Name ?? ""),
    };

    OutputItem Fill(OutputItem item, string text, bool isCut)
    {
        string status = isCut ? IncompleteStatus : CompletedStatus;
        return item switch
        {
            MessageItem message => message with { Status = status, Content = [new OutputText(text)] },
            ReasoningItem reasoning when TellsSummary => reasoning with { Status = status, Summary = [new SummaryText(text)] },
            ReasoningItem reasoning => reasoning with { Status = status, Content = [new ReasoningText(text)] },
            CallItem call => call with { Status = status, Arguments = text },
            _ => throw new InvalidOperationException($"There is no item of the kind {item.GetType().Name}."),
        };
    }

    ResponseBody Body(string status) => new(_id, head.Created.ToUnixTimeSeconds(), status, head.Model, [.. _output], request.Echo);

    ResponseBody End(ChoiceFinished finish, AnswerUsage usage)
    {
        bool isCut = finish.Reason == FinishReason.Length;
        return Body(isCut ? IncompleteStatus : CompletedStatus) with
        {
            CompletedAt = isCut ? null : head.Time.GetUtcNow().ToUnixTimeSeconds(),
            IncompleteDetails = isCut ? new IncompleteDetails("max_output_tokens") : null,
            Usage = new ResponseUsage(usage.PromptTokens, new InputDetails(usage.CachedTokens), usage.CompletionTokens, new OutputDetails(0), usage.PromptTokens + usage.CompletionTokens),
        };
    }

    void Store(ResponseBody body)
    {
        if (request.Keep is { } keep)
        {
            JsonElement told = JsonSerializer.SerializeToElement(body, ResponsesJson.Wire.ResponseBody);
            keep(new StoredResponse(_id, told, request.Input, [.. told.GetProperty("output").EnumerateArray().Select(item => item.Clone())]));
        }
    }

    void Write(ResponseEvent next) => Events.Write(next.EventName, next with { SequenceNumber = _events++ }, ResponsesJson.Wire.ResponseEvent);
}
