using System.Text;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Answers;

/// <summary>Puts the events of one choice together.</summary>
sealed class ChoiceCollector
{
    readonly StringBuilder _text = new();
    readonly StringBuilder _thinking = new();
    readonly List<(string Id, string Name, StringBuilder Arguments)> _calls = [];
    readonly List<GeneratedToken> _tokens = [];

    public void Add(GenerationEvent next)
    {
        switch (next)
        {
            case TextDelta delta:
                _text.Append(delta.Text);
                _tokens.AddRange(delta.Tokens);
                break;
            case ThinkingDelta delta:
                _thinking.Append(delta.Text);
                _tokens.AddRange(delta.Tokens);
                break;
            case ToolCallDelta delta:
                if (delta.Call == _calls.Count)
                {
                    _calls.Add((delta.Id ?? "", delta.Name ?? "", new StringBuilder()));
                }

                _calls[delta.Call].Arguments.Append(delta.Arguments);
                _tokens.AddRange(delta.Tokens);
                break;
        }
    }

    public CollectedChoice Finish(ChoiceFinished finished) =>
        new(_text.ToString(), _thinking.ToString(), [.. _calls.Select(call => new CollectedCall(call.Id, call.Name, call.Arguments.ToString()))], _tokens, finished);
}
