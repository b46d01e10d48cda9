using System.Globalization;
using System.Text.RegularExpressions;

namespace OpenAutoGlm.Optimization.Training.Nano;

public sealed partial class CalculationTests
{
    [Fact]
    public void Every_line_of_a_thought_is_true_and_the_last_number_is_the_result()
    {
        Dice dice = new(5);
        for (int i = 0; i < 2000; i++)
        {
            (int a, int b, int digit) = (dice.From(0, 999), dice.From(0, 999), dice.From(2, 9));
            Check(Calculation.Add(a, b), a + b);
            Check(Calculation.Subtract(Math.Max(a, b), Math.Min(a, b)), Math.Abs(a - b));
            Check(Calculation.Multiply(a, digit), a * digit);
            Check(Calculation.Divide(a / digit * digit, digit), a / digit);
        }
    }

    [Fact]
    public void A_sum_is_written_as_on_paper() => Assert.Equal("347+586\n7+6+0=13\n4+8+1=13\n3+5+1=09\n0933", Calculation.Add(347, 586));

    [Fact]
    public void A_difference_lends_ten_where_a_digit_is_too_small() => Assert.Equal("932-047\n12-7-0=5\n13-4-1=8\n09-0-1=8\n885", Calculation.Subtract(932, 47));

    [Theory]
    [InlineData(NanoSplit.Train)]
    [InlineData(NanoSplit.HeldOut)]
    public void Answers_are_right_for_what_is_asked(NanoSplit split)
    {
        Dice dice = new(7);
        foreach (NanoExample example in Enumerable.Range(0, 2000).Select(_ => ArithmeticTasks.Make(dice, split, NanoLanguage.English)))
        {
            string question = example.Messages[0].Content;
            if (Binary().Match(question) is { Success: true } match && example.Group is not ("chain" or "equation"))
            {
                (int a, int b) = (Number(match.Groups[1].Value), Number(match.Groups[3].Value));
                int expected = match.Groups[2].Value switch { "+" => a + b, "-" => a - b, "*" or "×" => a * b, _ => a / b };
                Assert.Equal(expected, Number(example.Answer));
            }
            else if (Linear().Match(question) is { Success: true } equation && example.Group == "equation")
            {
                int factor = equation.Groups[1].Value is { Length: > 0 } given ? Number(given) : 1;
                int added = equation.Groups[3].Value is { Length: > 0 } term ? Number(term) * (equation.Groups[2].Value == "-" ? -1 : 1) : 0;
                Assert.Equal(Number(equation.Groups[4].Value), (factor * Number(example.Answer[2..])) + added);
            }
        }
    }

    [Fact]
    public void Without_thinking_the_thought_is_empty_and_the_answer_is_the_same()
    {
        Assert.StartsWith("<think></think>", ArithmeticTasks.Make(new Dice(3), NanoSplit.Train, NanoLanguage.Chinese, thinks: false).Messages[^1].Content);
        Assert.Equal(
            ArithmeticTasks.Make(new Dice(3), NanoSplit.Train, NanoLanguage.Chinese, thinks: true).Answer,
            ArithmeticTasks.Make(new Dice(3), NanoSplit.Train, NanoLanguage.Chinese, thinks: false).Answer);
    }

    static void Check(string thought, int result)
    {
        string[] lines = thought.Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.All(lines[1..^1], line =>
        {
            string[] sides = line.Split('=');
            int[] terms = [.. Term().Matches(sides[0]).Select(match => Number(match.Value))];
            char sign = sides[0].First(character => character is '+' or '-' or '*' or '/');
            (int value, int remainder) = sign switch
            {
                '-' => (terms[0] - terms[1] - terms[2], 0),
                '*' => ((terms[0] * terms[1]) + terms[2], 0),
                '/' => (terms[0] / terms[1], terms[0] % terms[1]),
                _ => (terms.Sum(), 0),
            };
            string[] right = sides[1].Split('r');
            Assert.Equal((value, remainder), (Number(right[0]), right.Length > 1 ? Number(right[1]) : 0));
        });
        Assert.Equal(result, Number(lines[^1]));
    }

    static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\d+")]
    private static partial Regex Term();

    [GeneratedRegex(@"(\d+) ?([-+*×/÷]) ?(\d+)")]
    private static partial Regex Binary();

    [GeneratedRegex(@"(\d*)[xy](?: ?([-+]) ?(\d+))? ?= ?(\d+)")]
    private static partial Regex Linear();
}
