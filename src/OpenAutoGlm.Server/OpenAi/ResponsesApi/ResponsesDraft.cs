using System.Collections.Immutable;
using System.Text.Json;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>A request to /v1/responses as its parameters are read.</summary>
sealed class ResponsesDraft : ChatDraft
{
    const int MostLabels = 16;
    const int LongestLabelName = 64;
    const int LongestLabel = 512;

    JsonElement _text = JsonElement.Parse("""{"format":{"type":"text"}}""");
    JsonElement _toolChoice = JsonElement.Parse("\"auto\"");
    JsonElement _tools = JsonElement.Parse("[]");
    Dictionary<string, string> _metadata = [];
    ReasoningSettings _reasoning = new(null, null);

    public RequestValue? Input { get; set; }

    public string? Instructions { get; set; }

    public string? PreviousId { get; set; }

    public bool Store { get; set; } = true;

    public static void ReadTools(ResponsesDraft draft, RequestValue value)
    {
        foreach (RequestValue tool in value.Array(ToolList.MaxTools))
        {
            RequestFields fields = new(tool);
            RequestValue type = fields.Need("type");
            if (type.String() != "function")
            {
                throw type.Unsupported($"is '{ApiError.Clip(type.String())}'; only functions, which the client runs, are supported");
            }

            draft.Tools.Add(fields.Need("name"), fields.Take("description"), fields.Take("parameters"), fields.Take("strict")?.Bool() ?? false);
            fields.End("a function");
        }

        draft._tools = value.Element.Clone();
    }

    public static void ReadToolChoice(ResponsesDraft draft, RequestValue value)
    {
        ToolChoice choice;
        if (value.IsString)
        {
            choice = value.String() switch
            {
                "none" => Engine.Generation.ToolChoice.None,
                "auto" => Engine.Generation.ToolChoice.Auto,
                "required" => Engine.Generation.ToolChoice.Required,
                _ => throw value.Invalid("must be \"none\", \"auto\", \"required\" or a function"),
            };
        }
        else
        {
            RequestFields fields = new(value);
            RequestValue type = fields.Need("type");
            choice = type.String() == "function"
                ? Engine.Generation.ToolChoice.Named(fields.Need("name").String())
                : throw type.Unsupported("must be \"function\"");
            fields.End("tool_choice");
        }

        draft.ToolChoice = (value.Path, choice);
        draft._toolChoice = value.Element.Clone();
    }

    public static void ReadText(ResponsesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        if (fields.Take("verbosity") is { } verbosity && verbosity.String() != "medium")
        {
            throw verbosity.Unsupported("is not supported yet");
        }

        if (fields.Take("format") is { } format)
        {
            ReadFormat(draft, format);
        }

        fields.End("text");
        draft._text = value.Element.Clone();
    }

    public static void ReadReasoning(ResponsesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        RequestValue? effort = fields.Take("effort");
        if (effort is { } degree)
        {
            draft.SetEffort(degree);
        }

        RequestValue? summary = fields.Take("summary") ?? fields.Take("generate_summary");
        if (summary is { } kind && kind.String() is not ("auto" or "detailed"))
        {
            throw kind.Unsupported("must be \"auto\" or \"detailed\": thinking is not shortened");
        }

        fields.End("reasoning");
        draft._reasoning = new ReasoningSettings(effort?.String(), summary?.String());
    }

    public static void ReadMetadata(ResponsesDraft draft, RequestValue value)
    {
        draft._metadata = new(StringComparer.Ordinal);
        foreach ((string name, RequestValue label) in value.Properties(MostLabels))
        {
            draft._metadata.Add(name.Length <= LongestLabelName ? name : throw label.Invalid($"has a name of {name.Length} characters; at most {LongestLabelName} are allowed"), label.String(LongestLabel));
        }
    }

    public ResponsesRequest Complete(ResponseStore store, string owner)
    {
        string model = NeedModel();
        RequestValue input = Input ?? throw new ApiException(ApiError.Missing("input"));
        InputItems items = new(Conversation, id => store.FindItem(owner, id));
        if (PreviousId is { } previousId)
        {
            StoredResponse previous = store.Find(owner, previousId)
                ?? throw new ApiException(ApiError.PreviousResponseNotFound(previousId));
            items.ReadStored(previous.Items);
        }

        items.ReadInput(input);
        if (Conversation.Messages.Count == 0)
        {
            throw input.Invalid("has nothing that can be answered");
        }

        if (Instructions is { Length: > 0 })
        {
            Conversation.Preface(Instructions);
        }

        GenerationRequest request = Build(Chat());
        ResponseEcho echo = new()
        {
            Instructions = Instructions,
            MaxOutputTokens = MaxTokens?.Tokens,
            Metadata = _metadata,
            ParallelToolCalls = ParallelToolCalls,
            PreviousResponseId = PreviousId,
            Reasoning = _reasoning,
            Store = Store,
            Temperature = Sampling.Temperature,
            TopP = Sampling.TopP,
            Text = _text,
            ToolChoice = _toolChoice,
            Tools = _tools,
            User = Tenant,
        };
        return new ResponsesRequest(model, [request], echo, items.Items)
        {
            PromptName = "input",
            MaxTokensName = MaxTokens?.Path,
            ConstraintName = Constraint?.Path,
            Stream = Stream,
            Keep = Store ? response => store.Add(owner, response) : null,
        };
    }

    static void ReadFormat(ResponsesDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        RequestValue type = fields.Need("type");
        switch (type.String())
        {
            case "text":
                break;
            case "json_object":
                draft.Constraint = (value.Path, OutputConstraint.Json());
                break;
            case "json_schema":
                fields.TakeString("name", LongestLabelName);
                fields.TakeString("description");

                // With strict or without it the schema is kept, or refused.
                fields.Take("strict")?.Bool();
                RequestValue schema = fields.Need("schema");
                draft.Constraint = (schema.Path, OutputConstraint.JsonSchema(schema.IsObject ? schema.Element.GetRawText() : throw schema.Mismatch("an object")));
                break;
            default:
                throw type.Invalid("must be \"text\", \"json_object\" or \"json_schema\"");
        }

        fields.End("a format");
    }
}

/// <summary>A request to /v1/responses.</summary>
/// <param name="Model">The name the client calls the model by.</param>
/// <param name="Prompts">The request for the engine.</param>
/// <param name="Echo">What the response repeats of it.</param>
/// <param name="Input">All items that led to the response.</param>
sealed record ResponsesRequest(string Model, ImmutableArray<GenerationRequest> Prompts, ResponseEcho Echo, IReadOnlyList<JsonElement> Input) : TextRequest(Model, Prompts)
{
    /// <summary>Stores the response; null where it is not to be stored.</summary>
    public Action<StoredResponse>? Keep { get; init; }

    public override Reply Answer(AnswerHead head) => new ResponsesReply(head, this);
}
