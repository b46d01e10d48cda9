using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Engine.Constraints;

public class MaskTests
{
    public static TheoryData<string, string> Constraints => new()
    {
        { "json", "true" },
        { "json", """{"type": "object"}""" },
        { "json", """{"type": "object", "properties": {"name": {"type": "string"}, "kind": {"enum": ["a", "b\"c", "é"]}, "x": {"type": "integer", "minimum": 1, "maximum": 30}}, "required": ["kind", "x"], "additionalProperties": false}""" },
        { "json", """{"type": "object", "properties": {"name": {"type": "string"}, "na": {"type": "null"}, "a": {"type": "boolean"}}, "required": ["na"]}""" },
        { "json", """{"type": "object", "properties": {"x": {"type": "integer"}, "": {"type": "null"}}, "minProperties": 2, "maxProperties": 3}""" },
        { "json", """{"type": "object", "patternProperties": {"^a": {"type": "integer"}, "b$": {"type": "number", "maximum": 5}}, "additionalProperties": {"type": "string", "maxLength": 3}}""" },
        { "json", """{"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 4}, "maxItems": 3}""" },
        { "json", """{"type": "array", "items": {"type": "string", "pattern": "^[a-cé]+$"}, "minItems": 2}""" },
        { "json", """{"anyOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind"]}, {"type": "object", "properties": {"kind": {"const": "b"}, "x": {"type": "string"}}, "required": ["kind"]}]}""" },
        { "json", """{"type": "array", "contains": {"const": 1}, "minContains": 1, "maxContains": 2, "items": {"enum": [1, 12, "a"]}}""" },
        { "regex", "(abc|é|日本)+[0-9]{2,4}" },
        { "choice", "yes\0no\0name\0é" },
        { "grammar", "root ::= \"[\" (root (\",\" root)*)? \"]\" | [0-9]+ | \"\\\"\" [^\"\\\\]* \"\\\"\"" },
    };

    [Theory]
    [MemberData(nameof(Constraints))]
    public void A_mask_is_what_a_look_at_every_token_gives(string kind, string text)
    {
        CompiledConstraint constraint = TestVocabulary.Compile(Of(kind, text));
        Random random = new(5);
        for (int round = 0; round < 12; round++)
        {
            string? walked = TestVocabulary.Walk(constraint, random, (mask, allowed) => Compare(constraint, mask, allowed));
            Assert.True(walked is null || constraint.Accepts(walked), walked);
        }
    }

    [Theory]
    [MemberData(nameof(Constraints))]
    public void Every_spelling_in_tokens_of_a_right_text_is_allowed(string kind, string text)
    {
        CompiledConstraint constraint = TestVocabulary.Compile(Of(kind, text));
        Random random = new(6);
        ConstraintVocabulary vocabulary = TestVocabulary.Instance;
        for (int round = 0; round < 20; round++)
        {
            byte[] bytes = System.Text.Encoding.UTF8.GetBytes(TestVocabulary.Walk(constraint, random) ?? "");
            if (bytes.Length == 0)
            {
                continue;
            }

            ConstraintMask mask = new(constraint);
            for (int at = 0; at < bytes.Length;)
            {
                int[] fitting = [.. Enumerable.Range(0, vocabulary.Size).Where(id => vocabulary.Bytes(id).Length > 0 && bytes.AsSpan(at).StartsWith(vocabulary.Bytes(id)))];
                TokenSet allowed = mask.Allowed!;
                Assert.All(fitting, id => Assert.True(allowed.Contains(id)));
                int token = fitting[random.Next(fitting.Length)];
                mask.Accept(token);
                at += vocabulary.Bytes(token).Length;
            }

            Assert.True(mask.IsComplete);
        }
    }

    [Fact]
    public void A_complete_answer_has_nothing_but_its_end()
    {
        ConstraintMask mask = Mask(OutputConstraint.Choice(["yes"]));
        Assert.False(mask.IsComplete);
        mask.Accept(TestVocabulary.Token("yes"));
        Assert.True(mask.IsComplete);
        Assert.Equal(TestVocabulary.End, mask.Forced);
        float[] logits = new float[TestVocabulary.Instance.Size + 10];
        mask.Apply(logits);
        Assert.Equal([TestVocabulary.End], Enumerable.Range(0, logits.Length).Where(id => logits[id] == 0));
        mask.Accept(TestVocabulary.End);
        Assert.Equal(TestVocabulary.End, mask.Forced);
    }

    [Fact]
    public void A_token_that_may_not_come_is_an_error()
    {
        ConstraintMask mask = Mask(OutputConstraint.Json());
        Assert.Throws<InvalidOperationException>(() => mask.Accept('x'));
        Assert.Throws<InvalidOperationException>(() => mask.Accept(TestVocabulary.End));
        Assert.Throws<InvalidOperationException>(() => mask.Accept(TestVocabulary.Special));
        Assert.Throws<InvalidOperationException>(() => mask.Accept(100_000));
        mask.Accept('{');
        mask.Accept('}');
        Assert.Throws<InvalidOperationException>(() => mask.Accept(' '));
    }

    [Fact]
    public void A_fork_goes_its_own_way()
    {
        ConstraintMask mask = Mask(OutputConstraint.Choice(["yes", "no"]));
        ITokenMask fork = mask.Fork();
        mask.Accept('y');
        fork.Accept('n');
        Assert.True(mask.Allowed!.Contains('e'));
        Assert.Equal('o', fork.Forced);
    }

    [Fact]
    public void A_constraint_may_begin_after_a_marker_however_that_is_cut_into_tokens()
    {
        foreach (int[] marker in (int[][])[[TestVocabulary.Token("</think>")], [.. "</think>".Select(character => (int)character)], [TestVocabulary.Token("</th"), .. "ink>".Select(character => (int)character)]])
        {
            ConstraintMask mask = new(TestVocabulary.Compile(OutputConstraint.Json()), "</think>");
            float[] logits = new float[TestVocabulary.Instance.Size];
            mask.Apply(logits);
            Assert.Equal([TestVocabulary.End], Enumerable.Range(0, logits.Length).Where(id => logits[id] != 0));
            Assert.Throws<InvalidOperationException>(() => mask.Accept(TestVocabulary.End));
            mask.Accept('h');
            mask.Accept(TestVocabulary.Special);
            Array.ForEach(marker, mask.Accept);
            Assert.False(mask.Allowed!.Contains('h'));
            mask.Accept('{');
            mask.Accept('}');
            Assert.True(mask.IsComplete);
        }

        ConstraintMask joined = new(TestVocabulary.Compile(OutputConstraint.Json()), "</think>");
        joined.Accept(TestVocabulary.Token("</th"));
        joined.Accept(TestVocabulary.Token("ink>{"));
        Assert.True(joined.Allowed!.Contains('}'));
        ConstraintMask special = new(TestVocabulary.Compile(OutputConstraint.Json()), "<special>");
        special.Accept(TestVocabulary.Special);
        Assert.False(special.Allowed!.Contains('h'));
    }

    [Fact]
    public void A_cache_gives_what_it_has_and_keeps_only_so_much()
    {
        ConstraintCache cache = new(TestVocabulary.Instance, capacity: 2);
        CompiledConstraint Compile(OutputConstraint constraint) => cache.Compile(constraint, TestContext.Current.CancellationToken);
        CompiledConstraint first = Compile(OutputConstraint.Regex("a"));
        Assert.Same(first, Compile(OutputConstraint.Regex("a")));
        Assert.NotSame(first, Compile(OutputConstraint.Grammar("root ::= \"a\"")));
        Compile(OutputConstraint.Regex("b"));
        Assert.Equal(2, cache.Count);
        Assert.NotSame(first, Compile(OutputConstraint.Regex("a")));
        Assert.Throws<ConstraintException>(() => Compile(OutputConstraint.Regex("(")));
        Assert.Equal(2, cache.Count);
    }

    [Fact]
    public void Long_answers_keep_memory_bounded()
    {
        CompiledConstraint constraint = TestVocabulary.Schema("""{"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "maxItems": 100000}}""");
        ConstraintMask mask = new(constraint);
        mask.Accept('[');
        for (int i = 0; i < 20_000; i++)
        {
            Assert.True(mask.Allowed!.Contains('['));
            foreach (char character in i % 3 == 0 ? "[1,2]," : "[],")
            {
                mask.Accept(character);
            }
        }
    }

    static ConstraintMask Mask(OutputConstraint constraint) => new(TestVocabulary.Compile(constraint));

    static OutputConstraint Of(string kind, string text) => kind switch
    {
        "json" => OutputConstraint.JsonSchema(text),
        "regex" => OutputConstraint.Regex(text),
        "grammar" => OutputConstraint.Grammar(text),
        _ => OutputConstraint.Choice(text.Split('\0')),
    };

    static void Compare(CompiledConstraint constraint, ConstraintMask mask, TokenSet allowed)
    {
        ConstraintVocabulary vocabulary = constraint.Vocabulary;
        for (int token = 0; token < vocabulary.Size; token++)
        {
            ITokenMask fork = mask.Fork();
            bool expected;
            try
            {
                fork.Accept(token);
                expected = true;
            }
            catch (InvalidOperationException)
            {
                expected = false;
            }

            Assert.True(expected == allowed.Contains(token), $"token {token} under {constraint.Constraint.Text}");
        }
    }
}
