using System.Diagnostics;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Constraints.Masks;
using OpenAutoGlm.Engine.Constraints.Schemas;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Conformance.Constraints;

/// <summary>MaskBench over GLM-4's vocabulary: schemas as people write them, instances as models tokenise them.</summary>
public class MaskBenchTests(ITestOutputHelper output)
{
    [Fact]
    public void Instances_are_decided_rightly_token_by_token_and_masks_are_quick()
    {
        string folder = SharedData.Path("jsonschema", "maskbench");
        Tokenizer tokenizer = TokenizerLoader.FromFolder(SharedData.Path("tokenizers", "glm4"));
        ConstraintVocabulary vocabulary = ConstraintVocabulary.Of(tokenizer, []);
        int schemas = 0;
        int instances = 0;
        List<string> wrong = [];
        List<double> compileMs = [];
        List<double> masks = [];
        foreach (SuiteSchema schema in SuiteSchema.Read(folder))
        {
            schemas++;
            long start = Stopwatch.GetTimestamp();
            if (schema.Compile(vocabulary, new JsonSchemaOptions()) is not { } constraint)
            {
                continue;
            }

            compileMs.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            foreach ((string json, bool valid) in schema.Instances)
            {
                instances++;
                bool first = true;
                foreach ((string kind, string text) in Spellings.Of(json))
                {
                    if (Accepts(constraint, tokenizer, text, first ? masks : null) != valid)
                    {
                        wrong.Add($"{schema.Name}: {(valid ? "valid and refused" : "invalid and accepted")}, {kind}: {text}");
                    }

                    first = false;
                }
            }
        }

        compileMs.Sort();
        masks.Sort();
        double p50 = masks[masks.Count / 2];
        double p99 = masks[masks.Count * 99 / 100];
        output.WriteLine($"{compileMs.Count} of {schemas} schemas compiled ({100.0 * compileMs.Count / schemas:F1} %), p50 {compileMs[compileMs.Count / 2]:F2} ms, p99 {compileMs[compileMs.Count * 99 / 100]:F1} ms");
        output.WriteLine($"{instances} instances, {wrong.Count} decided wrongly; {masks.Count} masks of {vocabulary.Size} tokens, each when first met: p50 {p50:F1} us, p99 {p99:F1} us, longest {masks[^1]:F0} us");
        Assert.Empty(wrong);
        Assert.True(100 * compileMs.Count >= 95 * schemas, $"{compileMs.Count} of {schemas} schemas compiled.");

        // Loosely: other work on the machine, and compilation of this very code, are in these times.
        Assert.InRange(p50, 0, 500);
        Assert.InRange(p99, 0, 50_000);
    }

    static bool Accepts(CompiledConstraint constraint, Tokenizer tokenizer, string text, List<double>? times)
    {
        ConstraintMask mask = new(constraint);
        foreach (int token in tokenizer.Encode(text, parseSpecials: false, addSpecials: false))
        {
            long start = Stopwatch.GetTimestamp();
            TokenSet allowed = mask.Allowed!;
            times?.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            if (!allowed.Contains(token))
            {
                Assert.Null(constraint.Advance(mask.Place, tokenizer.TokenBytes(token)));
                return false;
            }

            mask.Accept(token);
        }

        Assert.Equal(mask.IsComplete, mask.Allowed!.Contains(tokenizer.EosIds[0]));
        return mask.IsComplete;
    }
}
