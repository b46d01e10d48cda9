using System.Diagnostics;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Templates come from strangers: whatever they compute ends soon, in bounded memory, with a clear error.</summary>
public class HostileTemplateTests
{
    static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    public static TheoryData<string> Bombs =>
    [
        "{{ 'a' * 10**9 }}",
        "{{ ('a' * 10**7) * 100 }}",
        "{{ [1] * 10**9 }}",
        "{{ (1,) * (2**100) }}",
        "{{ range(10**12) }}",
        "{% for i in range(10**12) %}x{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}some text that goes out{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='aa') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='aa') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='aa') %}{% for i in range(100) %}{% set ns.s = ns.s|replace('a', 'aaaaaaaa') %}{% endfor %}",
        "{% set ns = namespace(s=['aa']) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        "{% set ns = namespace(s=[], t=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% set ns.t = [ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(50) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(50) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|string|length }}",
        "{% set ns = namespace(s=()) %}{% for i in range(100) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} }}",
        "{% set ns = namespace(n=2) %}{% set ns.ns = ns %}{{ ns }}",
        "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 10 ** (10 ** 8) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{{ f(n + 1) }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro f(n) %}{{ [n, n]|map('string')|map('f')|list }}{% call f(n) %}{% endcall %}{{ caller() }}{% endmacro %}{{ f(1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%99999999999999999999d' % 1 }}",
        "{{ '%.1000000000f' % 1.5 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ '{:.999999999f}'.format(1.5) }}",
        "{{ '{:{w}}'.format('a', w=1000000000) }}",
        "{{ 'a'.center(10**9) }}",
        "{{ 'a'.ljust(10**9) }}",
        "{{ 'a'.zfill(10**9) }}",
        "{{ '\t\t\t'.expandtabs(10**9) }}",
        "{{ 'a\nb'|indent(10**9) }}",
        "{{ [1]|tojson(indent=10**9) }}",
        "{{ 'a'|center(10**9) }}",
        "{{ [1]|batch(10**9, 'x')|list }}",
        "{{ [1]|slice(10**9, 'x')|list }}",
        "{{ ('a' * 10**6).split('') }}",
        "{{ (',' * 10**7).split(',') }}",
        "{{ ('a' * 10**7)|list }}",
        "{{ (('a' * 10**6).replace('', 'x' * 100)) }}",
        "{{ ('x' * 10**6).join(range(1000)|map('string')) }}",
        "{{ range(99999)|map('string')|join('x' * 10**6) }}",
        "{% set s = 'a' * 10**7 %}{% for i in range(99999) %}{{ s.count('b') }}{% endfor %}",
        "{% set s = 'a' * 10**7 %}{% for i in range(99999) %}{{ 'b' in s }}{% endfor %}",
        "{% set s = 'a' * 10**7 %}{% set t = 'a' * 10**7 %}{% for i in range(99999) %}{{ s == t }}{% endfor %}",
        "{% set s = 'a' * 10**7 %}{% for i in range(99999) %}{% set t = s|upper %}{% endfor %}",
        "{% set s = range(99999)|list %}{% for i in range(99999) %}{{ 5.5 in s }}{% endfor %}",
        "{% set s = range(99999)|list %}{% for i in range(99999) %}{% set t = s|sort(reverse=true) %}{% endfor %}",
        "{% set s = 'a' * 10**7 %}{% for i in range(99999) %}{{ s[0:1] }}{{ s[::-1]|length }}{% endfor %}",
        "{% set s = ' ' * 10**7 %}{% for i in range(99999) %}{{ s|trim }}{{ s|int }}{{ s|wordcount }}{% endfor %}",
    ];

    [Theory]
    [MemberData(nameof(Bombs))]
    public void A_bomb_ends_in_an_error(string template)
    {
        long start = Stopwatch.GetTimestamp();
        Assert.ThrowsAny<TemplateException>(() => LanguageTests.Render(template, limits: TemplateLimits.Default with { Steps = 1_000_000 }));
        Assert.True(Stopwatch.GetElapsedTime(start) < Soon, $"It took {Stopwatch.GetElapsedTime(start)}.");
    }

    [Fact]
    public void A_bomb_ends_soon_with_the_default_limits_too()
    {
        long start = Stopwatch.GetTimestamp();
        Assert.ThrowsAny<TemplateException>(() => LanguageTests.Render("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"));
        Assert.True(Stopwatch.GetElapsedTime(start) < Soon, $"It took {Stopwatch.GetElapsedTime(start)}.");
    }

    public static TheoryData<string, string, string> DeepSources => new()
    {
        { "{{ ", "(", "1 }}" },
        { "{{ ", "[", "1 }}" },
        { "{{ ", "-", "1 }}" },
        { "{{ ", "not ", "1 }}" },
        { "{{ 1", " + 1", " }}" },
        { "{{ 1", " ** 1", " }}" },
        { "{{ x", ".x", " }}" },
        { "{{ x", "[0]", " }}" },
        { "{{ x", "()", " }}" },
        { "{{ x", "|list", " }}" },
        { "{{ x", " is defined", " }}" },
        { "{{ x[", "x[", "0 }}" },
        { "{{ {1:", "{1:", "1 }}" },
        { "{{ 1", " if 1 else 1", " }}" },
        { "{{ 1", " if 1", " }}" },
        { "{{ x is x ", "(", " }}" },
        { "", "{% if 1 %}", "" },
        { "", "{% for x in y %}", "" },
        { "", "{% macro f() %}", "" },
        { "{% set ", "(", "a = 1 %}" },
        { "{% filter upper", "|upper", "%}{% endfilter %}" },
        { "{{ ", "f(", "1 }}" },
        { "{{ ", "x if x else ", "1 }}" },
    };

    [Theory]
    [MemberData(nameof(DeepSources))]
    public void A_deeply_nested_source_ends_in_an_error_and_not_on_the_stack(string start, string repeated, string end)
    {
        string source = start + string.Concat(Enumerable.Repeat(repeated, 100_000 / Math.Max(1, repeated.Length / 4))) + end;
        Assert.ThrowsAny<TemplateException>(() => LanguageTests.Render(source, limits: TemplateLimits.Default with { SourceCharacters = 10_000_000 }));
    }

    [Fact]
    public void A_small_stack_ends_the_recursion_earlier()
    {
        Assert.Equal(TemplateError.Limit, RenderOnSmallStack("{{ " + new string('(', 190) + "1" + new string(')', 190) + " }}").Error);
        Assert.Equal(TemplateError.Limit, RenderOnSmallStack("{% macro f(n) %}{{ [f(n + 1)]|join }}{% endmacro %}{{ f(0) }}").Error);
    }

    static TemplateException RenderOnSmallStack(string source)
    {
        Exception? caught = null;
        Thread thread = new(() => caught = Record.Exception(() => LanguageTests.Render(source)), 256 * 1024);
        thread.Start();
        thread.Join();
        return Assert.IsType<TemplateException>(caught);
    }

    [Theory]
    [InlineData("{{")]
    [InlineData("{%")]
    [InlineData("{#")]
    [InlineData("{% raw %}")]
    [InlineData("{% if x %}")]
    [InlineData("{% endif %}")]
    [InlineData("{% for %}{% endfor %}")]
    [InlineData("{% break %}")]
    [InlineData("{% include 'x' %}")]
    [InlineData("{% set true = 1 %}")]
    [InlineData("{{ 'abc }}")]
    [InlineData("{{ '\\x1' }}")]
    [InlineData("{{ '\\UFFFFFFFF' }}")]
    [InlineData("{{ 007 }}")]
    [InlineData("{{ (1] }}")]
    [InlineData("{{ ) }}")]
    [InlineData("{{ a b }}")]
    [InlineData("{{ $ }}")]
    [InlineData("{{ }}")]
    [InlineData("{{ f(a=1, 2) }}")]
    [InlineData("{{ x is string is string }}")]
    public void What_is_no_template_is_a_syntax_error(string source) =>
        Assert.Equal(TemplateError.Syntax, Assert.Throws<TemplateException>(() => ChatTemplate.Parse(source)).Error);

    [Theory]
    [InlineData("{{ ''.__class__ }}{{ x.__init__ }}{{ [].__len__ }}{{ namespace.__globals__ }}{{ range.__call__ }}{{ self }}{{ cycler.__init__ }}")]
    [InlineData("{{ messages.GetType }}{{ messages.Items }}{{ x.ToString }}{{ 1 .GetHashCode }}{{ d.Entries }}{{ d.Count }}")]
    public void Nothing_of_the_host_can_be_reached(string template) =>
        Assert.Equal("", LanguageTests.Render(template.Replace("1 .", "y."), """{"messages": [1], "x": "s", "y": 1, "d": {}}"""));

    [Fact]
    public void A_template_cut_anywhere_fails_or_renders_and_nothing_else()
    {
        const string Source = "{%- macro f(a, b=[1, {'k': 'v'}]) -%}{{ a ~ b[1].k|upper }}{% endmacro %}{% for x in range(3) if x is odd %}{{ f('\\u00e9' ~ x) }}{#- c -#}{% else %}{% raw %}{{{% endraw %}{% endfor %}";
        for (int length = 0; length <= Source.Length; length++)
        {
            Exception? caught = Record.Exception(() => LanguageTests.Render(Source[..length]));
            Assert.True(caught is null or TemplateException, $"at {length}: {caught}");
        }
    }

    [Fact]
    public void A_random_mixture_of_tokens_fails_or_renders_and_nothing_else()
    {
        string[] pieces = ["{{", "}}", "{%", "%}", "{#", "#}", " ", "\n", "-", "if", "else", "endif", "for", "in", "endfor", "set", "x", "=", "1", "2.5", "'a'", "(", ")", "[", "]", "{", "}", ":", ",", ".", "|", "upper", "is", "not", "~", "*", "//", "%", "loop", "macro", "endmacro", "raw", "endraw", "call", "endcall", "**", "recursive", "range", "join", "format"];
        Random random = new(20250711);
        for (int i = 0; i < 4_000; i++)
        {
            string source = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => pieces[random.Next(pieces.Length)] + (random.Next(3) == 0 ? " " : "")));
            Exception? caught = Record.Exception(() => LanguageTests.Render(random.Next(2) == 0 ? source : "{{ " + source + " }}"));
            Assert.True(caught is null or TemplateException, $"{source}: {caught}");
        }
    }

    [Fact]
    public void Too_long_a_source_and_too_long_an_output_are_refused()
    {
        TemplateLimits limits = TemplateLimits.Default with { SourceCharacters = 100, OutputCharacters = 10 };
        Assert.Equal(TemplateError.Limit, Assert.Throws<TemplateException>(() => ChatTemplate.Parse(new string('x', 101), "t", limits)).Error);
        Assert.Equal(TemplateError.Limit, Assert.Throws<TemplateException>(() => LanguageTests.Render("{{ 'abcdef' }}{{ 'abcdef' }}", limits: limits)).Error);
        Assert.Equal("abcdefghij", LanguageTests.Render("{{ 'abcdefghij' }}", limits: limits));
    }

    [Fact]
    public void Cancelling_ends_a_rendering()
    {
        using CancellationTokenSource source = new(TimeSpan.FromMilliseconds(20));
        TemplateLimits limits = TemplateLimits.Default with { Steps = long.MaxValue, ValueBytes = long.MaxValue };
        Assert.ThrowsAny<OperationCanceledException>(() => LanguageTests.Render(
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", limits: limits, source: source));
    }
}
