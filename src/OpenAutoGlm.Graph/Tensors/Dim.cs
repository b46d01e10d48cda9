namespace OpenAutoGlm.Graph.Tensors;

/// <summary>One extent of a shape: a number, or a name whose number is known only when the plan runs.</summary>
public readonly record struct Dim
{
    /// <summary>Rows of the batch: one for every token of every sequence that runs in this step.</summary>
    public static readonly Dim Tokens = new("tokens");

    /// <summary>Sequences in the batch.</summary>
    public static readonly Dim Sequences = new("sequences");

    /// <summary>Rows whose logits are wanted.</summary>
    public static readonly Dim Outputs = new("outputs");

    /// <summary>Columns of the block table: KV blocks of the longest sequence in the batch.</summary>
    public static readonly Dim Blocks = new("blocks");

    /// <summary>Blocks of the KV memory.</summary>
    public static readonly Dim KvBlocks = new("kvBlocks");

    readonly int _size;

    /// <summary>A symbolic extent.</summary>
    public Dim(string symbol)
    {
        ArgumentException.ThrowIfNullOrEmpty(symbol);
        Symbol = symbol;
    }

    /// <summary>A constant extent, at least 1.</summary>
    public Dim(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        _size = size;
    }

    /// <summary>The name of a symbolic extent; null for a constant.</summary>
    public string? Symbol { get; }

    /// <summary>Whether the extent is a number.</summary>
    public bool IsConstant => Symbol is null;

    /// <summary>The number of a constant extent.</summary>
    /// <exception cref="InvalidOperationException">The extent is symbolic.</exception>
    public int Size => Symbol is null ? _size : throw new InvalidOperationException($"The extent '{Symbol}' is known only at run time.");

    /// <summary>A constant extent.</summary>
    public static implicit operator Dim(int size) => new(size);

    /// <inheritdoc/>
    public override string ToString() => Symbol ?? _size.ToString();
}
