using System.Text.Json.Serialization;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>An event of a streamed response. Numbers count the events of a stream from 0.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Created), Created.Name)]
[JsonDerivedType(typeof(InProgress), InProgress.Name)]
[JsonDerivedType(typeof(Completed), Completed.Name)]
[JsonDerivedType(typeof(Incomplete), Incomplete.Name)]
[JsonDerivedType(typeof(Failed), Failed.Name)]
[JsonDerivedType(typeof(ItemAdded), ItemAdded.Name)]
[JsonDerivedType(typeof(ItemDone), ItemDone.Name)]
[JsonDerivedType(typeof(PartAdded), PartAdded.Name)]
[JsonDerivedType(typeof(PartDone), PartDone.Name)]
[JsonDerivedType(typeof(TextPiece), TextPiece.Name)]
[JsonDerivedType(typeof(TextDone), TextDone.Name)]
[JsonDerivedType(typeof(ReasoningPiece), ReasoningPiece.Name)]
[JsonDerivedType(typeof(ReasoningDone), ReasoningDone.Name)]
[JsonDerivedType(typeof(SummaryAdded), SummaryAdded.Name)]
[JsonDerivedType(typeof(SummaryPiece), SummaryPiece.Name)]
[JsonDerivedType(typeof(SummaryTextDone), SummaryTextDone.Name)]
[JsonDerivedType(typeof(SummaryDone), SummaryDone.Name)]
[JsonDerivedType(typeof(ArgumentsPiece), ArgumentsPiece.Name)]
[JsonDerivedType(typeof(ArgumentsDone), ArgumentsDone.Name)]
abstract record ResponseEvent([property: JsonIgnore] string EventName)
{
    public int SequenceNumber { get; init; }
}

sealed record Created(ResponseBody Response) : ResponseEvent(Name)
{
    public const string Name = "response.created";
}

sealed record InProgress(ResponseBody Response) : ResponseEvent(Name)
{
    public const string Name = "response.in_progress";
}

sealed record Completed(ResponseBody Response) : ResponseEvent(Name)
{
    public const string Name = "response.completed";
}

sealed record Incomplete(ResponseBody Response) : ResponseEvent(Name)
{
    public const string Name = "response.incomplete";
}

sealed record Failed(ResponseBody Response) : ResponseEvent(Name)
{
    public const string Name = "response.failed";
}

sealed record ItemAdded(int OutputIndex, OutputItem Item) : ResponseEvent(Name)
{
    public const string Name = "response.output_item.added";
}

sealed record ItemDone(int OutputIndex, OutputItem Item) : ResponseEvent(Name)
{
    public const string Name = "response.output_item.done";
}

sealed record PartAdded(string ItemId, int OutputIndex, ContentPart Part) : ResponseEvent(Name)
{
    public const string Name = "response.content_part.added";

    public int ContentIndex => 0;
}

sealed record PartDone(string ItemId, int OutputIndex, ContentPart Part) : ResponseEvent(Name)
{
    public const string Name = "response.content_part.done";

    public int ContentIndex => 0;
}

sealed record TextPiece(string ItemId, int OutputIndex, string Delta) : ResponseEvent(Name)
{
    public const string Name = "response.output_text.delta";

    public int ContentIndex => 0;

    public IReadOnlyList<string> Logprobs => [];
}

sealed record TextDone(string ItemId, int OutputIndex, string Text) : ResponseEvent(Name)
{
    public const string Name = "response.output_text.done";

    public int ContentIndex => 0;

    public IReadOnlyList<string> Logprobs => [];
}

sealed record ReasoningPiece(string ItemId, int OutputIndex, string Delta) : ResponseEvent(Name)
{
    public const string Name = "response.reasoning_text.delta";

    public int ContentIndex => 0;
}

sealed record ReasoningDone(string ItemId, int OutputIndex, string Text) : ResponseEvent(Name)
{
    public const string Name = "response.reasoning_text.done";

    public int ContentIndex => 0;
}

sealed record SummaryAdded(string ItemId, int OutputIndex, ContentPart Part) : ResponseEvent(Name)
{
    public const string Name = "response.reasoning_summary_part.added";

    public int SummaryIndex => 0;
}

sealed record SummaryPiece(string ItemId, int OutputIndex, string Delta) : ResponseEvent(Name)
{
    public const string Name = "response.reasoning_summary_text.delta";

    public int SummaryIndex => 0;
}

sealed record SummaryTextDone(string ItemId, int OutputIndex, string Text) : ResponseEvent(Name)
{
    public const string Name = "response.reasoning_summary_text.done";

    public int SummaryIndex => 0;
}

sealed record SummaryDone(string ItemId, int OutputIndex, ContentPart Part) : ResponseEvent(Name)
{
    public const string Name = "response.reasoning_summary_part.done";

    public int SummaryIndex => 0;
}

sealed record ArgumentsPiece(string ItemId, int OutputIndex, string Delta) : ResponseEvent(Name)
{
    public const string Name = "response.function_call_arguments.delta";
}

sealed record ArgumentsDone(string ItemId, int OutputIndex, string FunctionName, string Arguments) : ResponseEvent(Name)
{
    public const string Name = "response.function_call_arguments.done";

    [JsonPropertyName("name")]
    public string FunctionName { get; init; } = FunctionName;
}
