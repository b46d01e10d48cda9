using Iced.Intel;
using OpenAutoGlm.Cpu.Emit;
using OpenAutoGlm.Graph.Ops;
using static Iced.Intel.AssemblerRegisters;

namespace OpenAutoGlm.Cpu.Kernels.Attention;

/// <summary>
/// The spans of BF16 by the matrix unit, up to sixteen rows at a time. Groups of keys and of values lie in memory as its tiles want them:
/// sixteen pairs of elements by sixteen tokens, and eight pairs of tokens by sixteen elements.
/// </summary>
static class AttentionMatrixCode
{
    /// <summary>The most rows of a call. Fewer take as long: what lies behind them is multiplied too, and left.</summary>
    internal const int MostRows = MatrixUnit.MostRows;

    /// <summary>Elements of a head in a tile.</summary>
    internal const int TileElements = 32;

    /// <summary>The most groups of a call to the scores, and the most vectors of a head that are summed at a time: tiles 0 to 3.</summary>
    internal const int MostTiles = 4;

    const int VectorBytes = 64;
    const int Pairs = KvLayout.GroupTokens / 2;
    const int WeightRowBytes = SpanKernels.SpanTokens * sizeof(ushort);
    const int ProductRowBytes = MostTiles * VectorBytes;

    /// <summary>Tiles of products, queries, keys, weights and values.</summary>
    internal static TileSizes Sizes()
    {
        TileSizes sizes = new();
        for (int product = 0; product < MostTiles; product++)
        {
            sizes.Set(product, MostRows, VectorBytes);
        }

        sizes.Set(4, MostRows, TileElements * sizeof(ushort));
        sizes.Set(5, TileElements / 2, VectorBytes);
        sizes.Set(6, MostRows, KvLayout.GroupTokens * sizeof(ushort));
        sizes.Set(7, Pairs, VectorBytes);
        return sizes;
    }

    /// <summary>void (queries: void*, keys: byte**, scores: float*) for so many groups. What comes next is fetched as by <see cref="AttentionCode.Score"/>.</summary>
    internal static void Score(Assembler code, int groups, int headDim, bool fetch)
    {
        AssemblerRegister64[] keys = [r8, r9, r10, r11];
        (AssemblerRegister64 queryRow, AssemblerRegister64 line, AssemblerRegister64 next) = (rax, rcx, rsi);
        code.push(rbx);
        code.mov(rbx, rsi);
        for (int group = 0; group < groups; group++)
        {
            code.mov(keys[group], __[rbx + (group * sizeof(long))]);
            code.tilezero(MatrixUnit.Tile(group));
        }

        code.mov(queryRow, headDim * sizeof(ushort));
        code.mov(line, VectorBytes);
        int tiles = headDim / TileElements;
        for (int tile = 0; tile < tiles; tile++)
        {
            code.tileloadd(tmm4, __[rdi + queryRow + (tile * TileElements * sizeof(ushort))]);
            for (int group = 0; group < groups; group++)
            {
                const int TileBytes = TileElements / 2 * VectorBytes;
                if (fetch)
                {
                    // The next span into the second cache; into the first the next tile of this group, or the first one of a group that follows.
                    code.mov(next, __[rbx + ((SpanKernels.SpanGroups + group) * sizeof(long))]);
                    Fetch(tile, code.prefetcht1);
                    if (tile == tiles - 1)
                    {
                        code.mov(next, __[rbx + ((groups + group) * sizeof(long))]);
                        Fetch(0, code.prefetcht0);
                    }
                    else
                    {
                        code.mov(next, keys[group]);
                        Fetch(tile + 1, code.prefetcht0);
                    }
                }

                code.tileloadd(tmm5, __[keys[group] + line + (tile * TileBytes)]);
                code.tdpbf16ps(MatrixUnit.Tile(group), tmm4, tmm5);

                void Fetch(int ofTile, Action<AssemblerMemoryOperand> prefetch)
                {
                    for (int at = 0; at < TileBytes; at += VectorBytes)
                    {
                        prefetch(__byte_ptr[next + ((ofTile * TileBytes) + at)]);
                    }
                }
            }
        }

        code.mov(queryRow, SpanKernels.SpanTokens * sizeof(float));
        for (int group = 0; group < groups; group++)
        {
            code.tilestored(__[rdx + queryRow + (group * VectorBytes)], MatrixUnit.Tile(group));
        }

        code.pop(rbx);
        code.ret();
    }

    /// <summary>void (weights: void*, values: byte**, groups: long, corrections: float*, sums: float*, rows: long).</summary>
    internal static void Accumulate(Assembler code, int headDim, bool fetch)
    {
        (AssemblerRegister64 weights, AssemblerRegister64 values, AssemblerRegister64 groups) = (rdi, rsi, rdx);
        (AssemblerRegister64 corrections, AssemblerRegister64 sums, AssemblerRegister64 rows) = (rcx, r8, r9);
        (AssemblerRegister64 weightRow, AssemblerRegister64 valueRow, AssemblerRegister64 next) = (rbx, r12, r14);
        code.push(rbp);
        code.mov(rbp, rsp);
        code.push(rbx);
        code.push(r12);
        code.push(r13);
        code.push(r14);
        code.and(rsp, -VectorBytes);
        code.sub(rsp, MostRows * ProductRowBytes);
        code.mov(weightRow, WeightRowBytes);
        code.mov(valueRow, headDim * sizeof(uint));
        for (int start = 0; start < headDim; start += MostTiles * KvLayout.GroupTokens)
        {
            int vectors = Math.Min(MostTiles, (headDim - start) / KvLayout.GroupTokens);
            int at = start * sizeof(float);
            for (int i = 0; i < vectors; i++)
            {
                code.tilezero(MatrixUnit.Tile(i));
            }

            code.mov(rax, weights);
            code.mov(r10, values);
            code.mov(r11, groups);
            Label group = code.CreateLabel();
            code.Label(ref group);
            code.mov(r13, __[r10]);
            code.tileloadd(tmm6, __[rax + weightRow]);
            if (fetch)
            {
                code.mov(next, __[r10 + (SpanKernels.SpanGroups * sizeof(long))]);
                Fetch(code.prefetcht1);
                code.mov(next, __[r10 + sizeof(long)]); // behind the last group of a span is the first of the next one
                Fetch(code.prefetcht0);
            }

            for (int i = 0; i < vectors; i++)
            {
                code.tileloadd(tmm7, __[r13 + valueRow + (at + (i * VectorBytes))]);
                code.tdpbf16ps(MatrixUnit.Tile(i), tmm6, tmm7);
            }

            code.add(rax, KvLayout.GroupTokens * sizeof(ushort));
            code.add(r10, sizeof(long));
            code.dec(r11);
            code.jnz(group);
            code.mov(r10, ProductRowBytes);
            for (int i = 0; i < vectors; i++)
            {
                code.tilestored(__[rsp + r10 + (i * VectorBytes)], MatrixUnit.Tile(i));
            }

            // The products of the rows that there are join their sums.
            code.mov(rax, rsp);
            code.mov(r10, sums);
            code.mov(r13, corrections);
            code.mov(r11, rows);
            Label row = code.CreateLabel();
            code.Label(ref row);
            code.vbroadcastss(zmm4, __dword_ptr[r13]);
            for (int i = 0; i < vectors; i++)
            {
                AssemblerRegisterZMM sum = i switch { 0 => zmm0, 1 => zmm1, 2 => zmm2, _ => zmm3 };
                code.vmovups(sum, __zmmword_ptr[r10 + (at + (i * VectorBytes))]);
                code.vfmadd213ps(sum, zmm4, __zmmword_ptr[rax + (i * VectorBytes)]);
                code.vmovups(__zmmword_ptr[r10 + (at + (i * VectorBytes))], sum);
            }

            code.add(rax, ProductRowBytes);
            code.add(r10, headDim * sizeof(float));
            code.add(r13, sizeof(float));
            code.dec(r11);
            code.jnz(row);

            void Fetch(Action<AssemblerMemoryOperand> prefetch)
            {
                for (int pair = 0; pair < Pairs; pair++)
                {
                    for (int i = 0; i < vectors; i++)
                    {
                        prefetch(__byte_ptr[next + ((pair * headDim * sizeof(uint)) + at + (i * VectorBytes))]);
                    }
                }
            }
        }

        code.vzeroupper();
        code.lea(rsp, __[rbp - (4 * sizeof(long))]);
        code.pop(r14);
        code.pop(r13);
        code.pop(r12);
        code.pop(rbx);
        code.pop(rbp);
        code.ret();
    }
}
