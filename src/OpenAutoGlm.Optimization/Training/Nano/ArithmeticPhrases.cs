namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>How people ask for calculations. {e}: an expression or equation; {a}, {b}: numbers; {x}: the unknown.</summary>
static class ArithmeticPhrases
{
    static readonly PhraseBook Book = PhraseBook.Open("arithmetic");

    public static readonly Bilingual Expression = Book["expression"];
    public static readonly Bilingual Sum = Book["sum"];
    public static readonly Bilingual Difference = Book["difference"];
    public static readonly Bilingual Product = Book["product"];
    public static readonly Bilingual Quotient = Book["quotient"];
    public static readonly Bilingual Equation = Book["equation"];
}
