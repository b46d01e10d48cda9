namespace OpenAutoGlm.Models.Templates;

/// <summary>Names that a part of a template has set; what is not found here is looked up outside.</summary>
sealed class Scope(Scope? outer)
{
    Dictionary<string, TemplateValue>? _values;

    public Scope Root => outer is null ? this : outer.Root;

    public void Set(string name, TemplateValue value) => (_values ??= new(StringComparer.Ordinal))[name] = value;

    public TemplateValue? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._values is not null && scope._values.TryGetValue(name, out TemplateValue? value)) return value;
        }

        return null;
    }

    Scope? Outer => outer;
}
