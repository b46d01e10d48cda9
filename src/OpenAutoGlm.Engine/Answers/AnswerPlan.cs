using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models.Templates;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>What a request asks of the parts of its answer: which tools may be called, and how its text is to be read.</summary>
/// <param name="Request">The request.</param>
/// <param name="Tools">The tools that may be called; none where no call is looked for.</param>
/// <param name="Format">How calls are written; null without tools.</param>
sealed record AnswerPlan(GenerationRequest Request, IReadOnlyList<Tool> Tools, AnswerFormat? Format)
{
    /// <summary>Whether an answer may have more than one call.</summary>
    bool IsParallel => Request.ParallelToolCalls && Request.ToolChoice.Name is null && Format is { IsParallel: true };

    /// <summary>Reads the tools of a request and checks that they, the choice among them and the model fit together.</summary>
    /// <exception cref="RequestRefusedException">They do not.</exception>
    public static AnswerPlan Of(GenerationRequest request, AnswerFormat? format)
    {
        ToolChoice choice = request.ToolChoice;
        IReadOnlyList<Tool> tools = request.Prompt is GenerationPrompt.Chat { Tools.Count: > 0 } chat && !choice.IsForbidden ? Tool.Read(chat.Tools) : [];
        Require(request.Thinking?.Budget is null or >= 0, "thinking_budget", $"thinking_budget must be at least 0, not {request.Thinking?.Budget}.");
        Require(request.Beams is null || request.Thinking is null, "use_beam_search", "A beam search leaves thinking as it is: leave out return_reasoning, enable_thinking, reasoning_effort and thinking_budget, or use_beam_search.");
        if (tools.Count == 0)
        {
            Require(!choice.IsRequired, "tool_choice", "tool_choice asks for a call, but there are no tools; send tools too.");
            return new AnswerPlan(request, [], null);
        }

        Require(format is not null, "tools", "The model's chat template knows no tools, or no way to call them that is known here; leave tools out.");
        Require(request.Beams is null, "use_beam_search", "A beam search calls no tools; leave out one of them.");
        Require(request.Mask is null && request.Constraint is null, "response_format", "An answer that may call tools cannot be constrained otherwise: leave response_format out, or set tool_choice to none.");
        Require(!choice.IsRequired || !request.IgnoreEndOfTurn, "ignore_eos", "ignore_eos must be false where tool_choice asks for a call, which ends the answer.");
        if (choice.Name is { } name)
        {
            tools = [.. tools.Where(tool => tool.Name == name)];
            Require(tools.Count == 1, "tool_choice", $"tool_choice names '{ConstraintException.Clip(name)}', which is none of the tools.");
        }

        return new AnswerPlan(request, tools, format);
    }

    /// <summary>The masks of the choices; null where calls are free.</summary>
    /// <param name="constraints">Compiles.</param>
    /// <param name="template">How the model's calls are spelled.</param>
    /// <param name="startsThinking">Whether the prompt left the model thinking.</param>
    /// <param name="opening">The token with which the model may begin to think first; −1 for none.</param>
    /// <param name="cancellation">Ends the compiling.</param>
    /// <exception cref="RequestRefusedException">A tool's schema cannot be kept, and must be.</exception>
    public Func<ITokenMask>? Mask(ConstraintCache constraints, ChatTemplate template, bool startsThinking, int opening, CancellationToken cancellation)
    {
        if (Format is null)
        {
            return null;
        }

        if (Request.ToolChoice.IsRequired)
        {
            CompiledConstraint calls = Compile(Tools, isAfter: false);
            string? after = startsThinking || opening >= 0 ? AnswerParser.ThinkingEnd : null;
            return () => new ConstraintMask(calls, after, startsThinking ? -1 : opening);
        }

        CallTrigger[] triggers = [.. Format.Triggers(Tools).Select(trigger => new CallTrigger(Encoding.UTF8.GetBytes(trigger.Text), trigger.IsFirst, Compile(trigger.Tools, isAfter: true)))];
        return () => new CallMask(triggers, startsThinking);

        CompiledConstraint Compile(IReadOnlyList<Tool> tools, bool isAfter)
        {
            HashSet<Tool> loose = [];
            while (true)
            {
                try
                {
                    return constraints.Compile(OutputConstraint.Calls(Describe(tools, loose, template, isAfter)), cancellation);
                }
                catch (ConstraintException error)
                {
                    // Where the model decides, a schema that nobody insists on may be a hint only.
                    Tool? tool = ToolOf(error, tools);
                    if (tool is null || tool.IsStrict || Request.ToolChoice.IsRequired || !loose.Add(tool))
                    {
                        throw Refused(error, tool);
                    }
                }
            }
        }
    }

    /// <summary>A parser for one choice; null where the text is told as it stands.</summary>
    public AnswerParser? Parser(int choice, bool startsThinking)
    {
        bool isApart = Request.Thinking is { Apart: true } && Request.Prompt is GenerationPrompt.Chat;
        return Format is null && !isApart
            ? null
            : new AnswerParser(choice, new AnswerReading(Format, Tools, IsCertain: Format is not null, isApart, startsThinking, IsParallel));
    }

    static Tool? ToolOf(ConstraintException error, IReadOnlyList<Tool> tools) =>
        error.Pointer is { Length: > 1 } pointer && int.TryParse(pointer.Split('/')[1], out int index) && index < tools.Count ? tools[index] : null;

    static RequestRefusedException Refused(ConstraintException error, Tool? tool)
    {
        if (tool is null)
        {
            return new RequestRefusedException(RefusalReason.InvalidParameter, "tools", error.Message, inner: error);
        }

        string path = string.Concat(error.Pointer!.Split('/').Skip(2).Select(step => "." + step));
        path = tool.ParametersPath + ConstraintException.Clip(path);
        return new RequestRefusedException(RefusalReason.InvalidParameter, path, $"{path}: {error.Reason} {error.Remedy}".TrimEnd(), inner: error);
    }

    string Describe(IReadOnlyList<Tool> tools, HashSet<Tool> loose, ChatTemplate template, bool isAfter)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("format", Format!.Name);
            writer.WriteBoolean("tight", Format.IsTight(template));
            writer.WriteBoolean("after", isAfter);
            writer.WriteBoolean("parallel", IsParallel);
            writer.WriteStartArray("tools");
            foreach (Tool tool in tools)
            {
                writer.WriteStartObject();
                writer.WriteString("name", tool.Name);
                writer.WritePropertyName("parameters");
                (loose.Contains(tool) ? [] : tool.Parameters ?? new JsonObject()).WriteTo(writer);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    static void Require(bool holds, string parameter, string otherwise)
    {
        if (!holds)
        {
            throw new RequestRefusedException(RefusalReason.InvalidParameter, parameter, otherwise);
        }
    }
}
