using System.Runtime.CompilerServices;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul;

/// <summary>Rows of float32, as they are.</summary>
sealed unsafe record FloatActivations(int K) : Activations(K)
{
    internal override long RowBytes => Scratch.Lines((long)K * sizeof(float)) + 64;

    internal override void Load(float* x, int row, byte* memory) => new ReadOnlySpan<float>(x, K).CopyTo(new Span<float>(memory + (row * RowBytes), K));
}

/// <summary>
/// The product in float32. The one order: each result is one accumulator to which the products are added in rising k
/// with one fused multiply-add each; lanes are weight rows. Panels of F32 and F16 are [k, 16]. Other formats (exact
/// arithmetic with quantised weights) are read where they lie, and taken apart for every list of rows.
/// </summary>
sealed unsafe class FloatProduct<T> : PanelProduct
    where T : struct, ILanes<T>
{
    const int StripElements = 256;
    const int Lanes = 16;

    readonly BlockFormat _format;
    readonly int _k;

    internal FloatProduct(TensorFormat format, int k)
    {
        (_format, _k) = (BlockFormat.Of(format), k);
        Activations = new FloatActivations(k);
    }

    internal override string Name => $"{_format.Format} float";

    internal override Activations Activations { get; }

    internal override string? Packing => IsPacked ? $"{_format.Format} × 16" : null;

    internal override long PanelBytes => PanelRows * _format.RowBytes(_k);

    internal override long WorkerBytes => ((IsPacked ? StripElements : _k) * (long)Lanes * sizeof(float)) + (_k * sizeof(float)) + (MostRows * (long)Lanes * sizeof(float));

    bool IsPacked => _format.Format is TensorFormat.F32 or TensorFormat.F16;

    internal override void Pack(byte* rows, long rowBytes, int count, byte* panel)
    {
        for (int row = 0; row < PanelRows; row++)
        {
            for (int i = 0; i < _k; i++)
            {
                if (_format.Format == TensorFormat.F32)
                {
                    ((float*)panel)[(i * Lanes) + row] = row < count ? ((float*)(rows + (row * rowBytes)))[i] : 0;
                }
                else
                {
                    ((ushort*)panel)[(i * Lanes) + row] = row < count ? ((ushort*)(rows + (row * rowBytes)))[i] : (ushort)0;
                }
            }
        }
    }

    internal override void Multiply(in PackedWeights weights, int panel, int panels, RowList rows, float* y, long yStride, byte* activations, byte* scratch)
    {
        float* sums = (float*)scratch;
        float* row = sums + (MostRows * Lanes);
        float* strip = row + _k;
        for (int i = 0; i < panels; i++)
        {
            byte* from = weights.Panel(panel + i);
            int columns = weights.RowsOf(panel + i);
            new Span<float>(sums, rows.Count * Lanes).Clear();
            if (!IsPacked)
            {
                Dequantize(from, columns, row, strip);
            }

            for (int start = 0; start < _k; start += StripElements)
            {
                int count = Math.Min(StripElements, _k - start);
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
        long rowBytes = _format.RowBytes(_k);
        new Span<float>(strip, _k * Lanes).Clear();
        for (int lane = 0; lane < count; lane++)
        {
            _format.Dequantize(new ReadOnlySpan<byte>(rows + (lane * rowBytes), (int)rowBytes), new Span<float>(row, _k));
            for (int i = 0; i < _k; i++)
            {
                strip[(i * Lanes) + lane] = row[i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float* Widen(ushort* halves, int count, float* strip)
    {
        for (int i = 0; i < count; i++)
        {
            T.Store(Functions.HalvesToFloats(T.LoadHalves(halves + (i * Lanes))), strip + (i * Lanes));
        }

        return strip;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void One(float* weights, int count, float* x, float* sums)
    {
        T sum = T.Load(sums);
        for (int i = 0; i < count; i++)
        {
            sum = T.MultiplyAdd(T.Load(weights + (i * Lanes)), T.Broadcast(x[i]), sum);
        }

        T.Store(sum, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
