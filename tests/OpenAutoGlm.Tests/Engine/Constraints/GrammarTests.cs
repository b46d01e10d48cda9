namespace OpenAutoGlm.Engine.Constraints;

public class GrammarTests
{
    const string Sums = """
        # sums with brackets
        root ::= term (("+" | "-") term)*
        term ::= factor ("*" factor)*
        factor ::= [0-9]+ | "(" root ")"
        """;

    [Theory]
    [InlineData(Sums, "1+2*(3-4)", true)]
    [InlineData(Sums, "((((7))))", true)]
    [InlineData(Sums, "1+", false)]
    [InlineData(Sums, "(1", false)]
    [InlineData("root ::= \"a\" root \"b\" | \"\"", "aaabbb", true)]
    [InlineData("root ::= \"a\" root \"b\" | \"\"", "aaabb", false)]
    [InlineData("start: /[a-c]{2}/ word?\nword: \" \" [^\\n]+", "ab é日", true)]
    [InlineData("root ::= item{2,3}\nitem ::= \"x\" |\n  \"y\"", "xyx", true)]
    [InlineData("root ::= item{2,3}\nitem ::= \"x\" |\n  \"y\"", "x", false)]
    [InlineData("root ::= ([\\x41-\\u0043] \"\\\"\")+", "A\"C\"", true)]
    [InlineData("root ::= a a\na ::= \"x\" | \"xx\"", "xxx", true)]
    [InlineData("root ::= \"(\" root \")\" root | \"\"", "(())()", true)]
    [InlineData("root ::= \"(\" root \")\" root | \"\"", "(()", false)]
    [InlineData("root ::= .", "日", true)]
    public void Texts_of_a_grammar_are_accepted(string grammar, string text, bool accepted) =>
        Assert.Equal(accepted, TestVocabulary.Compile(OutputConstraint.Grammar(grammar)).Accepts(text));

    [Theory]
    [InlineData("root ::= root \"a\" | \"a\"", "left recursion")]
    [InlineData("root ::= b\nb ::= c? b \"x\"\nc ::= \"\"", "left recursion")]
    [InlineData("root ::= missing", "no rule named missing")]
    [InlineData("other ::= \"a\"", "no rule named root")]
    [InlineData("root ::= \"a", "without the other")]
    [InlineData("root ::= (\"a\"", "without its )")]
    [InlineData("root ::= [a", "without its ]")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"", "there twice")]
    [InlineData("root ::= \"a\" root", "no text can satisfy it")]
    [InlineData("root ::= \"a\"{99999}", "10000 at most")]
    [InlineData("", "no rule named root")]
    [InlineData("root = ~", "was expected")]
    public void A_wrong_grammar_is_refused_with_its_place(string grammar, string reason)
    {
        ConstraintException refused = Assert.Throws<ConstraintException>(() => TestVocabulary.Compile(OutputConstraint.Grammar(grammar)));
        Assert.Contains(reason, refused.Message);
        Assert.NotNull(refused.Position);
    }

    [Fact]
    public void Rules_that_write_out_to_nothing_are_bounded()
    {
        string doubling = string.Join('\n', Enumerable.Range(0, 60).Select(i => $"r{i} ::= r{i + 1} r{i + 1}")) + "\nr60 ::= \"\"\nroot ::= r0";
        Assert.Throws<ConstraintException>(() => TestVocabulary.Compile(OutputConstraint.Grammar(doubling)));
    }

    [Fact]
    public void Choices_are_exactly_those()
    {
        CompiledConstraint choice = TestVocabulary.Compile(OutputConstraint.Choice(["yes", "no", "yes, but"]));
        Assert.True(choice.Accepts("yes, but"));
        Assert.True(choice.Accepts("yes"));
        Assert.False(choice.Accepts("ye"));
        Assert.False(choice.Accepts("nope"));
        Assert.Throws<ConstraintException>(() => OutputConstraint.Choice([]));
        Assert.Throws<ConstraintException>(() => OutputConstraint.Choice(["a", ""]));
    }
}
