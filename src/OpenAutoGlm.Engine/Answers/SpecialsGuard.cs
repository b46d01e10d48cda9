using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Answers;

/// <summary>
/// Keeps control tokens that somebody typed from acting as such: before a conversation is rendered, every text in it that
/// spells one out gets a mark inside that name, and the mark tells the tokenizer afterwards. The template's own control
/// tokens have none.
/// </summary>
sealed class SpecialsGuard
{
    // Code points that are no characters and will never be (Unicode, §23.7), so that nobody misses them.
    const char FirstMark = '\uFDD0';
    const int Marks = 32;

    readonly Tokenizer _tokenizer;
    readonly IReadOnlySet<int> _tags;

    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="tags">Tags around thinking and calls, which messages carry as text even where the vocabulary has control tokens for them.</param>
    /// <param name="chat">The conversation.</param>
    /// <exception cref="RequestRefusedException">The conversation has all of the marks in it.</exception>
    public SpecialsGuard(Tokenizer tokenizer, IReadOnlySet<int> tags, GenerationPrompt.Chat chat)
    {
        (_tokenizer, _tags) = (tokenizer, tags);
        JsonNode?[] parts = [chat.Messages, chat.Tools, chat.Variables];
        IsNeeded = Array.Exists(parts, part => Any(part, text => !ReferenceEquals(tokenizer.Guard(text, FirstMark, tags), text)));
        if (IsNeeded)
        {
            int free = Enumerable.Range(0, Marks).Cast<int?>().FirstOrDefault(index => !Array.Exists(parts, part => Any(part, text => text.Contains((char)(FirstMark + index!.Value))))) ?? -1;
            Mark = free >= 0
                ? (char)(FirstMark + free)
                : throw new RequestRefusedException(RefusalReason.InvalidParameter, "messages", "The messages have all code points from U+FDD0 to U+FDEF in them, which are no characters; leave one out.");
        }
    }

    /// <summary>Whether any text spells out a control token.</summary>
    public bool IsNeeded { get; }

    /// <summary>The mark.</summary>
    public char Mark { get; }

    /// <summary>A value with its texts marked; the same where there is nothing to mark.</summary>
    public JsonNode? Guard(JsonNode? node) => !IsNeeded ? node : node switch
    {
        JsonObject entries => new JsonObject(entries.Select(entry => KeyValuePair.Create(_tokenizer.Guard(entry.Key, Mark, _tags), Copy(entry.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Copy)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => JsonValue.Create(_tokenizer.Guard(value.GetValue<string>(), Mark, _tags)),
        _ => node,
    };

    JsonNode? Copy(JsonNode? node) => Guard(node) is { } guarded ? guarded.Parent is null && !ReferenceEquals(guarded, node) ? guarded : guarded.DeepClone() : null;

    static bool Any(JsonNode? node, Func<string, bool> holds) => node switch
    {
        JsonObject entries => entries.Any(entry => holds(entry.Key) || Any(entry.Value, holds)),
        JsonArray items => items.Any(item => Any(item, holds)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => holds(value.GetValue<string>()),
        _ => false,
    };
}
