using System.Collections.Immutable;
using System.Text;
using OpenAutoGlm.Engine.Constraints.Automata;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>Which keys of an object a rule is about: one by name, those of a form, or those that no other matcher names.</summary>
sealed class KeyMatcher
{
    KeyMatcher(string? name, Dfa? form, ImmutableArray<KeyMatcher> noneOf) => (Name, Form, NoneOf) = (name, form, noneOf);

    public static KeyMatcher All { get; } = new(null, null, []);

    public string? Name { get; }

    public Dfa? Form { get; }

    public ImmutableArray<KeyMatcher> NoneOf { get; }

    public static KeyMatcher Named(string name) => new(name, null, []);

    public static KeyMatcher Like(Dfa form) => new(null, form, []);

    public static KeyMatcher Except(IEnumerable<KeyMatcher> others) => new(null, null, [.. others]);

    /// <summary>Whether it is about a key.</summary>
    /// <param name="name">The key, or null for one that nobody names.</param>
    /// <param name="hasForm">Whether the key has a form.</param>
    public bool Matches(string? name, Func<Dfa, bool> hasForm) =>
        Name is not null ? Name == name
        : Form is not null ? hasForm(Form)
        : !NoneOf.Any(other => other.Matches(name, hasForm));

    public bool Matches(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return Matches(name, form => form.Matches(bytes));
    }

    /// <summary>Whether two are the same rule, as far as that can be seen at once.</summary>
    public bool IsSame(KeyMatcher other) => ReferenceEquals(this, other)
        || (Name == other.Name && ReferenceEquals(Form, other.Form) && NoneOf.Length == other.NoneOf.Length
            && NoneOf.Zip(other.NoneOf).All(pair => pair.First.IsSame(pair.Second)));

    /// <summary>Adds the names and forms that it mentions.</summary>
    public void Collect(ISet<string> names, ISet<Dfa> forms)
    {
        if (Name is not null)
        {
            names.Add(Name);
        }

        if (Form is not null)
        {
            forms.Add(Form);
        }

        foreach (KeyMatcher other in NoneOf)
        {
            other.Collect(names, forms);
        }
    }
}
