using Iced.Intel;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The spans of BF16 as machine code for 512-bit vdpbf16ps. Up to six rows by four vectors of sums stay in registers 0 to
/// 23; 24 to 27 hold what is loaded from keys or values, 28 to 31 what is broadcast of queries or weights.
/// </summary>
static class AttentionCode
{
    /// <summary>The most rows of a call.</summary>
    internal const int MostRows = 6;

    /// <summary>The most groups of a call to the scores, and the most vectors of a head that are summed at a time.</summary>
    internal const int MostVectors = 4;

    const int VectorBytes = 64;
    const int Pairs = KvLayout.GroupTokens / 2;
    const int ScoreRowBytes = SpanKernels.SpanTokens * sizeof(float);
    const int WeightRowBytes = SpanKernels.SpanTokens * sizeof(ushort);

    static readonly AssemblerRegisterZMM[] Vectors =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    /// <summary>void (queries: ushort*, keys: byte**, scores: float*) for so many rows and groups.</summary>
    internal static void Score(Assembler code, int rows, int groups, int headDim)
    {
        AssemblerRegister64[] keys = [r8, r9, r10, r11];
        for (int group = 0; group < groups; group++)
        {
            code.mov(keys[group], __[rsi + (group * sizeof(long))]);
        }

        Clear(code, rows * groups);
        int unroll = headDim % 8 == 0 ? 4 : 1;
        code.mov(ecx, headDim / 2 / unroll);
        code.xor(eax, eax);
        Label loop = code.CreateLabel();
        code.Label(ref loop);
        for (int pair = 0; pair < unroll; pair++)
        {
            for (int group = 0; group < groups; group++)
            {
                code.vmovups(Vectors[24 + group], __[keys[group] + rax + (pair * VectorBytes)]);
            }

            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM query = Vectors[28 + (row % 4)];
                code.vpbroadcastd(query, __dword_ptr[rdi + (row * headDim * sizeof(ushort)) + (pair * sizeof(uint))]);
                for (int group = 0; group < groups; group++)
                {
                    code.vdpbf16ps(Vectors[(row * groups) + group], Vectors[24 + group], query);
                }
            }
        }

        code.add(rax, unroll * VectorBytes);
        code.add(rdi, unroll * sizeof(uint));
        code.dec(ecx);
        code.jnz(loop);
        for (int row = 0; row < rows; row++)
        {
            for (int group = 0; group < groups; group++)
            {
                code.vmovups(__[rdx + (row * ScoreRowBytes) + (group * VectorBytes)], Vectors[(row * groups) + group]);
            }
        }

        code.vzeroupper();
        code.ret();
    }

    /// <summary>
    /// void (scores: float*, rows: long, groups: long, largest: float*, totals: float*, corrections: float*, weights:
    /// ushort*). Register 0: the maximum before, 1: the new one, 2: the correction, 3: the sum, 4 to 7: for weights.
    /// </summary>
    internal static void Weigh(Assembler code)
    {
        (AssemblerRegister64 scores, AssemblerRegister64 rows, AssemblerRegister64 groups) = (rdi, rsi, rdx);
        (AssemblerRegister64 largest, AssemblerRegister64 totals, AssemblerRegister64 corrections, AssemblerRegister64 weights) = (rcx, r8, r9, r10);
        code.mov(weights, __[rsp + sizeof(long)]);
        for (int i = 0; i < 4; i++)
        {
            Constant(code, Vectors[24 + i], Functions.CoarseWeight[i]);
        }

        Constant(code, zmm28, 1);
        Constant(code, zmm29, Functions.LeastWeight);
        Label row = code.CreateLabel();
        code.Label(ref row);
        code.vbroadcastss(zmm0, __dword_ptr[largest]);
        code.vmovaps(zmm1, zmm0);
        code.xor(eax, eax);
        code.mov(r11, groups);
        Label most = code.CreateLabel();
        code.Label(ref most);
        code.vmaxps(zmm1, zmm1, __zmmword_ptr[scores + rax]);
        code.add(rax, VectorBytes);
        code.dec(r11);
        code.jnz(most);

        // The largest of sixteen lanes, whatever the order.
        code.vextractf64x4(ymm2, zmm1, 1);
        code.vmaxps(ymm1, ymm1, ymm2);
        code.vextractf128(xmm2, ymm1, 1);
        code.vmaxps(xmm1, xmm1, xmm2);
        code.vpermilps(xmm2, xmm1, 0b01_00_11_10);
        code.vmaxps(xmm1, xmm1, xmm2);
        code.vpermilps(xmm2, xmm1, 0b10_11_00_01);
        code.vmaxps(xmm1, xmm1, xmm2);
        code.vmovss(__dword_ptr[largest], xmm1);
        code.vbroadcastss(zmm1, xmm1);

        code.vsubps(zmm2, zmm0, zmm1);
        Weight(code, zmm2);
        code.vmovss(__dword_ptr[corrections], xmm2);
        code.vpxord(zmm3, zmm3, zmm3);
        code.xor(eax, eax);
        code.mov(r11, groups);
        Label weigh = code.CreateLabel();
        code.Label(ref weigh);
        code.vmovups(zmm4, __zmmword_ptr[scores + (rax * 2)]);
        code.vsubps(zmm4, zmm4, zmm1);
        Weight(code, zmm4);
        code.vaddps(zmm3, zmm3, zmm4);
        code.vcvtneps2bf16(ymm4, zmm4);
        code.vmovups(__ymmword_ptr[weights + rax], ymm4);
        code.add(rax, VectorBytes / 2);
        code.dec(r11);
        code.jnz(weigh);

        code.vmovups(zmm4, __zmmword_ptr[totals]);
        code.vfmadd213ps(zmm4, zmm2, zmm3);
        code.vmovups(__zmmword_ptr[totals], zmm4);
        code.add(scores, ScoreRowBytes);
        code.add(weights, WeightRowBytes);
        code.add(largest, sizeof(float));
        code.add(corrections, sizeof(float));
        code.add(totals, VectorBytes);
        code.dec(rows);
        code.jnz(row);
        code.vzeroupper();
        code.ret();
    }

    /// <summary>void (weights: ushort*, values: byte**, groups: long, corrections: float*, sums: float*) for so many rows.</summary>
    internal static void Accumulate(Assembler code, int rows, int headDim)
    {
        int vectors = headDim / KvLayout.GroupTokens;
        int whole = vectors / MostVectors;
        code.push(rbx);
        code.xor(ebx, ebx); // bytes of the head that are done, in sums as in values
        if (whole > 0)
        {
            Label chunk = code.CreateLabel();
            code.Label(ref chunk);
            AccumulateVectors(code, rows, MostVectors, headDim);
            code.add(rbx, MostVectors * VectorBytes);
            if (whole > 1)
            {
                code.cmp(rbx, whole * MostVectors * VectorBytes);
                code.jne(chunk);
            }
        }

        if (vectors % MostVectors > 0)
        {
            AccumulateVectors(code, rows, vectors % MostVectors, headDim);
        }

        code.pop(rbx);
        code.vzeroupper();
        code.ret();
    }

    static void AccumulateVectors(Assembler code, int rows, int vectors, int headDim)
    {
        (AssemblerRegister64 weights, AssemblerRegister64 values, AssemblerRegister64 groups) = (rdi, rsi, rdx);
        (AssemblerRegister64 corrections, AssemblerRegister64 sums) = (rcx, r8);
        for (int row = 0; row < rows; row++)
        {
            code.vbroadcastss(zmm28, __dword_ptr[corrections + (row * sizeof(float))]);
            for (int i = 0; i < vectors; i++)
            {
                code.vmulps(Vectors[(row * vectors) + i], zmm28, __zmmword_ptr[sums + rbx + (row * headDim * sizeof(float)) + (i * VectorBytes)]);
            }
        }

        code.mov(rax, weights);
        code.mov(r10, values);
        code.mov(r11, groups);
        Label group = code.CreateLabel();
        code.Label(ref group);
        code.mov(r9, __qword_ptr[r10]);
        code.add(r9, rbx);
        for (int pair = 0; pair < Pairs; pair++)
        {
            for (int i = 0; i < vectors; i++)
            {
                code.vmovups(Vectors[24 + i], __zmmword_ptr[r9 + (pair * headDim * sizeof(uint)) + (i * VectorBytes)]);
            }

            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM weight = Vectors[28 + (row % 4)];
                code.vpbroadcastd(weight, __dword_ptr[rax + (row * WeightRowBytes) + (pair * sizeof(uint))]);
                for (int i = 0; i < vectors; i++)
                {
                    code.vdpbf16ps(Vectors[(row * vectors) + i], Vectors[24 + i], weight);
                }
            }
        }

        code.add(rax, Pairs * sizeof(uint));
        code.add(r10, sizeof(long));
        code.dec(r11);
        code.jnz(group);
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < vectors; i++)
            {
                code.vmovups(__zmmword_ptr[sums + rbx + (row * headDim * sizeof(float)) + (i * VectorBytes)], Vectors[(row * vectors) + i]);
            }
        }
    }

    /// <summary>t becomes 2ᵗ, 0 below −64, with the operations of <see cref="Functions.Weight"/> in their order.</summary>
    static void Weight(Assembler code, AssemblerRegisterZMM t)
    {
        const byte ToNearest = 8;
        const byte NotLess = 5;
        (AssemblerRegisterZMM n, AssemblerRegisterZMM f, AssemblerRegisterZMM series) = (zmm5, zmm6, zmm7);
        code.vrndscaleps(n, t, ToNearest);
        code.vcmpps(k1, t, zmm29, NotLess);
        code.vsubps(f, t, n);
        code.vmovaps(series, zmm27);
        code.vfmadd213ps(series, f, zmm26);
        code.vfmadd213ps(series, f, zmm25);
        code.vfmadd213ps(series, f, zmm24);
        code.vfmadd213ps(series, f, zmm28);
        code.vscalefps(t.k1.z, series, n);
    }

    static void Constant(Assembler code, AssemblerRegisterZMM to, float value)
    {
        code.mov(eax, BitConverter.SingleToInt32Bits(value));
        code.vpbroadcastd(to, eax);
    }

    static void Clear(Assembler code, int count)
    {
        for (int i = 0; i < count; i++)
        {
            code.vpxord(Vectors[i], Vectors[i], Vectors[i]);
        }
    }
}
