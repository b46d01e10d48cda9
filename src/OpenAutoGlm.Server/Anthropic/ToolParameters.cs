using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Anthropic;

/// <summary>Tools and the choice among them.</summary>
static class ToolParameters
{
    public static void Read(ChatDraft draft, RequestValue value)
    {
        foreach (RequestValue tool in value.Array(ToolList.MaxTools))
        {
            RequestFields fields = new(tool);
            if (fields.Take("type") is { } type && type.String() is var kind && kind != "custom")
            {
                throw type.Unsupported($"is '{ApiError.Clip(kind)}'; only custom tools, which the client runs, are supported");
            }

            draft.Tools.Add(fields.Need("name"), fields.Take("description"), fields.Need("input_schema"), fields.Take("strict")?.Bool() ?? false);

            // Arguments come as they are written, asked for or not.
            fields.Take("eager_input_streaming")?.Bool();
            if (fields.Take("cache_control") is { } control)
            {
                MessageContent.CheckCacheControl(control);
            }

            fields.End("a tool");
        }
    }

    public static void ReadChoice(ChatDraft draft, RequestValue value)
    {
        RequestFields fields = new(value);
        RequestValue type = fields.Need("type");
        string kind = type.String();
        ToolChoice choice = kind switch
        {
            "auto" => ToolChoice.Auto,
            "any" => ToolChoice.Required,
            "tool" => ToolChoice.Named(fields.Need("name").String()),
            "none" => ToolChoice.None,
            _ => throw type.Invalid($"is '{ApiError.Clip(kind)}'; it must be auto, any, tool or none"),
        };
        draft.ToolChoice = (value.Path, choice);
        if (kind != "none" && fields.Take("disable_parallel_tool_use") is { } alone)
        {
            draft.ParallelToolCalls = !alone.Bool();
        }

        fields.End("tool_choice");
    }
}
