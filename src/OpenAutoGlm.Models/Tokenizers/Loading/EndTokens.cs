namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>Tokens that end an answer though no file need say so: a chat model stops at the end of its turn.</summary>
static class EndTokens
{
    static readonly string[] EndsOfTurn =
        ["<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|return|>"];

    // GLM has no end of turn: its models write the role that speaks next.
    static readonly string[] GlmRoles = ["<|user|>", "<|observation|>"];

    /// <summary>Those the vocabulary has as control tokens.</summary>
    public static IEnumerable<int> In(Vocabulary vocabulary)
    {
        bool isGlm = IsControl(vocabulary, vocabulary.FindAny("[gMASK]"));
        return EndsOfTurn.Concat(isGlm ? GlmRoles : []).Select(vocabulary.FindAny).Where(id => IsControl(vocabulary, id));
    }

    static bool IsControl(Vocabulary vocabulary, int id) => id >= 0 && vocabulary.Kind(id) == TokenKind.Control;
}
