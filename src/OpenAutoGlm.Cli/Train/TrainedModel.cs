using System.Text.Json;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Synth;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Tokenizers.Training;
using OpenAutoGlm.Optimization.Training;

namespace OpenAutoGlm.Cli.Train;

/// <summary>The model that training begins with: one that is there, or a new one, which is written first and then opened like any other.</summary>
static class TrainedModel
{
    const string Fresh = "fresh.gguf";

    /// <summary>Opens it.</summary>
    public static async Task<ModelPackage> OpenAsync(TrainingRecipe recipe, string folder, HubOptions? hub, CommandConsole console, CancellationToken cancellation)
    {
        if (recipe.Model is not null)
        {
            return await OpenModel.PackageAsync(recipe.Model, hub, console, cancellation);
        }

        string path = Path.Combine(folder, Fresh);
        if (!File.Exists(path))
        {
            Write(recipe, path, console, cancellation);
        }

        return ModelPackage.Open(path);
    }

    static void Write(TrainingRecipe recipe, string path, CommandConsole console, CancellationToken cancellation)
    {
        ModelShape shape = ShapeFile.Find(recipe.Shape!);
        VocabularyRecipe wanted = recipe.Vocabulary;
        StatusLine status = new(console);
        status.Say("learning a vocabulary");
        TrainedVocabulary vocabulary = BytePairTrainer.Train(recipe.Data.SelectMany(Texts), new BytePairTrainingOptions
        {
            VocabularySize = wanted.Size ?? shape.Config.Vocab,
            MinimumCount = wanted.MinimumCount,
            SingleDigits = wanted.SingleDigits,
            Controls = wanted.Controls,
            AlwaysWhole = wanted.AlwaysWhole,
            Bos = wanted.Bos,
            Eos = wanted.Eos,
            EndOfTurn = wanted.EndOfTurn,
        }, cancellation);
        status.End();
        int rows = wanted.Size ?? shape.Config.Vocab;
        console.Note($"vocabulary: {vocabulary.Count} tokens, {vocabulary.MergeCount} merges");
        FreshModel.Write(
            shape with { Config = shape.Config with { Vocab = rows } },
            vocabulary,
            path,
            (int)(recipe.Seed % int.MaxValue),
            recipe.ChatTemplate is { } template ? File.ReadAllText(template) : null);
    }

    /// <summary>The texts of a file: of a .jsonl file the strings under text and content, wherever they are.</summary>
    static IEnumerable<string> Texts(string path)
    {
        if (!Path.GetExtension(path).Equals(".jsonl", StringComparison.OrdinalIgnoreCase))
        {
            yield return File.ReadAllText(path);
            yield break;
        }

        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            List<string> texts = [];
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                Collect(document.RootElement, texts);
            }
            catch (JsonException failed)
            {
                throw new InvalidDataException($"{path}, line {number}: {failed.Message}", failed);
            }

            foreach (string text in texts)
            {
                yield return text;
            }
        }
    }

    static void Collect(JsonElement element, List<string> texts)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in element.EnumerateArray())
            {
                Collect(item, texts);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty member in element.EnumerateObject())
            {
                if (member.Value.ValueKind == JsonValueKind.String && (member.Name is "text" or "content"))
                {
                    texts.Add(member.Value.GetString()!);
                }
                else
                {
                    Collect(member.Value, texts);
                }
            }
        }
    }
}
