using System.Collections.Concurrent;
using System.Numerics;
using OpenAutoGlm.Engine.Constraints.Automata;
using OpenAutoGlm.Engine.Constraints.Patterns;

namespace OpenAutoGlm.Engine.Constraints.Schemas;

/// <summary>
/// Sets of numbers as automata over their spelling. Bounds and divisors are judged digit by digit, so they are exact
/// however long the number. Constrained numbers are spelled plainly (12.50) or with one digit before the point and an
/// exponent (1.25e+1, at most 20 places, three digits of exponent).
/// </summary>
static class NumberAutomata
{
    /// <summary>Largest divisor, as a whole number after its decimal places are moved away.</summary>
    public const int MaxDivisor = 4096;

    const int ScientificPlaces = 20;

    /// <summary>Bytes of numbers apart, all others together.</summary>
    static readonly byte[] Classes = ClassesOf();

    static readonly ConcurrentDictionary<(JsonNumber, string), Dfa> Comparisons = new();

    /// <summary>Every spelling of a number that JSON has.</summary>
    public static Dfa Any { get; } = PatternCompiler.Whole("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

    /// <summary>Spellings without exponent.</summary>
    public static Dfa Plain { get; } = PatternCompiler.Whole("-?(0|[1-9][0-9]*)(\\.[0-9]+)?");

    /// <summary>The spellings among which constrained numbers are chosen.</summary>
    public static Dfa Universe { get; } = DfaAlgebra.Union(Plain, PatternCompiler.Whole("-?[1-9](\\.[0-9]{1,20})?[eE][+-]?[0-9]{1,3}"));

    /// <summary>Numbers without fraction.</summary>
    public static Dfa Integers { get; } = MultiplesOf(new JsonNumber(false, "1", 1))!;

    /// <summary>Numbers spelled without point and exponent.</summary>
    public static Dfa WholeSpellings { get; } = PatternCompiler.Whole("-?(0|[1-9][0-9]*)");

    /// <summary>The numbers that compare so to a bound: &lt;, &lt;=, &gt;, &gt;= or =.</summary>
    public static Dfa Compare(JsonNumber bound, string relation) => Comparisons.Count > 1000
        ? ComparisonOf(bound, relation)
        : Comparisons.GetOrAdd((bound, relation), key => ComparisonOf(key.Item1, key.Item2));

    /// <summary>
    /// The multiples of a number over zero; null where its divisor is over <see cref="MaxDivisor"/>. With a divisor other
    /// than a power of ten only plain spellings are in the set, exact or not.
    /// </summary>
    public static Dfa? MultiplesOf(JsonNumber divisor)
    {
        (BigInteger whole, int places) = divisor.AsScaled();
        if (whole > MaxDivisor || places > ScientificPlaces)
        {
            return null;
        }

        return DfaExplorer.Explore(
            default(DivisionState),
            Classes,
            (DivisionState state, byte value, out DivisionState next) => state.TryStep((char)value, (int)whole, places, out next),
            state => state.IsMultiple((int)whole, places));
    }

    static Dfa ComparisonOf(JsonNumber bound, string relation) => DfaExplorer.Explore(
        default(ComparisonState),
        Classes,
        (ComparisonState state, byte value, out ComparisonState next) => state.TryStep((char)value, bound, out next),
        state => state.IsEnd && relation switch
        {
            "<" => state.Order(bound) < 0,
            "<=" => state.Order(bound) <= 0,
            ">" => state.Order(bound) > 0,
            ">=" => state.Order(bound) >= 0,
            _ => state.Order(bound) == 0,
        });

    static byte[] ClassesOf()
    {
        byte[] classes = new byte[256];
        for (int i = 0; i < "0123456789+-.eE".Length; i++)
        {
            classes["0123456789+-.eE"[i]] = (byte)(i + 1);
        }

        return classes;
    }

    /// <summary>Where in a number a text stands.</summary>
    enum Part : byte
    {
        Start,
        Sign,
        Zero,
        Whole,
        Point,
        Fraction,
        Letter,
        ExponentSign,
        Exponent,
    }

    /// <summary>The part after a character; false where no number goes on so.</summary>
    static bool TryMove(Part part, char value, bool singleDigit, out Part next)
    {
        bool digit = char.IsAsciiDigit(value);
        next = part switch
        {
            Part.Start when value == '-' => Part.Sign,
            Part.Start or Part.Sign when value == '0' => Part.Zero,
            Part.Start or Part.Sign when digit => Part.Whole,
            Part.Whole when digit => Part.Whole,
            Part.Zero or Part.Whole when value == '.' => Part.Point,
            Part.Point or Part.Fraction when digit => Part.Fraction,
            Part.Whole or Part.Fraction when value is 'e' or 'E' && singleDigit => Part.Letter,
            Part.Letter when value is '+' or '-' => Part.ExponentSign,
            Part.Letter or Part.ExponentSign or Part.Exponent when digit => Part.Exponent,
            _ => Part.Start,
        };
        return next != Part.Start;
    }

    /// <summary>A number half read, as far as its order to a bound depends on it.</summary>
    /// <param name="Part">Where it stands.</param>
    /// <param name="Negative">Whether a minus came.</param>
    /// <param name="Position">Digits read of the whole part or of the fraction, as far as they matter.</param>
    /// <param name="SingleDigit">Whether one digit other than 0 stands before the point.</param>
    /// <param name="Plain">Order of what was read to the bound's magnitude, without an exponent.</param>
    /// <param name="Mantissa">Order of the digits to the bound's digits, wherever the points are.</param>
    /// <param name="MinusExponent">Whether the exponent has a minus.</param>
    /// <param name="Exponent">The exponent, as far as it matters.</param>
    readonly record struct ComparisonState(
        Part Part, bool Negative, int Position, bool SingleDigit, int Plain, int Mantissa, bool MinusExponent, int Exponent)
    {
        public bool IsEnd => Part is Part.Zero or Part.Whole or Part.Fraction or Part.Exponent;

        public bool TryStep(char value, JsonNumber bound, out ComparisonState next)
        {
            next = default;
            if (!TryMove(Part, value, SingleDigit, out Part part))
            {
                return false;
            }

            int digit = value - '0';
            next = this with { Part = part };
            switch (part)
            {
                case Part.Sign:
                    next = next with { Negative = true };
                    break;
                case Part.Whole:
                    string whole = bound.Whole;
                    int position = Math.Min(Position + 1, whole.Length + 1);
                    next = next with
                    {
                        Position = position,
                        SingleDigit = Part != Part.Whole,
                        Plain = Plain != 0 || position > whole.Length ? Plain : digit.CompareTo(whole[position - 1] - '0'),
                        Mantissa = Part != Part.Whole ? (bound.IsZero ? 1 : digit.CompareTo(bound.Digits[0] - '0')) : 0,
                    };
                    break;
                case Part.Point:
                    next = next with { Plain = WholeOrder(bound), Position = 0 };
                    break;
                case Part.Fraction:
                    string fraction = bound.Fraction;
                    int place = Position; // of this digit, from 0
                    int expected = place < fraction.Length ? fraction[place] - '0' : 0;
                    int significant = place + 1 < bound.Digits.Length ? bound.Digits[place + 1] - '0' : 0;
                    next = next with
                    {
                        Position = Math.Min(place + 1, Math.Max(fraction.Length, bound.Digits.Length)),
                        Plain = Plain != 0 ? Plain : digit.CompareTo(expected),
                        Mantissa = !SingleDigit ? 0 : Mantissa != 0 ? Mantissa : digit.CompareTo(significant),
                    };
                    break;
                case Part.Letter:
                    int read = Part == Part.Fraction ? Position + 1 : 1;
                    next = next with { Plain = 0, Position = 0, SingleDigit = false, Mantissa = Mantissa != 0 ? Mantissa : read < bound.Digits.Length ? -1 : 0 };
                    break;
                case Part.ExponentSign:
                    next = next with { MinusExponent = value == '-' };
                    break;
                case Part.Exponent:
                    next = next with { Exponent = Math.Min(Exponent * 10 + digit, Math.Abs(bound.Exponent) + 2) };
                    break;
            }

            return true;
        }

        /// <summary>−1, 0 or 1 as the number is below, at or above the bound.</summary>
        public int Order(JsonNumber bound)
        {
            int magnitude = Part switch
            {
                Part.Zero or Part.Whole => WholeOrder(bound) is not 0 and int order ? order : bound.Fraction.Length > 0 ? -1 : 0,
                Part.Fraction => Plain != 0 ? Plain : Position < bound.Fraction.Length ? -1 : 0,
                _ => bound.IsZero ? 1
                    : (MinusExponent ? -Exponent : Exponent).CompareTo(bound.Exponent - 1) is not 0 and int order ? order : Mantissa,
            };
            return bound.IsZero ? (Negative ? -magnitude : magnitude)
                : Negative == bound.Negative ? (Negative ? -magnitude : magnitude)
                : Negative ? -1 : 1;
        }

        int WholeOrder(JsonNumber bound)
        {
            int length = Part == Part.Zero ? 0 : Position;
            int order = length.CompareTo(bound.Whole.Length);
            return order != 0 ? order : Plain;
        }
    }

    /// <summary>A number half read, as far as divisibility depends on it.</summary>
    /// <param name="Part">Where it stands.</param>
    /// <param name="Rest">The digits so far modulo the divisor.</param>
    /// <param name="Places">Places of the fraction that were counted in.</param>
    /// <param name="Beyond">Whether a digit other than 0 came after those.</param>
    /// <param name="SingleDigit">Whether one digit other than 0 stands before the point.</param>
    /// <param name="LastPlace">The last place of the fraction with a digit other than 0, where an exponent may follow.</param>
    /// <param name="Place">Places of the fraction so far, where an exponent may follow.</param>
    /// <param name="MinusExponent">Whether the exponent has a minus.</param>
    /// <param name="Exponent">The exponent, as far as it matters.</param>
    readonly record struct DivisionState(
        Part Part, int Rest, int Places, bool Beyond, bool SingleDigit, int LastPlace, int Place, bool MinusExponent, int Exponent)
    {
        public bool TryStep(char value, int divisor, int places, out DivisionState next)
        {
            next = default;

            // Only a power of ten is judged with an exponent; after the places that may stand before one, there is none.
            bool mayHaveExponent = divisor == 1 && SingleDigit && Place <= ScientificPlaces;
            if (!TryMove(Part, value, mayHaveExponent, out Part part))
            {
                return false;
            }

            int digit = value - '0';
            next = this with { Part = part };
            switch (part)
            {
                case Part.Zero:
                    next = next with { Rest = 0 };
                    break;
                case Part.Whole:
                    next = next with { Rest = (int)(((long)Rest * 10 + digit) % divisor), SingleDigit = Part != Part.Whole };
                    break;
                case Part.Fraction:
                    int place = Math.Min(Place + 1, ScientificPlaces + 1);
                    bool counts = Places < places;
                    next = next with
                    {
                        Rest = counts ? (int)(((long)Rest * 10 + digit) % divisor) : Rest,
                        Places = counts ? Places + 1 : Places,
                        Beyond = Beyond || (!counts && digit != 0),
                        Place = SingleDigit && divisor == 1 ? place : 0,
                        LastPlace = SingleDigit && divisor == 1 && digit != 0 ? place : LastPlace,
                    };
                    break;
                case Part.Letter:
                    next = new DivisionState(Part.Letter, 0, 0, false, false, LastPlace, 0, false, 0);
                    break;
                case Part.ExponentSign:
                    next = next with { MinusExponent = value == '-' };
                    break;
                case Part.Exponent:
                    next = next with { Exponent = Math.Min(Exponent * 10 + digit, 2 * ScientificPlaces + 2) };
                    break;
            }

            return true;
        }

        public bool IsMultiple(int divisor, int places) => Part switch
        {
            Part.Zero or Part.Whole or Part.Fraction => !Beyond && Rest * BigInteger.Pow(10, places - Places) % divisor == 0,
            Part.Exponent => (MinusExponent ? -Exponent : Exponent) >= LastPlace - places,
            _ => false,
        };
    }
}
