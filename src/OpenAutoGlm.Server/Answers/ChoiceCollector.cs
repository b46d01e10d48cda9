using System.Text;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Answers;

/// <summary>Puts the events of one choice together.</summary>
sealed class ChoiceCollector
{
    readonly List<(PartKind Kind, StringBuilder Text, ToolCallDelta? Call)> _parts = [];
    readonly List<int> _calls = []; // the part of every call
    readonly List<GeneratedToken> _tokens = [];

    public void Add(GenerationEvent next)
    {
        switch (next)
        {
            case TextDelta delta:
                Append(PartKind.Text, delta.Text);
                _tokens.AddRange(delta.Tokens);
                break;
            case ThinkingDelta delta:
                Append(PartKind.Thinking, delta.Text);
                _tokens.AddRange(delta.Tokens);
                break;
            case ToolCallDelta delta:
                if (delta.Call == _calls.Count)
                {
                    _calls.Add(_parts.Count);
                    _parts.Add((PartKind.Call, new StringBuilder(), delta));
                }

                _parts[_calls[delta.Call]].Text.Append(delta.Arguments);
                _tokens.AddRange(delta.Tokens);
                break;
        }
    }

    public CollectedChoice Finish(ChoiceFinished finished)
    {
        CollectedPart[] parts = [.. _parts.Select(part => new CollectedPart(part.Kind, part.Text.ToString(), part.Call))];
        return new CollectedChoice(parts, _tokens, finished);
    }

    void Append(PartKind kind, string text)
    {
        if (text.Length == 0)
        {
            return;
        }

        if (_parts.Count == 0 || _parts[^1].Kind != kind)
        {
            _parts.Add((kind, new StringBuilder(), null));
        }

        _parts[^1].Text.Append(text);
    }
}
