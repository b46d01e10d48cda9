namespace OpenAutoGlm.Models;

/// <summary>Breaks files in ways that random bytes alone would not find.</summary>
static class Mutation
{
    static readonly byte[][] Spikes =
    [
        [0], [1], [0x7F], [0x80], [0xFF],
        [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80], [0, 0, 0, 0],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0, 0, 0, 0, 0x80], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ];

    /// <summary>How many mutants a test tries: AUTOGLM_MUTATIONS for long runs.</summary>
    public static int Count => int.TryParse(Environment.GetEnvironmentVariable("AUTOGLM_MUTATIONS"), out int count) ? count : 1000;

    /// <summary>A broken copy: bytes replaced by random or extreme values, cut out, doubled, or the end cut off.</summary>
    public static byte[] Of(byte[] original, int head, Random random)
    {
        List<byte> bytes = [.. original];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(Math.Min(head, bytes.Count));
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    byte[] spike = Spikes[random.Next(Spikes.Length)];
                    for (int i = 0; i < spike.Length && at + i < bytes.Count; i++)
                    {
                        bytes[at + i] = spike[i];
                    }

                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 17), bytes.Count - at - 1));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 17), bytes.Count - at)));
                    break;
                default:
                    bytes.RemoveRange(at + 1, bytes.Count - at - 1);
                    break;
            }
        }

        return [.. bytes];
    }
}
