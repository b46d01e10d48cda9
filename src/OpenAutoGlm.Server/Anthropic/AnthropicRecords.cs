using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.Anthropic;

// The bodies of answers, field for field as Anthropic's reference has them.

sealed record ErrorBody(ErrorDetail Error, string RequestId)
{
    public string Type => "error";
}

sealed record ErrorDetail(string Type, string Message);

sealed record Message(string Id, string Model, IReadOnlyList<Block> Content, string? StopReason, string? StopSequence, MessageUsage Usage)
{
    public string Type => "message";

    public string Role => "assistant";
}

/// <summary>Tokens. What is read is told apart: computed, and found in the cache.</summary>
sealed record MessageUsage(int InputTokens, int CacheReadInputTokens, int OutputTokens)
{
    public int CacheCreationInputTokens => 0;
}

sealed record TokenCount(int InputTokens);

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(TextBlock), "text")]
[JsonDerivedType(typeof(ThinkingBlock), "thinking")]
[JsonDerivedType(typeof(ToolUseBlock), "tool_use")]
abstract record Block;

sealed record TextBlock(string Text) : Block
{
    public string? Citations => null;
}

sealed record ThinkingBlock(string Thinking, string Signature) : Block;

sealed record ToolUseBlock(string Id, string Name, JsonElement Input) : Block;

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(MessageStart), "message_start")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(BlockStart), "content_block_start")]
[JsonDerivedType(typeof(BlockDelta), "content_block_delta")]
[JsonDerivedType(typeof(BlockStop), "content_block_stop")]
[JsonDerivedType(typeof(MessageDelta), "message_delta")]
[JsonDerivedType(typeof(MessageStop), "message_stop")]
abstract record StreamEvent;

sealed record MessageStart(Message Message) : StreamEvent;

sealed record Ping : StreamEvent;

sealed record BlockStart(int Index, Block ContentBlock) : StreamEvent;

sealed record BlockDelta(int Index, Delta Delta) : StreamEvent;

sealed record BlockStop(int Index) : StreamEvent;

sealed record MessageDelta(EndDelta Delta, MessageUsage Usage) : StreamEvent;

sealed record MessageStop : StreamEvent;

sealed record EndDelta(string StopReason, string? StopSequence);

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(TextPiece), "text_delta")]
[JsonDerivedType(typeof(ThinkingPiece), "thinking_delta")]
[JsonDerivedType(typeof(SignaturePiece), "signature_delta")]
[JsonDerivedType(typeof(InputPiece), "input_json_delta")]
abstract record Delta;

sealed record TextPiece(string Text) : Delta;

sealed record ThinkingPiece(string Thinking) : Delta;

sealed record SignaturePiece(string Signature) : Delta;

sealed record InputPiece(string PartialJson) : Delta;
