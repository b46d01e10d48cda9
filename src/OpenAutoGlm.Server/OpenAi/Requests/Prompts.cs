using System.Collections.Immutable;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.Requests;

/// <summary>The four forms of a prompt: a text, texts, token ids, several lists of token ids.</summary>
static class Prompts
{
    public static ImmutableArray<GenerationPrompt> Read(RequestValue value, int most = GenerationRequest.MaxChoices)
    {
        if (value.IsString)
        {
            return [new GenerationPrompt.Text(value.String())];
        }

        if (!value.IsArray)
        {
            throw value.Mismatch("a string, an array of strings, an array of token ids, or an array of such arrays");
        }

        if (value.Element.GetArrayLength() == 0)
        {
            throw value.Invalid("must not be empty");
        }

        RequestValue first = new(value.Path, value.Element[0]);
        if (first.IsNumber)
        {
            return [Ids(value)];
        }

        IReadOnlyList<RequestValue> prompts = value.Array(most);
        return first.IsArray
            ? [.. prompts.Select(Ids)]
            : [.. prompts.Select(prompt => new GenerationPrompt.Text(prompt.String()))];
    }

    static GenerationPrompt Ids(RequestValue value)
    {
        // Not by way of RequestValue.Array: a prompt may have a million ids, and only a wrong one needs its path.
        if (!value.IsArray)
        {
            throw value.Mismatch("an array of token ids");
        }

        ImmutableArray<int>.Builder ids = ImmutableArray.CreateBuilder<int>(value.Element.GetArrayLength());
        foreach (var element in value.Element.EnumerateArray())
        {
            ids.Add(element.ValueKind == System.Text.Json.JsonValueKind.Number && element.TryGetInt32(out int id)
                ? id
                : new RequestValue($"{value.Path}[{ids.Count}]", element).Int(0));
        }

        return new GenerationPrompt.Tokens(ids.MoveToImmutable());
    }
}
