using Iced.Intel;
using OpenAutoGlm.Cpu.Lanes;
using OpenAutoGlm.Graph.Ops;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The spans of BF16 as machine code for 512-bit vdpbf16ps, or where that is slower, for multiply-adds of queries and weights that are
/// widened to float32: the second elements of all pairs of a row, then the first ones. Up to six rows by four vectors of sums stay in
/// registers 0 to 23; 24 to 27 hold what is loaded from keys or values, 28 to 30 what is broadcast of queries or weights, 31 the mask of
/// second elements.
/// </summary>
static class AttentionCode
{
    /// <summary>The most rows of a call.</summary>
    internal const int MostRows = 6;

    /// <summary>The most groups of a call to the scores, and the most vectors of a head that are summed at a time.</summary>
    internal const int MostVectors = 4;

    const int VectorBytes = 64;
    const int Pairs = KvLayout.GroupTokens / 2;
    const int KeysAhead = 8; // pairs of elements; the least width of a head has as many
    const int ValuesAhead = 4; // pairs of tokens
    const float IntegerMagic = 0xC00000; // 1.5 · 2²³
    const int ScoreRowBytes = SpanKernels.SpanTokens * sizeof(float);
    const int SecondElements = unchecked((int)0xFFFF0000);
    const int FirstWeightsAt = SpanKernels.SpanTokens / 2 * sizeof(float); // widened ones; before them the second of each pair

    static readonly AssemblerRegisterZMM[] Vectors =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    /// <summary>
    /// void (queries: void*, keys: byte**, scores: float*) for so many rows and groups. If it is to fetch, what comes next is read
    /// meanwhile, for memory in pieces of a few KiB is too ragged for the processor to foresee: the next span into the second
    /// cache, and a few lines ahead into the first.
    /// </summary>
    internal static void Score(Assembler code, int rows, int groups, int headDim, bool widened, bool fetch)
    {
        AssemblerRegister64[] keys = [r8, r9, r10, r11];
        AssemblerRegister64[] next = [rbx, rbp, r12, r13];
        AssemblerRegister64[] following = [r14, r15, rdx, rsi]; // what this call's groups are followed by
        for (int group = 0; group < groups; group++)
        {
            code.mov(keys[group], __[rsi + (group * sizeof(long))]);
        }

        if (fetch)
        {
            code.push(r14);
            code.push(r15);
            code.push(rdx);
            for (int group = 0; group < groups; group++)
            {
                code.push(next[group]);
                code.mov(next[group], __[rsi + ((SpanKernels.SpanGroups + group) * sizeof(long))]);
            }

            for (int group = 0; group < groups; group++)
            {
                code.mov(following[group], __[rsi + ((groups + group) * sizeof(long))]); // rsi comes last
            }
        }

        if (widened)
        {
            Constant(code, zmm31, SecondElements);
        }

        Clear(code, rows * groups);
        int pairs = headDim / 2;
        int rowBytes = headDim * (widened ? sizeof(float) : sizeof(ushort));
        int unroll = headDim % 8 == 0 ? 4 : 1;
        code.xor(eax, eax);
        Pass(pairs - KeysAhead, keys, KeysAhead);
        Pass(KeysAhead, following, KeysAhead - pairs);
        if (fetch)
        {
            for (int group = groups - 1; group >= 0; group--)
            {
                code.pop(next[group]);
            }

            code.pop(rdx);
            code.pop(r15);
            code.pop(r14);
        }

        for (int row = 0; row < rows; row++)
        {
            for (int group = 0; group < groups; group++)
            {
                code.vmovups(__[rdx + (row * ScoreRowBytes) + (group * VectorBytes)], Vectors[(row * groups) + group]);
            }
        }

        code.vzeroupper();
        code.ret();

        // Some pairs of elements; into the first cache come lines of these groups, so many further on.
        void Pass(int count, AssemblerRegister64[] near, int ahead)
        {
            if (count == 0)
            {
                return;
            }

            code.mov(ecx, count / unroll);
            Label loop = code.CreateLabel();
            code.Label(ref loop);
            for (int pair = 0; pair < unroll; pair++)
            {
                int at = pair;
                for (int group = 0; group < groups && fetch; group++)
                {
                    code.prefetcht1(__[next[group] + rax + (pair * VectorBytes)]);
                    code.prefetcht0(__[near[group] + rax + ((pair + ahead) * VectorBytes)]);
                }

                MultiplyPairs(
                    code,
                    rows,
                    groups,
                    widened,
                    group => __zmmword_ptr[keys[group] + rax + (at * VectorBytes)],
                    row => __dword_ptr[rdi + ((row * rowBytes) + (at * sizeof(uint)))],
                    pairs * sizeof(float));
            }

            code.add(rax, unroll * VectorBytes);
            code.add(rdi, unroll * sizeof(uint));
            code.dec(ecx);
            code.jnz(loop);
        }
    }

    /// <summary>
    /// Adds the products of a pair of elements of each row with lines of pairs. line: where the pairs of a vector of sums lie; element:
    /// where the pair of a row lies, or widened its second element; first: bytes from that to its first element.
    /// </summary>
    static void MultiplyPairs(Assembler code, int rows, int vectors, bool widened, Func<int, AssemblerMemoryOperand> line, Func<int, AssemblerMemoryOperand> element, int first)
    {
        if (widened)
        {
            Half((to, from) => code.vpandd(to, zmm31, from), 0, code.vfmadd231ps);
            Half((to, from) => code.vpslld(to, from, 16), first, code.vfmadd231ps);
        }
        else
        {
            Half(code.vmovups, 0, code.vdpbf16ps);
        }

        void Half(Action<AssemblerRegisterZMM, AssemblerMemoryOperand> load, int further, Action<AssemblerRegisterZMM, AssemblerRegisterZMM, AssemblerRegisterZMM> multiplyAdd)
        {
            for (int i = 0; i < vectors; i++)
            {
                load(Vectors[24 + i], line(i));
            }

            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM broadcast = Vectors[28 + (row % 3)];
                code.vpbroadcastd(broadcast, element(row) + further);
                for (int i = 0; i < vectors; i++)
                {
                    multiplyAdd(Vectors[(row * vectors) + i], Vectors[24 + i], broadcast);
                }
            }
        }
    }

    /// <summary>
    /// void (scores: float*, groups: long, largest: float*, totals: float*, corrections: float*, weights: void*) for so
    /// many rows: first the maxima of all, then their corrections in one vector, then the weights, so that no row waits
    /// for the one before. A whole span needs no loops.
    /// </summary>
    internal static void Weigh(Assembler code, int rows, bool wholeSpan, bool widened)
    {
        (AssemblerRegister64 scores, AssemblerRegister64 groups, AssemblerRegister64 largest) = (rdi, rsi, rdx);
        (AssemblerRegister64 totals, AssemblerRegister64 corrections, AssemblerRegister64 weights) = (rcx, r8, r9);
        for (int i = 0; i < 4; i++)
        {
            Constant(code, Vectors[24 + i], Functions.CoarseWeight[i]);
        }

        Constant(code, zmm28, 1f);
        Constant(code, zmm29, Functions.LeastWeight);
        Constant(code, zmm30, IntegerMagic);
        if (widened)
        {
            Constant(code, zmm31, SecondElements);
        }

        for (int row = 0; row < rows; row++)
        {
            Largest(code, row, scores, wholeSpan ? null : groups);
            code.vmovss(__dword_ptr[corrections + (row * sizeof(float))], xmm1);
        }

        // The old maxima and the new, a lane a row.
        code.mov(eax, (1 << rows) - 1);
        code.kmovw(k2, eax);
        code.vmovups(zmm0.k2.z, __zmmword_ptr[largest]);
        code.vmovups(zmm1.k2.z, __zmmword_ptr[corrections]);
        code.vmaxps(zmm1, zmm0, zmm1);
        code.vmovups(__zmmword_ptr[largest].k2, zmm1);
        code.vsubps(zmm0, zmm0, zmm1);
        Weight(code, zmm0, zmm5, zmm6, k1);
        code.vmovups(__zmmword_ptr[corrections].k2, zmm0);
        for (int row = 0; row < rows; row++)
        {
            code.vbroadcastss(zmm1, __dword_ptr[largest + (row * sizeof(float))]);
            code.vpxord(zmm3, zmm3, zmm3);
            if (wholeSpan)
            {
                for (int group = 0; group < SpanKernels.SpanGroups; group += 2)
                {
                    WeighTwo(code, __zmmword_ptr[scores + (row * ScoreRowBytes) + (group * VectorBytes)], __zmmword_ptr[scores + (row * ScoreRowBytes) + ((group + 1) * VectorBytes)], __zmmword_ptr[weights + (row * WeightRowBytes(widened)) + (group * VectorBytes / 2)], widened);
                }
            }
            else
            {
                WeighSome(code, row, scores, groups, weights, widened);
            }

            AssemblerMemoryOperand total = __zmmword_ptr[totals + (row * VectorBytes)];
            code.vbroadcastss(zmm2, __dword_ptr[corrections + (row * sizeof(float))]);
            code.vfmadd132ps(zmm2, zmm3, total);
            code.vmovups(total, zmm2);
        }

        code.vzeroupper();
        code.ret();
    }

    /// <summary>The largest score of a row in the lowest lane of register 1; of a whole span where no count is given.</summary>
    static void Largest(Assembler code, int row, AssemblerRegister64 scores, AssemblerRegister64? groups)
    {
        code.vmovups(zmm1, __zmmword_ptr[scores + (row * ScoreRowBytes)]);
        if (groups is { } count)
        {
            Label loop = code.CreateLabel();
            Label done = code.CreateLabel();
            code.mov(rax, count);
            code.lea(r10, __[scores + (row * ScoreRowBytes)]);
            code.Label(ref loop);
            code.dec(rax);
            code.jz(done);
            code.add(r10, VectorBytes);
            code.vmaxps(zmm1, zmm1, __zmmword_ptr[r10]);
            code.jmp(loop);
            code.Label(ref done);
        }
        else
        {
            for (int group = 1; group < SpanKernels.SpanGroups; group++)
            {
                code.vmaxps(zmm1, zmm1, __zmmword_ptr[scores + (row * ScoreRowBytes) + (group * VectorBytes)]);
            }
        }

        // The largest of sixteen lanes, whatever the order.
        code.vextractf64x4(ymm2, zmm1, 1);
        code.vmaxps(ymm1, ymm1, ymm2);
        code.vextractf128(xmm2, ymm1, 1);
        code.vmaxps(xmm1, xmm1, xmm2);
        code.vpermilps(xmm2, xmm1, 0b01_00_11_10);
        code.vmaxps(xmm1, xmm1, xmm2);
        code.vpermilps(xmm2, xmm1, 0b10_11_00_01);
        code.vmaxps(xmm1, xmm1, xmm2);
    }

    /// <summary>The weights of a row against maximum 1, and their sum in register 3; two groups at a time, and one more where it is left.</summary>
    static void WeighSome(Assembler code, int row, AssemblerRegister64 scores, AssemblerRegister64 groups, AssemblerRegister64 weights, bool widened)
    {
        Label loop = code.CreateLabel();
        Label last = code.CreateLabel();
        Label done = code.CreateLabel();
        code.lea(r10, __[scores + (row * ScoreRowBytes)]);
        code.lea(r11, __[weights + (row * WeightRowBytes(widened))]);
        code.mov(rax, groups);
        code.Label(ref loop);
        code.sub(rax, 2);
        code.jl(last);
        WeighTwo(code, __zmmword_ptr[r10], __zmmword_ptr[r10 + VectorBytes], __zmmword_ptr[r11], widened);
        code.add(r10, 2 * VectorBytes);
        code.add(r11, VectorBytes);
        code.jmp(loop);
        code.Label(ref last);
        code.inc(rax);
        code.jl(done);
        code.vmovups(zmm4, __zmmword_ptr[r10]);
        code.vsubps(zmm4, zmm4, zmm1);
        Weight(code, zmm4, zmm5, zmm6, k1);
        code.vaddps(zmm3, zmm3, zmm4);
        code.vcvtneps2bf16(ymm4, zmm4);
        if (widened)
        {
            code.vpandd(ymm5, ymm4, ymm31);
            code.vmovups(__ymmword_ptr[r11], ymm5);
            code.vpslld(ymm4, ymm4, 16);
            code.vmovups(__ymmword_ptr[r11 + FirstWeightsAt], ymm4);
        }
        else
        {
            code.vmovups(__ymmword_ptr[r11], ymm4);
        }

        code.Label(ref done);
        code.nop(); // a label wants an instruction behind it
    }

    /// <summary>The weights of two groups.</summary>
    static void WeighTwo(Assembler code, AssemblerMemoryOperand first, AssemblerMemoryOperand second, AssemblerMemoryOperand weights, bool widened)
    {
        code.vmovups(zmm4, first);
        code.vmovups(zmm7, second);
        code.vsubps(zmm4, zmm4, zmm1);
        code.vsubps(zmm7, zmm7, zmm1);
        Weight(code, zmm4, zmm5, zmm6, k1);
        Weight(code, zmm7, zmm8, zmm9, k3);
        code.vaddps(zmm3, zmm3, zmm4);
        code.vaddps(zmm3, zmm3, zmm7);
        code.vcvtne2ps2bf16(zmm4, zmm7, zmm4);
        if (widened)
        {
            code.vpandd(zmm7, zmm4, zmm31);
            code.vmovups(weights, zmm7);
            code.vpslld(zmm4, zmm4, 16);
            code.vmovups(weights + FirstWeightsAt, zmm4);
        }
        else
        {
            code.vmovups(weights, zmm4);
        }
    }

    static int WeightRowBytes(bool widened) => SpanKernels.SpanTokens * (widened ? sizeof(float) : sizeof(ushort));

    /// <summary>void (weights: void*, values: byte**, groups: long, corrections: float*, sums: float*) for so many rows.</summary>
    internal static void Accumulate(Assembler code, int rows, int headDim, bool widened, bool fetch)
    {
        int vectors = headDim / KvLayout.GroupTokens;
        int whole = vectors / MostVectors;
        code.push(rbx);
        code.push(rbp);
        code.push(r12);
        if (widened)
        {
            Constant(code, zmm31, SecondElements);
        }

        code.xor(ebx, ebx); // bytes of the head that are done, in sums as in values
        if (whole > 0)
        {
            Label chunk = code.CreateLabel();
            code.Label(ref chunk);
            AccumulateVectors(code, rows, MostVectors, headDim, widened, fetch);
            code.add(rbx, MostVectors * VectorBytes);
            if (whole > 1)
            {
                code.cmp(rbx, whole * MostVectors * VectorBytes);
                code.jne(chunk);
            }
        }

        if (vectors % MostVectors > 0)
        {
            AccumulateVectors(code, rows, vectors % MostVectors, headDim, widened, fetch);
        }

        code.pop(r12);
        code.pop(rbp);
        code.pop(rbx);
        code.vzeroupper();
        code.ret();
    }

    static void AccumulateVectors(Assembler code, int rows, int vectors, int headDim, bool widened, bool fetch)
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
        if (fetch)
        {
            code.mov(rbp, __qword_ptr[r10 + (SpanKernels.SpanGroups * sizeof(long))]);
            code.mov(r12, __qword_ptr[r10 + sizeof(long)]); // behind the last group of a span is the first of the next one
            code.add(rbp, rbx);
            code.add(r12, rbx);
        }

        for (int pair = 0; pair < Pairs; pair++)
        {
            int at = pair;
            for (int i = 0; i < vectors && fetch; i++)
            {
                code.prefetcht1(__[rbp + (pair * headDim * sizeof(uint)) + (i * VectorBytes)]);
                int near = (pair + ValuesAhead) % Pairs;
                code.prefetcht0(__[(near > pair ? r9 : r12) + (near * headDim * sizeof(uint)) + (i * VectorBytes)]);
            }

            MultiplyPairs(
                code,
                rows,
                vectors,
                widened,
                i => __zmmword_ptr[r9 + ((at * headDim * sizeof(uint)) + (i * VectorBytes))],
                row => __dword_ptr[rax + ((row * WeightRowBytes(widened)) + (at * sizeof(uint)))],
                FirstWeightsAt);
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

    /// <summary>void (group: byte*, to: byte*, next: byte*): a group of F16 into F32, whose layouts are the same, while the next one is fetched.</summary>
    internal static void UnpackF16(Assembler code, int headDim)
    {
        Label loop = code.CreateLabel();
        code.mov(ecx, headDim);
        code.Label(ref loop);
        code.prefetcht1(__[rdx]);
        code.vcvtph2ps(zmm0, __ymmword_ptr[rdi]);
        code.vmovups(__zmmword_ptr[rsi], zmm0);
        code.add(rdi, VectorBytes / 2);
        code.add(rdx, VectorBytes / 2);
        code.add(rsi, VectorBytes);
        code.dec(ecx);
        code.jnz(loop);
        code.vzeroupper();
        code.ret();
    }

    /// <summary>
    /// void (group: byte*, to: byte*, next: byte*): a group of Q8_0 into BF16, while the next one is fetched. Codes stand as the BF16 will, in pairs, so only the
    /// scales must be spread: over two elements of sixteen tokens for keys, over sixteen elements of two tokens for values.
    /// </summary>
    internal static void UnpackQ8_0(Assembler code, KvPart part, int headDim)
    {
        const int ScaledElements = 32;
        Indices(code, zmm30, i => part == KvPart.Keys ? i / 2 : i % 2);
        Indices(code, zmm31, i => part == KvPart.Keys ? 8 + (i / 2) : 2);
        for (int scaled = 0; scaled < headDim / ScaledElements; scaled++)
        {
            code.vcvtph2ps(zmm0, __ymmword_ptr[rdi + (KvLayout.GroupTokens * headDim) + (scaled * KvLayout.GroupTokens * sizeof(ushort))]);
            if (part == KvPart.Keys)
            {
                code.vpermps(zmm1, zmm30, zmm0);
                code.vpermps(zmm2, zmm31, zmm0);
                for (int pair = 0; pair < ScaledElements / 2; pair++)
                {
                    UnpackPairs(code, ((scaled * ScaledElements / 2) + pair) * KvLayout.GroupTokens, zmm1, zmm2);
                }

                continue;
            }

            code.vmovaps(zmm3, zmm30);
            for (int pair = 0; pair < Pairs; pair++)
            {
                code.vpermps(zmm1, zmm3, zmm0);
                code.vpaddd(zmm3, zmm3, zmm31);
                UnpackPairs(code, (pair * headDim) + (scaled * ScaledElements), zmm1, zmm1);
                UnpackPairs(code, (pair * headDim) + (scaled * ScaledElements) + KvLayout.GroupTokens, zmm1, zmm1);
            }
        }

        code.vzeroupper();
        code.ret();
    }

    /// <summary>Sixteen pairs of codes from a pair on.</summary>
    static void UnpackPairs(Assembler code, int at, AssemblerRegisterZMM firstSteps, AssemblerRegisterZMM secondSteps)
    {
        if (at * 2 % VectorBytes == 0)
        {
            code.prefetcht1(__[rdx + (at * 2)]);
        }

        code.vpmovsxbd(zmm4, __xmmword_ptr[rdi + (at * 2)]);
        code.vpmovsxbd(zmm5, __xmmword_ptr[rdi + (at * 2) + 16]);
        code.vcvtdq2ps(zmm4, zmm4);
        code.vcvtdq2ps(zmm5, zmm5);
        code.vmulps(zmm4, zmm4, firstSteps);
        code.vmulps(zmm5, zmm5, secondSteps);
        code.vcvtne2ps2bf16(zmm4, zmm5, zmm4);
        code.vmovups(__zmmword_ptr[rsi + (at * sizeof(uint))], zmm4);
    }

    /// <summary>Sixteen small integers in a register.</summary>
    static void Indices(Assembler code, AssemblerRegisterZMM to, Func<int, int> index)
    {
        for (int i = 0; i < KvLayout.GroupTokens; i += 4)
        {
            int four = index(i) | (index(i + 1) << 8) | (index(i + 2) << 16) | (index(i + 3) << 24);
            code.mov(__dword_ptr[rsp - KvLayout.GroupTokens + i], four);
        }

        code.vpmovzxbd(to, __xmmword_ptr[rsp - KvLayout.GroupTokens]);
    }

    /// <summary>
    /// t becomes 2ᵗ, 0 below −64, with the bits of <see cref="Functions.Weight"/>: adding 1.5 · 2²³ rounds to the nearest
    /// integer and leaves it in the low bits, which shifted to the exponent multiply with 2ⁿ.
    /// </summary>
    static void Weight(Assembler code, AssemblerRegisterZMM t, AssemblerRegisterZMM n, AssemblerRegisterZMM f, AssemblerRegisterK kept)
    {
        const byte NotLess = 5;
        code.vcmpps(kept, t, zmm29, NotLess);
        code.vaddps(n, t, zmm30);
        code.vsubps(f, n, zmm30);
        code.vpslld(n, n, 23);
        code.vsubps(f, t, f);
        code.vmovaps(t, zmm27);
        code.vfmadd213ps(t, f, zmm26);
        code.vfmadd213ps(t, f, zmm25);
        code.vfmadd213ps(t, f, zmm24);
        code.vfmadd213ps(t, f, zmm28);
        code.vpaddd(kept == k1 ? t.k1.z : t.k3.z, t, n);
    }

    static void Constant(Assembler code, AssemblerRegisterZMM to, float value) => Constant(code, to, BitConverter.SingleToInt32Bits(value));

    static void Constant(Assembler code, AssemblerRegisterZMM to, int bits)
    {
        code.mov(eax, bits);
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
