using System.Globalization;
using System.Text;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Schemas;

namespace OpenAutoGlm.Engine.Constraints;

public class NumberTests
{
    [Fact]
    public void Comparisons_are_those_of_the_numbers()
    {
        Random random = new(2);
        for (int round = 0; round < 60; round++)
        {
            string bound = Spelling(random, exponents: true);
            Assert.True(JsonNumber.TryParse(bound, out JsonNumber number));
            decimal expected = Value(bound);
            foreach ((string relation, Func<int, bool> holds) in ((string, Func<int, bool>)[])
                [("<", order => order < 0), ("<=", order => order <= 0), (">", order => order > 0), (">=", order => order >= 0), ("=", order => order == 0)])
            {
                Dfa automaton = NumberAutomata.Compare(number, relation);
                for (int i = 0; i < 60; i++)
                {
                    string text = random.Next(4) == 0 && NumberAutomata.Universe.Matches(Bytes(bound)) ? bound : Spelling(random, exponents: true);
                    if (NumberAutomata.Universe.Matches(Bytes(text)))
                    {
                        Assert.True(holds(Value(text).CompareTo(expected)) == automaton.Matches(Bytes(text)), $"{text} {relation} {bound}");
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("3")]
    [InlineData("7")]
    [InlineData("0.01")]
    [InlineData("0.5")]
    [InlineData("2.5")]
    [InlineData("10")]
    [InlineData("0.0001")]
    public void Multiples_are_those_of_the_numbers(string divisor)
    {
        Random random = new(3);
        Assert.True(JsonNumber.TryParse(divisor, out JsonNumber number));
        Dfa multiples = NumberAutomata.MultiplesOf(number)!;
        Dfa among = number.AsScaled().Whole == 1 ? NumberAutomata.Universe : NumberAutomata.Plain;
        for (int i = 0; i < 3000; i++)
        {
            string text = random.Next(2) == 0 ? Spelling(random, exponents: true) : (Value(divisor) * random.Next(-50, 50)).ToString(CultureInfo.InvariantCulture);
            if (among.Matches(Bytes(text)))
            {
                Assert.True((Value(text) % Value(divisor) == 0) == multiples.Matches(Bytes(text)), $"{text} of {divisor}");
            }
        }
    }

    [Theory]
    [InlineData("""{"type": "integer", "minimum": 3, "maximum": 12}""", "3 12 7 5.0 1e1 1.2e1", "2 13 3.5 -4 1e2 1.25e1")]
    [InlineData("""{"type": "number", "exclusiveMinimum": 0, "maximum": 1}""", "0.1 1 1.0 1e-3 1.0e0", "0 0.0 -0.5 1.01 1e1")]
    [InlineData("""{"type": "number", "minimum": -2.5}""", "-2.5 -2.50 0 -1e-5 1e300", "-2.51 -3 -1e1")]
    [InlineData("""{"type": "integer", "maximum": 98765432109876543210}""", "98765432109876543210 5", "98765432109876543211")]
    [InlineData("""{"multipleOf": 0.01}""", "4.35 4 0.00 12.340", "4.355")]
    [InlineData("""{"type": "integer"}""", "0 -0 1.0 1e3 1.5e1 1.50e1", "1.5 1.25e1 01 +1 1. .5 1e-1")]
    [InlineData("""{"not": {"type": "integer"}, "type": "number"}""", "1.5 1e-1 1.25e1", "1 1.0 1e3")]
    [InlineData("""{"enum": [1, 2.50, 1e3]}""", "1 1.0 2.5 2.500 1000 1e3 1.0e3", "3 2 1e2")]
    public void Schemas_of_numbers_allow_the_right_ones(string schema, string right, string wrong)
    {
        CompiledConstraint compiled = TestVocabulary.Schema(schema);
        Assert.All(right.Split(' '), text => Assert.True(compiled.Accepts(text), text));
        Assert.All(wrong.Split(' '), text => Assert.False(compiled.Accepts(text), text));
    }

    static string Spelling(Random random, bool exponents)
    {
        string whole = random.Next(3) == 0 ? "0" : random.Next(1, random.Next(2) == 0 ? 10 : 2000).ToString(CultureInfo.InvariantCulture);
        string fraction = random.Next(2) == 0 ? "" : "." + random.Next(1000).ToString(random.Next(2) == 0 ? "000" : "0", CultureInfo.InvariantCulture);
        string exponent = exponents && random.Next(3) == 0 ? $"{"eE"[random.Next(2)]}{((string[])["", "+", "-", "-0"])[random.Next(4)]}{random.Next(4)}" : "";
        return (random.Next(3) == 0 ? "-" : "") + whole + fraction + exponent;
    }

    static decimal Value(string text) => decimal.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
