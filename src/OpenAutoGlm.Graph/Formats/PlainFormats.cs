using System.Runtime.InteropServices;

namespace OpenAutoGlm.Graph.Formats;

sealed class F32Format : BlockFormat
{
    public override TensorFormat Format => TensorFormat.F32;
    public override int BlockElements => 1;
    public override int BlockBytes => sizeof(float);
    public override bool CanQuantize => true;

    private protected override void Read(ReadOnlySpan<byte> blocks, Span<float> values) =>
        blocks.CopyTo(MemoryMarshal.AsBytes(values));

    private protected override void Write(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        MemoryMarshal.AsBytes(values).CopyTo(blocks);
}

sealed class I32Format : BlockFormat
{
    public override TensorFormat Format => TensorFormat.I32;
    public override int BlockElements => 1;
    public override int BlockBytes => sizeof(int);

    private protected override void Read(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        ReadOnlySpan<int> integers = MemoryMarshal.Cast<byte, int>(blocks);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = integers[i];
        }
    }
}
