using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Cpu.Kernels.MatMul.Emitted;
using OpenAutoGlm.Cpu.Kernels.MatMul.Panels;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>Rows of float32, as they are.</summary>
sealed unsafe record FloatActivations(int K) : Activations(K)
{
    internal override long RowBytes => Scratch.Lines((long)K * sizeof(float)) + 64;

    internal override void Load(float* x, int row, int start, int count, byte* memory) =>
        new ReadOnlySpan<float>(x, count).CopyTo(new Span<float>(memory + (row * RowBytes) + (start * sizeof(float)), count));
}

/// <summary>
/// The product in float32. The one order: each result is one accumulator to which the products are added in rising k
/// with one fused multiply-add each; lanes are weight rows. Panels of F32 and F16 are [k, 16], and multiplied by emitted tiles
/// where there can be any. Other formats (exact arithmetic with quantised weights) are read where they lie, and taken apart for every list of rows.
/// </summary>
sealed unsafe class FloatProduct<T> : PanelProduct
    where T : struct, ILanes<T>
{
    const int StripElements = 256;
    const int Lanes = 16;

    readonly BlockFormat _format;
    readonly FloatLine _kind;
    readonly FloatTiles? _tiles;

    internal FloatProduct(CodeLibrary library, TensorFormat format, int k)
        : base(k, format is TensorFormat.F32 or TensorFormat.F16 ? FloatPanels.Of(format) : null)
    {
        _format = BlockFormat.Of(format);
        Activations = new FloatActivations(k);
        _kind = format == TensorFormat.F32 ? FloatLine.Singles : FloatLine.Halves;

        // Lines are whole: an odd F16 element has none.
        if (IsPacked && library.Has(EmittedFeatures.Vnni) && PanelBytes % PanelFormat.LineBytes == 0)
        {
            _tiles = new FloatTiles(library, _kind, (int)(PanelBytes / PanelFormat.LineBytes), Activations.RowBytes);
        }
    }

    internal override string Name => _tiles is null ? $"{_format.Format} float" : FloatTileCode.NameOf(_kind);

    internal override Activations Activations { get; }

    internal override long PanelBytes => PanelRows * _format.RowBytes(K);

    internal override long WorkerBytes => _tiles is not null
        ? FloatTiles.WorkerBytes
        : (((IsPacked ? StripElements : K) + MostRows) * (long)Lanes * sizeof(float)) + (K * sizeof(float));

    bool IsPacked => Layout is not null;

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        if (_tiles is not null)
        {
            _tiles.Multiply(weights, panel, panels, rows, y, yStride, activations, scratch);
            return;
        }

        float* sums = (float*)scratch;
        float* row = sums + (MostRows * Lanes);
        float* strip = row + K;
        for (int i = 0; i < panels; i++)
        {
            byte* from = weights.Panel(panel + i);
            int columns = weights.RowsOf(panel + i);
            new Span<float>(sums, rows.Count * Lanes).Clear();
            if (!IsPacked)
            {
                Dequantize(from, columns, row, strip);
            }

            for (int start = 0; start < K; start += StripElements)
            {
                int count = Math.Min(StripElements, K - start);
                float* values = _format.Format switch
                {
                    TensorFormat.F32 => (float*)from + ((long)start * Lanes),
                    TensorFormat.F16 => Widen((ushort*)from + ((long)start * Lanes), count, strip),
                    _ => strip + ((long)start * Lanes),
                };
                int tile = 0;
                for (; tile <= rows.Count - 4; tile += 4)
                {
                    Four(values, count, X(0), X(1), X(2), X(3), sums + (tile * Lanes));
                }

                for (; tile < rows.Count; tile++)
                {
                    One(values, count, X(0), sums + (tile * Lanes));
                }

                float* X(int next) => (float*)(activations + (rows.XOf(tile + next) * Activations.RowBytes)) + start;
            }

            for (int j = 0; j < rows.Count; j++)
            {
                T.StoreFirst(T.Load(sums + (j * Lanes)), y + (rows.YOf(j) * yStride) + (i * PanelRows), columns);
            }
        }
    }

    void Dequantize(byte* rows, int count, float* row, float* strip)
    {
        long rowBytes = _format.RowBytes(K);
        new Span<float>(strip, K * Lanes).Clear();
        for (int lane = 0; lane < count; lane++)
        {
            _format.Dequantize(new ReadOnlySpan<byte>(rows + (lane * rowBytes), (int)rowBytes), new Span<float>(row, K));
            for (int i = 0; i < K; i++)
            {
                strip[(i * Lanes) + lane] = row[i];
            }
        }
    }

    [MethodImpl(Jit.Loop)]
    static float* Widen(ushort* halves, int count, float* strip)
    {
        for (int i = 0; i < count; i++)
        {
            T.Store(Functions.HalvesToFloats(T.LoadHalves(halves + (i * Lanes))), strip + (i * Lanes));
        }

        return strip;
    }

    [MethodImpl(Jit.Loop)]
    static void One(float* weights, int count, float* x, float* sums)
    {
        T sum = T.Load(sums);
        for (int i = 0; i < count; i++)
        {
            sum = T.MultiplyAdd(T.Load(weights + (i * Lanes)), T.Broadcast(x[i]), sum);
        }

        T.Store(sum, sums);
    }

    [MethodImpl(Jit.Loop)]
    static void Four(float* weights, int count, float* x0, float* x1, float* x2, float* x3, float* sums)
    {
        T sum0 = T.Load(sums);
        T sum1 = T.Load(sums + Lanes);
        T sum2 = T.Load(sums + (2 * Lanes));
        T sum3 = T.Load(sums + (3 * Lanes));
        for (int i = 0; i < count; i++)
        {
            T weight = T.Load(weights + (i * Lanes));
            sum0 = T.MultiplyAdd(weight, T.Broadcast(x0[i]), sum0);
            sum1 = T.MultiplyAdd(weight, T.Broadcast(x1[i]), sum1);
            sum2 = T.MultiplyAdd(weight, T.Broadcast(x2[i]), sum2);
            sum3 = T.MultiplyAdd(weight, T.Broadcast(x3[i]), sum3);
        }

        T.Store(sum0, sums);
        T.Store(sum1, sums + Lanes);
        T.Store(sum2, sums + (2 * Lanes));
        T.Store(sum3, sums + (3 * Lanes));
    }
}
