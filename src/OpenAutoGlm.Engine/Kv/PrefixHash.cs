using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// The hash by which blocks of tokens are found: of what comes before, and of the block's own tokens. Its key is drawn
/// anew for every engine, so that nobody can choose tokens that collide; and who finds something by it compares the
/// tokens, so that a collision costs time and nothing else. SipHash-1-3.
/// Source: Aumasson &amp; Bernstein 2012, "SipHash: a fast short-input PRF".
/// </summary>
class PrefixHash(ulong key0, ulong key1)
{
    /// <summary>A hash with a key that nobody knows.</summary>
    internal static PrefixHash Random()
    {
        Span<ulong> key = stackalloc ulong[2];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(key));
        return new PrefixHash(key[0], key[1]);
    }

    /// <summary>The hash of a block.</summary>
    /// <param name="parent">The hash of all that comes before.</param>
    /// <param name="tokens">The block's tokens.</param>
    internal virtual ulong Of(ulong parent, ReadOnlySpan<int> tokens)
    {
        State state = new(key0, key1);
        state.Add(parent);
        ReadOnlySpan<ulong> pairs = MemoryMarshal.Cast<int, ulong>(tokens);
        foreach (ulong pair in pairs)
        {
            state.Add(pair);
        }

        ulong rest = (tokens.Length & 1) == 0 ? 0 : (uint)tokens[^1];
        return state.Finish(rest, tokens.Length);
    }

    /// <summary>The hash of the empty prefix of a tenant; null is a tenant too, and no other has its hash but by accident.</summary>
    internal ulong OfTenant(string? tenant)
    {
        State state = new(key0, ~key1);
        foreach (char unit in tenant ?? "")
        {
            state.Add(unit);
        }

        return state.Finish(tenant is null ? 0u : 1u, tenant?.Length ?? 0);
    }

    struct State(ulong key0, ulong key1)
    {
        ulong _v0 = key0 ^ 0x736f_6d65_7073_6575;
        ulong _v1 = key1 ^ 0x646f_7261_6e64_6f6d;
        ulong _v2 = key0 ^ 0x6c79_6765_6e65_7261;
        ulong _v3 = key1 ^ 0x7465_6462_7974_6573;

        internal void Add(ulong word)
        {
            _v3 ^= word;
            Round();
            _v0 ^= word;
        }

        internal ulong Finish(ulong rest, int length)
        {
            Add(rest);
            Add((ulong)length << 56 | (uint)length);
            _v2 ^= 0xff;
            Round();
            Round();
            Round();
            return _v0 ^ _v1 ^ _v2 ^ _v3;
        }

        void Round()
        {
            _v0 += _v1;
            _v1 = BitOperations.RotateLeft(_v1, 13) ^ _v0;
            _v0 = BitOperations.RotateLeft(_v0, 32);
            _v2 += _v3;
            _v3 = BitOperations.RotateLeft(_v3, 16) ^ _v2;
            _v0 += _v3;
            _v3 = BitOperations.RotateLeft(_v3, 21) ^ _v0;
            _v2 += _v1;
            _v1 = BitOperations.RotateLeft(_v1, 17) ^ _v2;
            _v2 = BitOperations.RotateLeft(_v2, 32);
        }
    }
}
