namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The bytes behind the blocks of a <see cref="KvPool"/>: a graph's states, or what stands in for them in tests. Block
/// numbers are 0 … block count − 1.
/// </summary>
interface IBlockMemory : IDisposable
{
    /// <summary>Bytes of one block, all layers together.</summary>
    long BlockBytes { get; }

    /// <summary>What the bytes of a block are: equal for memories that understand each other's blocks.</summary>
    string Layout => GetType().Name;

    /// <summary>Makes one block's bytes those of another.</summary>
    void Copy(int from, int to);

    /// <summary>Copies a block out. bytes: <see cref="BlockBytes"/>, in an order that is the same for every block.</summary>
    void Read(int block, Span<byte> bytes);

    /// <summary>Copies in what <see cref="Read"/> copied out.</summary>
    void Write(int block, ReadOnlySpan<byte> bytes);
}
