namespace OpenAutoGlm.Models.Architectures;

/// <summary>The names by which every language model's graph knows what a batch brings and takes.</summary>
public static class ModelInputs
{
    /// <summary>Token ids: [tokens] I32.</summary>
    public const string Ids = "ids";

    /// <summary>Position of each token in its sequence: [tokens] I32.</summary>
    public const string Positions = "positions";

    /// <summary>Place of each token's keys and values in KV memory: [tokens] I32.</summary>
    public const string Slots = "slots";

    /// <summary>Row of the block table for each token: [tokens] I32.</summary>
    public const string Sequences = "sequences";

    /// <summary>KV blocks of each sequence in order: [sequences, blocks] I32.</summary>
    public const string BlockTable = "block_table";

    /// <summary>Tokens whose logits are wanted: [outputs] I32.</summary>
    public const string OutputRows = "output_rows_wanted";

    /// <summary>What comes out: [outputs, vocab] F32.</summary>
    public const string Logits = "logits";

    /// <summary>What comes out where <see cref="GraphOptions.EndsHidden"/> is set, the final norm of every token: [tokens, hidden] F32.</summary>
    public const string Hidden = "output_norm";
}
