using System.Text;
using OpenAutoGlm.Engine.Constraints.Masks;

namespace OpenAutoGlm.Engine.Constraints;

/// <summary>A small vocabulary with every awkward kind of token: single bytes, pieces of JSON, halves of characters, escapes.</summary>
static class TestVocabulary
{
    public const int End = 256;
    public const int Special = 257;

    static readonly string[] Pieces =
    [
        "{\"", "\":", "\": ", "\":\"", "\",", "\",\"", "\", \"", "\"}", "\"}]", "\"]", "},", "}]", "]}", "}}", "[]", "{}", "[[", "[{", "[{\"", "],[",
        "true", "false", "null", "tru", "12", "3.5", "-1", "1,", "1]", "2}", "0.", ".5", "e+1", "1e", "  ", "\n", "\n  ", ",\n  \"", ": ", " \"",
        "a", "ab", "abc", "b", "c", "name", "name\"", "name\":", "\"name\": \"", "kind", "kind\":\"", "x\"", "x\":1", "x\":1}", "\\n", "\\\"", "\\u00", "\\u004",
        "41", "\\ud83d", "\\ude00", "é", "é\"", "éa", "日本", "本\",", "😀", "abcdefgh", "a\",\"b", "a\\n\"", "\\", "\\\\\"", "\"\"", "yes", "no", "</think>", "</th", "ink>{",
    ];

    static readonly byte[][] Extra = [[0xC3], [0xA9], [0xF0, 0x9F], [0x98, 0x80], [0xA9, (byte)'"'], [(byte)'a', 0xC3], [(byte)'"', 0xC3]];

    public static ConstraintVocabulary Instance { get; } = new(
        258 + Pieces.Length + Extra.Length,
        id => id < 256 ? [(byte)id]
            : id is End or Special ? null
            : id < 258 + Pieces.Length ? Encoding.UTF8.GetBytes(Pieces[id - 258])
            : Extra[id - 258 - Pieces.Length],
        [End],
        id => id == Special ? "<special>"u8.ToArray() : []);

    public static CompiledConstraint Compile(OutputConstraint constraint) => new(constraint, Instance, CancellationToken.None);

    public static CompiledConstraint Schema(string schema) => Compile(OutputConstraint.JsonSchema(schema));

    /// <summary>Whether a text satisfies a constraint.</summary>
    public static bool Accepts(this CompiledConstraint constraint, string text) =>
        constraint.Advance(constraint.Start, Encoding.UTF8.GetBytes(text)) is { IsFinal: true };

    public static int Token(string text) => 258 + Array.IndexOf(Pieces, text);

    /// <summary>
    /// A text made of allowed tokens, drawn at random; after a while those that lead to an end are preferred. null where
    /// it did not come to one, which only means that the draws never hit on a key that has to be there.
    /// </summary>
    public static string? Walk(CompiledConstraint constraint, Random random, Action<ConstraintMask, TokenSet>? look = null)
    {
        ConstraintMask mask = new(constraint);
        List<byte> text = [];
        for (int step = 0; step < 400; step++)
        {
            TokenSet allowed = mask.Allowed!;
            look?.Invoke(mask, allowed);
            int[] tokens = [.. Enumerable.Range(0, allowed.Size).Where(allowed.Contains)];
            Assert.True(tokens.Length > 0, $"Nothing may follow {Encoding.UTF8.GetString([.. text])} under {constraint.Constraint.Text}");
            int token = tokens[random.Next(tokens.Length)];
            if (step > 30 && random.Next(4) > 0)
            {
                int[] enders = [.. ((int[])['}', ']', '"', ',', ':', '1', 'a', 'e']).Where(allowed.Contains)];
                token = allowed.Contains(End) ? End : enders.Length > 0 ? enders[random.Next(step % 2 == 0 ? 1 : enders.Length)] : token;
            }

            mask.Accept(token);
            if (token == End)
            {
                return Encoding.UTF8.GetString([.. text]);
            }

            text.AddRange(Instance.Bytes(token));
        }

        return null;
    }
}
