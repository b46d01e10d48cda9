using System.Text.Json;
using OpenAutoGlm.Dashboard;

namespace OpenAutoGlm.Optimization.LlamaCpp;

/// <summary>What llama.cpp said about files that this repository's exporter wrote.</summary>
/// <param name="Engine">Which llama.cpp.</param>
/// <param name="Prompts">Token ids; each prompt for itself from position 0.</param>
/// <param name="Positions">After which tokens of every prompt the probabilities were taken.</param>
/// <param name="Files">The files.</param>
sealed record GoldenProbabilities(string Engine, int[][] Prompts, int[] Positions, GoldenFile[] Files)
{
    static readonly Lazy<GoldenProbabilities> Data = new(() => JsonSerializer.Deserialize<GoldenProbabilities>(
        File.ReadAllText(Path.Combine(Repository.Root, "tests", "OpenAutoGlm.Conformance", "Optimization", "LlamaCpp", "probabilities.json")), JsonSerializerOptions.Web)!);

    internal static GoldenProbabilities All => Data.Value;
}

/// <summary>A file, and what llama.cpp made of it.</summary>
/// <param name="Shape">The shape of the model.</param>
/// <param name="Format">What its matrices were rounded to.</param>
/// <param name="Sha256">Of the file that was loaded.</param>
/// <param name="Tops">For every prompt and position the 20 likeliest tokens.</param>
sealed record GoldenFile(string Shape, string Format, string Sha256, GoldenTop[] Tops);

/// <summary>The likeliest tokens after a position, likeliest first.</summary>
/// <param name="Ids">The tokens.</param>
/// <param name="Probabilities">Theirs, of all tokens, at temperature 1.</param>
sealed record GoldenTop(int[] Ids, double[] Probabilities)
{
    /// <summary>The probability of a token; 0 where it is not among these.</summary>
    internal double Of(int id) => Array.IndexOf(Ids, id) is >= 0 and int at ? Probabilities[at] : 0;
}
