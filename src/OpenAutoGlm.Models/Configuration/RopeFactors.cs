using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>
/// Finds the rule behind the factors that a GGUF file divides rotary frequencies by: config.json states Llama-3's four
/// numbers, GGUF files the factors that follow from them.
/// </summary>
static class RopeFactors
{
    const float Tolerance = 1e-4f;

    /// <summary>The rule; null where all factors are 1.</summary>
    /// <exception cref="NotSupportedException">No published model's numbers give these factors.</exception>
    public static Llama3RopeScaling? Recognise(string file, RopeConfig rope, float[] factors)
    {
        if (factors.All(factor => factor == 1))
        {
            return null;
        }

        foreach (int context in new[] { 8192, 4096, 16384, 32768 })
        {
            Llama3RopeScaling rule = new(factors.Max(), 1, 4, context);
            float[] expected = rule.Factors(rope);
            if (expected.Length == factors.Length && expected.Zip(factors).All(pair => Math.Abs(pair.First - pair.Second) <= Tolerance * pair.First))
            {
                return rule;
            }
        }

        throw new NotSupportedException($"{file}: the factors of rope_freqs.weight follow from none of the rules that a config.json can state.");
    }
}
