using System.Globalization;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// Makes calculations and small equations, with thinking or, to be compared with it, without. Numbers of one split are
/// never in the other: the same two numbers in either order, whatever is done with them.
/// </summary>
sealed class ArithmeticTasks
{
    readonly Dice _dice;
    readonly NanoSplit _split;
    readonly NanoLanguage _language;

    ArithmeticTasks(Dice dice, NanoSplit split, NanoLanguage language) => (_dice, _split, _language) = (dice, split, language);

    /// <summary>One conversation.</summary>
    /// <param name="dice">Where to draw from.</param>
    /// <param name="split">For training or not.</param>
    /// <param name="language">The language of the question.</param>
    /// <param name="thinks">Whether it is thought about; null for mostly.</param>
    public static NanoExample Make(Dice dice, NanoSplit split, NanoLanguage language, bool? thinks = null)
    {
        bool isThinking = thinks ?? !dice.Percent(12);
        (string group, string question, string thought, string answer) = new ArithmeticTasks(dice, split, language).Draw();
        return new NanoExample(
            group,
            language,
            [new NanoMessage("user", question), new NanoMessage("assistant", $"<think>{(isThinking ? thought : "")}</think>{answer}")],
            answer,
            isThinking)
        {
            Ability = NanoAbility.Arithmetic,
        };
    }

    (string Group, string Question, string Thought, string Answer) Draw() => _dice.Below(100) switch
    {
        < 16 => Sum(),
        < 36 => Difference(),
        < 62 => Product(),
        < 82 => Quotient(),
        < 86 => Chain(),
        _ => Equation(),
    };

    (string, string, string, string) Sum()
    {
        (int a, int b) = Pair(() => (Number(), Number()));
        return ("add", Ask(ArithmeticPhrases.Sum, a, b, "+"), Calculation.Add(a, b), Text(a + b));
    }

    (string, string, string, string) Difference()
    {
        (int a, int b) = Pair(() => (Number(), Number()));
        (a, b) = (Math.Max(a, b), Math.Min(a, b));
        return ("subtract", Ask(ArithmeticPhrases.Difference, a, b, "-"), Calculation.Subtract(a, b), Text(a - b));
    }

    (string, string, string, string) Product()
    {
        (int a, int b) = Pair(() => (Number(), Digit()));
        return ("multiply", Ask(ArithmeticPhrases.Product, a, b, _dice.Pick("*", "×", "×")), Calculation.Multiply(a, b), Text(a * b));
    }

    (string, string, string, string) Quotient()
    {
        (int a, int b) = Pair(Divisible);
        return ("divide", Ask(ArithmeticPhrases.Quotient, a, b, _dice.Pick("/", "÷", "÷")), Calculation.Divide(a, b), Text(a / b));
    }

    (string, string, string, string) Chain()
    {
        while (true)
        {
            (int a, int b) = Pair(() => (Number(), Number()));
            int c = Number();
            (bool firstAdds, bool secondAdds) = (_dice.Percent(50), _dice.Percent(50));
            int middle = firstAdds ? a + b : a - b;
            int end = secondAdds ? middle + c : middle - c;
            if (middle is < 0 or > 999 || end < 0)
            {
                continue;
            }

            string space = _dice.Pick("", " ");
            string written = $"{a}{space}{(firstAdds ? '+' : '-')}{space}{b}{space}{(secondAdds ? '+' : '-')}{space}{c}";
            string first = firstAdds ? Calculation.Add(a, b) : Calculation.Subtract(a, b);
            string second = secondAdds ? Calculation.Add(middle, c) : Calculation.Subtract(middle, c);
            return ("chain", Phrase(ArithmeticPhrases.Expression).Replace("{e}", written, StringComparison.Ordinal), $"{first}\n{second}", Text(end));
        }
    }

    /// <summary>x + a = b, x − a = b, a·x = b and a·x ± b = c.</summary>
    (string, string, string, string) Equation()
    {
        string x = _dice.Pick("x", "x", "y");
        (string left, int right, string thought, int solution) = _dice.Below(5) switch
        {
            0 => Plus(x),
            1 => Minus(x),
            2 => Times(x),
            3 => TimesPlus(x),
            _ => TimesMinus(x),
        };
        string equation = _dice.Percent(50) ? $"{left}={right}" : $"{left.Replace("+", " + ", StringComparison.Ordinal).Replace("-", " - ", StringComparison.Ordinal)} = {right}";
        string question = Phrase(ArithmeticPhrases.Equation).Replace("{e}", equation, StringComparison.Ordinal).Replace("{x}", x, StringComparison.Ordinal);
        return ("equation", question, thought, $"{x}={solution}");
    }

    (string, int, string, int) Plus(string x)
    {
        (int a, int b) = Pair(() => (Number(), Number()));
        (a, b) = (Math.Min(a, b), Math.Max(a, b));
        return ($"{x}+{a}", b, $"{x}={Calculation.Subtract(b, a)}", b - a);
    }

    (string, int, string, int) Minus(string x)
    {
        (int a, int b) = Pair(() => (Number(), Number()));
        return ($"{x}-{a}", b, $"{x}={Calculation.Add(b, a)}", b + a);
    }

    (string, int, string, int) Times(string x)
    {
        (int b, int a) = Pair(Divisible);
        return ($"{a}{x}", b, $"{x}={Calculation.Divide(b, a)}", b / a);
    }

    (string, int, string, int) TimesPlus(string x)
    {
        (int product, int a) = Pair(Divisible);
        int b = _dice.From(1, 999 - product + 1);
        return product + b > 999
            ? TimesPlus(x)
            : ($"{a}{x}+{b}", product + b, $"{a}{x}={Calculation.Subtract(product + b, b)}\n{x}={Calculation.Divide(product, a)}", product / a);
    }

    (string, int, string, int) TimesMinus(string x)
    {
        (int product, int a) = Pair(Divisible);
        int b = _dice.From(1, 99);
        return product < b
            ? TimesMinus(x)
            : ($"{a}{x}-{b}", product - b, $"{a}{x}={Calculation.Add(product - b, b)}\n{x}={Calculation.Divide(product, a)}", product / a);
    }

    (int, int) Divisible()
    {
        int divisor = Digit();
        return (divisor * _dice.From(1, 999 / divisor), divisor);
    }

    /// <summary>One to three digits, few of one.</summary>
    int Number() => _dice.Below(10) switch
    {
        0 => _dice.From(1, 9),
        < 4 => _dice.From(10, 99),
        _ => _dice.From(100, 999),
    };

    int Digit() => _dice.From(2, 9);

    (int A, int B) Pair(Func<(int, int)> draw)
    {
        while (true)
        {
            (int a, int b) = draw();
            if (Dice.SplitOf($"{Text(Math.Min(a, b))} {Text(Math.Max(a, b))}") == _split)
            {
                return (a, b);
            }
        }
    }

    /// <summary>Half of the questions are expressions, half are words.</summary>
    string Ask(Bilingual words, int a, int b, string sign)
    {
        if (_dice.Percent(50))
        {
            string space = _dice.Pick("", " ");
            return Phrase(ArithmeticPhrases.Expression).Replace("{e}", $"{a}{space}{sign}{space}{b}", StringComparison.Ordinal);
        }

        return Phrase(words).Replace("{a}", Text(a), StringComparison.Ordinal).Replace("{b}", Text(b), StringComparison.Ordinal);
    }

    string Phrase(Bilingual phrases) => _dice.Pick(phrases.In(_language).Of(_split));

    static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
