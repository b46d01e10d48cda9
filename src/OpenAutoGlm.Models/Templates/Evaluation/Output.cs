using System.Text;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Text on its way out of a template or of a part that is captured: a macro, a set block.</summary>
sealed class Output(Budget budget, int limit, string limitName)
{
    readonly StringBuilder _text = new();

    public void Write(string text)
    {
        if ((long)_text.Length + text.Length > limit) throw TemplateFault.Limit($"The {limitName} is longer than the {limit} characters allowed.");
        budget.Scan(text.Length);
        _text.Append(text);
    }

    public override string ToString() => _text.ToString();
}
