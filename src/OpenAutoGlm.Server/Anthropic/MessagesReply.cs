using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>The answer of /v1/messages. A stream has one open block at a time; whatever is of another kind closes it.</summary>
sealed class MessagesReply(AnswerHead head, string requestId) : EventReply
{
    /// <summary>Clients want a signature under thinking before they send it back; there is nothing to prove here.</summary>
    const string Signature = "open-autoglm";

    static readonly JsonElement NoInput = JsonElement.Parse("{}");

    readonly string _id = $"msg_{Guid.NewGuid():N}";
    int _blocks;
    Block? _open;
    int _openCall = -1;
    bool _hasInput;
    ChoiceFinished? _finish;

    public override Task WriteWholeAsync(HttpResponse response, IReadOnlyList<CollectedChoice> choices, AnswerUsage usage, CancellationToken cancellation)
    {
        CollectedChoice choice = choices[0];
        EndDelta end = EndOf(choice.Finish);
        Message message = new(_id, head.Model, [.. choice.Parts.Select(Describe)], end.StopReason, end.StopSequence, Describe(usage));
        return WireJson.WriteAsync(response, message, AnthropicJson.Wire.Message, cancellation);
    }

    public override void WriteStart(int choice)
    {
        Write("message_start", new MessageStart(new Message(_id, head.Model, [], null, null, new MessageUsage(head.PromptTokens, 0, 0))));
        WriteKeepAlive();
    }

    public override void WriteDelta(TextDelta delta)
    {
        if (delta.Text.Length > 0)
        {
            Continue<TextBlock>(() => new TextBlock(""));
            Write(new TextPiece(delta.Text));
        }
    }

    public override void WriteThinking(ThinkingDelta delta)
    {
        if (delta.Text.Length > 0)
        {
            Continue<ThinkingBlock>(() => new ThinkingBlock("", ""));
            Write(new ThinkingPiece(delta.Text));
        }
    }

    public override void WriteToolCall(ToolCallDelta delta)
    {
        if (delta.Call != _openCall)
        {
            Close();
            (_openCall, _hasInput) = (delta.Call, false);
            Begin(new ToolUseBlock(delta.Id ?? "", delta.Name ?? "", NoInput));
        }

        // A client that looks into the arguments before they are complete stumbles over white space alone.
        string piece = _hasInput ? delta.Arguments : delta.Arguments.TrimStart();
        if (piece.Length > 0)
        {
            _hasInput = true;
            Write(new InputPiece(piece));
        }
    }

    public override void WriteFinish(ChoiceFinished finished)
    {
        Close();
        _finish = finished;
    }

    public override void WriteEnd(AnswerUsage usage)
    {
        Write("message_delta", new MessageDelta(EndOf(_finish!), Describe(usage)));
        Write("message_stop", new MessageStop());
    }

    public override void WriteError(ApiError error) => Events.Write("error", AnthropicErrors.Body(error, requestId), AnthropicJson.Wire.ErrorBody);

    public override void WriteKeepAlive() => Write("ping", new Ping());

    void Continue<TBlock>(Func<TBlock> begin)
        where TBlock : Block
    {
        if (_open is not TBlock)
        {
            Close();
            Begin(begin());
        }
    }

    void Begin(Block block)
    {
        _open = block;
        Write("content_block_start", new BlockStart(_blocks, block));
    }

    void Close()
    {
        if (_open is ThinkingBlock)
        {
            Write(new SignaturePiece(Signature));
        }

        if (_open is not null)
        {
            Write("content_block_stop", new BlockStop(_blocks++));
            (_open, _openCall) = (null, -1);
        }
    }

    void Write(Delta delta) => Write("content_block_delta", new BlockDelta(_blocks, delta));

    void Write(string name, StreamEvent value) => Events.Write(name, value, AnthropicJson.Wire.StreamEvent);

    static Block Describe(CollectedPart part) => part.Kind switch
    {
        PartKind.Text => new TextBlock(part.Text),
        PartKind.Thinking => new ThinkingBlock(part.Text, Signature),
        _ => new ToolUseBlock(part.ToCall().Id, part.ToCall().Name, Input(part.Text)),
    };

    /// <summary>The arguments as an object. Those of a call that max_tokens cut off are none, and stop_reason says so.</summary>
    static JsonElement Input(string arguments)
    {
        try
        {
            JsonElement input = JsonElement.Parse(arguments);
            return input.ValueKind == JsonValueKind.Object ? input : NoInput;
        }
        catch (JsonException)
        {
            return NoInput;
        }
    }

    static MessageUsage Describe(AnswerUsage usage) => new(usage.PromptTokens - usage.CachedTokens, usage.CachedTokens, usage.CompletionTokens);

    static EndDelta EndOf(ChoiceFinished finish) => finish switch
    {
        { Reason: FinishReason.Length } => new EndDelta("max_tokens", null),
        { StopString: { } stop } => new EndDelta("stop_sequence", stop),
        { ToolCalls: > 0 } => new EndDelta("tool_use", null),
        _ => new EndDelta("end_turn", null),
    };
}
