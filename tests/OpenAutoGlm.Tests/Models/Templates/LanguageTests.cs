using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace OpenAutoGlm.Models.Templates;

/// <summary>The language: what a template renders equals what Python's Jinja renders.</summary>
public class LanguageTests
{
    [Theory]
    [InlineData("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ 10 / 2 }} {{ 2 ** -1 }}", "3 -4 2 -2 3.0 5.0 0.5")]
    [InlineData("{{ 2 ** 100 }} {{ 18446744073709551615 + 1 }}", "1267650600228229401496703205376 18446744073709551616")]
    [InlineData("{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 1e-4 }} {{ 0.00001 }} {{ 5e-324 }} {{ -0.0 }}", "0.30000000000000004 1e+16 1000000000000000.0 0.0001 1e-05 5e-324 -0.0")]
    [InlineData("{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 == 1.0 == true }}", "TrueFalseTrue")]
    [InlineData("{{ 2.5|round }} {{ 2.675|round(2) }} {{ 42|round }} {{ 15|round(-1) }} {{ 1.25|round(1) }}", "2.0 2.67 42 20 1.2")]
    [InlineData("{{ 1 ~ none ~ true ~ 1.0 ~ [1] ~ x }}", "1NoneTrue1.0[1]")]
    [InlineData("{{ -2**2 }} {{ 2**3**2 }} {{ (1 + 2) ~ 3 }} {{ 'a' ~ 'b' * 2 }}", "4 64 33 abb")]
    public void Numbers_and_operators_follow_Python(string template, string expected) => Renders(expected, template);

    [Theory]
    [InlineData("{{ [\"it's\", 'q\"q', 'b\\\\', '\\n\\t\\x00\\x7f\\u200b', '😀é'] }}", "[\"it's\", 'q\"q', 'b\\\\', '\\n\\t\\x00\\x7f\\u200b', '😀é']")]
    [InlineData("{{ {'a': none, 1: (1,), 'b': {'c': [true, 1.5]}} }}", "{'a': None, 1: (1,), 'b': {'c': [True, 1.5]}}")]
    [InlineData("{{ {1: 'a', true: 'b', 1.0: 'c'} }} {{ {'a': 1, 'a': 2} }}", "{1: 'c'} {'a': 2}")]
    [InlineData("{{ range(3) }} {{ range(9)[2:8:3] }} {{ {'a': 1}.items() }} {{ {'a': 1}.keys() }}", "range(0, 3) range(2, 8, 3) dict_items([('a', 1)]) dict_keys(['a'])")]
    public void Values_are_written_as_Python_writes_them(string template, string expected) => Renders(expected, template);

    [Theory]
    [InlineData("{{ '😀你好'|length }} {{ '😀你好'[1] }} {{ '😀你好'[::-1] }} {{ '😀你好'.find('好') }} {{ '😀x'.center(4, '.') }}", "3 你 好你😀 2 .😀x.")]
    [InlineData("{{ ' a b '.split() }}{{ ' a b '.split(' ') }}{{ 'a,b,c'.rsplit(',', 1) }}{{ ''.split() }}{{ ''.split(',') }}", "['a', 'b']['', 'a', 'b', '']['a,b', 'c'][]['']")]
    [InlineData("{{ 'x.y.z'.partition('.') }} {{ 'x'.rpartition('.') }} {{ 'a\\r\\nb\\n'.splitlines() }}", "('x', '.', 'y.z') ('', '', 'x') ['a', 'b']")]
    [InlineData("{{ '%s is %05.1f%%' % ('a', 3.14159) }} {{ '%(k)-4s|' % {'k': 1} }} {{ '%x %+d % d' % (255, 1, 2) }}", "a is 003.1% 1   | ff +1  2")]
    [InlineData("{{ '{} {1!r:>5} {k[0]:^5}|{{}}'.format(1, k=['z']) }}", null)]
    [InlineData("{{ '{0} {1!r:>5} {k[0]:^5}|{{}}'.format(1, 'y', k=['z']) }} {{ '{:,.2f}'.format(1234567.891) }}", "1   'y'   z  |{} 1,234,567.89")]
    [InlineData("{{ \"it's A-b c(d\"|title }} {{ \"it's\".title() }} {{ 'ab cD'|capitalize }}", "It's A-B C(D It'S Ab cd")]
    [InlineData("{{ 'foo bar baz'|truncate(7) }} {{ 'foo bar baz'|truncate(7, true, leeway=0) }}", "foo bar baz foo ...")]
    [InlineData("{{ 'a\\n\\nb'|indent(2) }}|{{ 'a\\nb'|indent('>', first=true) }}", "a\n\n  b|>a\n>b")]
    public void Texts_follow_Python(string template, string? expected)
    {
        if (expected is null) Assert.Throws<TemplateException>(() => Render(template));
        else Renders(expected, template);
    }

    [Theory]
    [InlineData("{{ [3, 1, 2]|sort }}{{ ['b', 'a', 'B']|sort }}{{ [none, none]|sort }}{{ ['b', 'a', 'B']|unique|list }}", "[1, 2, 3]['a', 'b', 'B'][None, None]['b', 'a']")]
    [InlineData("{% for g in [{'k': 'b', 'v': 1}, {'k': 'a', 'v': 2}, {'k': 'B', 'v': 3}]|groupby('k') %}{{ g.grouper }}{{ g.list|map(attribute='v')|list }}{% endfor %}", "a[2]b[1, 3]")]
    [InlineData("{{ [1, 2, 3, 4, 5]|batch(2, 'x')|list }}{{ [1, 2, 3, 4, 5]|slice(3)|list }}", "[[1, 2], [3, 4], [5, 'x']][[1, 2], [3, 4], [5]]")]
    [InlineData("{% set g = [1, 2]|map('string') %}{{ g|first }}{{ g|list }}{{ g|list }}", "1['2'][]")]
    [InlineData("{{ [1, 2]|sum(start=10) }}{{ ['b', 'A']|min }}{{ [1, none, x]|join('-') }}{{ none|select|list }}", "13A1-None-[]")]
    [InlineData("{{ {'b': 1, 'a': 2}|dictsort }}{{ {'b': 1, 'a': 2}|dictsort(by='value') }}", "[('a', 2), ('b', 1)][('b', 1), ('a', 2)]")]
    public void Sequences_follow_Python(string template, string expected) => Renders(expected, template);

    [Theory]
    [InlineData("{{ {'a': [1, {}], 'é': '</b>\"\\n\\x01'}|tojson }}", "{\"a\": [1, {}], \"é\": \"</b>\\\"\\n\\u0001\"}")]
    [InlineData("{{ {'a': [1, {}]}|tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    {}\n  ]\n}")]
    [InlineData("{{ '😀\\x7f'|tojson(ensure_ascii=true) }}", "\"\\ud83d\\ude00\x7f\"")]
    [InlineData("{{ {1: 1.0, none: 1e20, true: []}|tojson(separators=(',', ':')) }}", "{\"1\":[],\"null\":1e+20}")]
    public void Json_is_written_as_Hugging_Face_does(string template, string expected) => Renders(expected, template);

    [Theory]
    [InlineData("a\n  {% if true %}\n    b\n  {% endif %}\nc\n", "a\n    b\nc")]
    [InlineData("a {%- if true -%} b {%- endif %}\nc", "abc")]
    [InlineData("  {%+ if true %}x\n  {%- endif +%}\ny", "  x\ny")]
    [InlineData("x {# c\n #} y\n  {# d #}\n{{ 1 }}\nz", "x  y\n1\nz")]
    [InlineData("  {% raw %}{{ x }} {% if %}  {% endraw %}\ny", "{{ x }} {% if %}  y")]
    [InlineData("a\r\n{% if true %}\r\nb\rc{% endif %}", "a\nb\nc")]
    [InlineData("{{-1}}{{ '}}' }}{{ {'a': {'b': 1}}['a'] }}{", "1}}{'b': 1}{")]
    public void Whitespace_control_follows_Jinja(string template, string expected) => Renders(expected, template);

    [Theory]
    [InlineData("{% for x in [1, 2, 3] if x > 1 %}{{ loop.index }}/{{ loop.length }}{{ loop.previtem }}{{ loop.last }};{% else %}no{% endfor %}", "1/2False;2/22True;")]
    [InlineData("{% for n in t recursive %}{{ n.n }}{{ loop.depth }}({{ loop(n.c) }}){% endfor %}", "a1(b2()c2())", """{"t": [{"n": "a", "c": [{"n": "b", "c": []}, {"n": "c", "c": []}]}]}""")]
    [InlineData("{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}", "15151")]
    [InlineData("{% set ns = namespace(a=1) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}", "4")]
    [InlineData("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "02")]
    [InlineData("{% macro m(a, b=a, c='c') %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1, 2, 3, 4, k=5) }}", "11c(){}123(4,){'k': 5}")]
    [InlineData("{% macro w(n) %}<{{ caller(n, n + 1) }}>{% endmacro %}{% call(a, b) w(1) %}{{ a }}{{ b }}{% endcall %}", "<12>")]
    [InlineData("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}{% set y %} {{ f(1) }} {% endset %}{{ y|trim }}", "321010")]
    [InlineData("{% filter upper|replace('A', 'b') %}a{{ 'c' }}{% endfilter %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "bC1")]
    [InlineData("{% generation %}{% set v = 3 %}{{ v }}{% endgeneration %}{{ v }}|{% block b %}{{ 1 }}{% endblock b %}", "3|1")]
    [InlineData("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{% set j = joiner() %}{{ j() }}{{ j() }}", "aba, ")]
    public void Statements_follow_Jinja(string template, string expected, string data = "{}") => Renders(expected, template, data);

    [Theory]
    [InlineData("{{ x }}{{ x|length }}{% for i in x %}{% endfor %}{{ x or 'd' }}{{ x is defined }}{{ d.y }}{{ x == y }}", "0dFalseTrue")]
    [InlineData("{{ d.items is defined }}{{ d['items'] }}{{ d.get('z', 9) }}{{ d.z|default('q') }}{{ [1][5] }}", "True19q")]
    public void What_is_missing_is_empty(string template, string expected) => Renders(expected, template, """{"d": {"items": 1}}""");

    [Theory]
    [InlineData("{{ x.y }}", "'x' is undefined")]
    [InlineData("{{ d.a.b }}", "'dict object' has no attribute 'a'")]
    [InlineData("{{ 1 + 'a' }}", "unsupported operand types for +: 'int' and 'str'")]
    [InlineData("{{ 'a' + 1 }}", "can only concatenate str (not \"int\") to str")]
    [InlineData("{{ [].append(1) }}", "list.append() is refused")]
    [InlineData("{{ 'a'|frobnicate }}", "There is no filter named 'frobnicate'.")]
    [InlineData("{{ x|tojson }}", "Object of type Undefined is not JSON serializable")]
    public void A_wrong_use_of_values_says_what_is_wrong(string template, string reason)
    {
        TemplateException exception = Assert.Throws<TemplateException>(() => Render(template, """{"d": {}}"""));
        Assert.Equal(TemplateError.Evaluation, exception.Error);
        Assert.StartsWith(reason, exception.Reason);
    }

    [Fact]
    public void An_error_names_template_line_and_column()
    {
        TemplateException exception = Assert.Throws<TemplateException>(() => ChatTemplate.Parse("a\n  {{ 1 + }}", "chat.jinja"));
        Assert.Equal(("chat.jinja", 2, 10, TemplateError.Syntax), (exception.Template, exception.Line, exception.Column, exception.Error));
        exception = Assert.Throws<TemplateException>(() => Render("a\n\n {{ 'x' + 1 }}"));
        Assert.Equal((3, 9), (exception.Line, exception.Column));
    }

    [Fact]
    public void A_refusal_of_the_template_can_be_told_from_a_failure()
    {
        TemplateException exception = Assert.Throws<TemplateException>(() => Render("{{ raise_exception('roles must alternate') }}"));
        Assert.Equal((TemplateError.Raised, "roles must alternate"), (exception.Error, exception.Reason));
    }

    [Fact]
    public void The_date_comes_from_the_given_clock() =>
        Renders("2025-02-03 Monday 03 Feb 2025 034 07:08:09 PM", "{{ strftime_now('%Y-%m-%d %A %d %b %Y %j %I:%M:%S %p') }}");

    [Fact]
    public void A_conversation_renders_with_what_Hugging_Face_passes()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if tools is none %}-{% endif %}{% if add_generation_prompt and not enable_thinking %}!{% endif %}");
        using JsonDocument messages = JsonDocument.Parse("""[{"role": "user", "content": "Hi"}]""");
        ChatTemplateInput input = ChatTemplateInput.FromJson(messages.RootElement) with
        {
            BosToken = "<s>",
            Extra = new Dictionary<string, TemplateValue> { ["enable_thinking"] = false },
        };
        Assert.Equal("<s><user>Hi-!", template.Render(input, TestContext.Current.CancellationToken));
        Assert.Contains("enable_thinking", template.Reads);
        Assert.DoesNotContain("documents", template.Reads);
    }

    [Fact]
    public void Json_nodes_and_elements_become_the_same_values()
    {
        const string Json = """{"a": [1, 2.50, 18446744073709551616, null, true, "x\u0000"], "b": {}, "a2": {"c": 1e3}}""";
        string fromElement = TemplateValue.FromJson(JsonDocument.Parse(Json).RootElement).ToString();
        Assert.Equal("{'a': [1, 2.5, 18446744073709551616, None, True, 'x\\x00'], 'b': {}, 'a2': {'c': 1000.0}}", fromElement);
        Assert.Equal(fromElement, TemplateValue.FromJson(System.Text.Json.Nodes.JsonNode.Parse(Json)).ToString());
    }

    [Fact]
    public void Any_text_survives_printing_and_json() => Prop.ForAll<UnicodeString>(unicode =>
    {
        // Half a surrogate pair is no text: neither JSON nor UTF-8 can carry it.
        string text = string.Concat((unicode?.Get ?? "").EnumerateRunes().Select(rune => rune.ToString()));
        KeyValuePair<string, TemplateValue>[] variables = [new("x", text)];
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Assert.Equal(text, ChatTemplate.Parse("{{ x }}").Render(variables, Clock, cancellation));
        foreach (string json in new[] { "{{ x|tojson }}", "{{ x|tojson(ensure_ascii=true) }}" })
        {
            string written = ChatTemplate.Parse(json).Render(variables, Clock, cancellation);
            Assert.Equal(text, TemplateValue.FromJson(JsonDocument.Parse(written).RootElement).ToString());
        }
    }).QuickCheckThrowOnFailure();

    internal static readonly TimeProvider Clock = new FixedClock();

    static void Renders(string expected, string template, string data = "{}") => Assert.Equal(expected, Render(template, data));

    internal static string Render(string template, string data = "{}", TemplateLimits? limits = null, CancellationTokenSource? source = null)
    {
        using JsonDocument document = JsonDocument.Parse(data);
        var variables = document.RootElement.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, TemplateValue.FromJson(property.Value)));
        return ChatTemplate.Parse(template, "test", limits).Render(variables, Clock, source?.Token ?? default);
    }

    sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2025, 2, 3, 19, 8, 9, TimeSpan.Zero);

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
