using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>The parameters that say whether and how long a model thinks, and where that is shown. The wire has several names for each.</summary>
static class ThinkingParameters
{
    const string Effort = "reasoning_effort";
    const string Enable = "enable_thinking";

    public static void ReadEffort(RequestDraft draft, RequestValue value)
    {
        string effort = value.String();
        if (effort is not ("none" or "minimal" or "low" or "medium" or "high"))
        {
            throw value.Invalid($"is '{ApiError.Clip(effort)}'; it must be none, minimal, low, medium or high");
        }

        draft.ReasoningEffort = effort;
        draft.SetVariable(value, Effort, JsonValue.Create(effort));
    }

    /// <summary>Makes the template agree with the budget, and refuses a request that says both.</summary>
    public static void Settle(RequestDraft draft)
    {
        int? budget = Budget(draft);
        if (budget == 0 && draft.EnableThinking == true)
        {
            string other = draft.ThinkingBudget is null ? "reasoning_effort is none" : "thinking_budget is 0";
            throw new ApiException(ApiError.Invalid(Enable, $"{Enable} is true, but {other}; send one of them."));
        }

        if (budget is not null || draft.ReasoningEffort is not null)
        {
            draft.AddVariable(Enable, JsonValue.Create(budget != 0));
        }
    }

    /// <summary>What the engine is asked for; null where the text stays as the model writes it.</summary>
    public static ThinkingOptions? Of(RequestDraft draft)
    {
        int? budget = Budget(draft);
        bool asksForThinking = draft.EnableThinking == true || (budget != 0 && (draft.ReasoningEffort ?? (object?)draft.ThinkingBudget) is not null);
        bool isApart = draft.ReturnReasoning ?? (asksForThinking || draft.Tools.Count > 0);
        return isApart || budget is not null ? new ThinkingOptions { Apart = isApart, Budget = budget } : null;
    }

    static int? Budget(RequestDraft draft) => draft switch
    {
        { ThinkingBudget: { } tokens } => tokens,
        { EnableThinking: false } => 0,
        { ReasoningEffort: { } effort } when ThinkingOptions.TryBudget(effort, out int? budget) => budget,
        _ => null,
    };
}
