using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Hub;
using OpenAutoGlm.Optimization.Evaluation;
using OpenAutoGlm.Optimization.Pruning;
using OpenAutoGlm.Optimization.Recipes;
using OpenAutoGlm.Optimization.Reports;
using OpenAutoGlm.Optimization.Search;
using OpenAutoGlm.Optimization.Search.Runs;
using OpenAutoGlm.Optimization.Sensitivity;

namespace OpenAutoGlm.Facade;

public sealed class OptimizerTests : IDisposable
{
    static readonly Recipe Short = new()
    {
        Calibration = new RecipeCalibration { WindowTokens = 24, Windows = 3, SensitivityWindows = 2, HeldOutWindows = 3 },
        Sensitivity = SensitivityMethod.Measured,
        Formats = [TensorFormat.F32, TensorFormat.Q8_0, TensorFormat.Q4_K],
    };

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_floor_is_kept_the_folder_opens_and_its_recipe_gives_the_same_bytes()
    {
        string first = _folder.File("first");
        using (Optimizer optimizer = Make())
        {
            OptimizationResult result = optimizer.Within(kl: 0.05).Run(first, cancellation: TestContext.Current.CancellationToken);
            Assert.True(result.Kept, string.Join('\n', result.Summary()));
            Assert.True(PromiseKeeper.Use(result.Wish, result.Promise.Best!.Measured.Quality) <= 1);
            Assert.Contains("Asked: KL at most 0.05", optimizer.Report(), StringComparison.Ordinal);
            Assert.Contains("Fused:", optimizer.Report(), StringComparison.Ordinal);
        }

        using ModelPackage written = ModelPackage.Open(Path.Combine(first, "model.gguf"));
        Recipe recipe = Recipe.Load(Path.Combine(first, "recipe.json"));
        Assert.Equal(recipe.Groups["blk.1.ffn_down"], written.Weights.Get("blk.1.ffn_down.weight").Format);
        OptimizationReport report = OptimizationReport.FromJson(File.ReadAllText(Path.Combine(first, "report.json")));
        Assert.Equal(PromiseOutcome.Kept, Assert.Single(report.Wish!.Promises).Outcome);
        Assert.Contains("<html", File.ReadAllText(Path.Combine(first, "report.html")), StringComparison.Ordinal);

        string second = _folder.File("second");
        using Optimizer again = Make();
        again.Recipe = recipe;
        again.Run(second, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(Path.Combine(first, "model.gguf")), File.ReadAllBytes(Path.Combine(second, "model.gguf")));
    }

    [Fact]
    public void Eight_bits_are_eight_bits_everywhere_and_nothing_is_searched()
    {
        using Optimizer optimizer = Make();
        optimizer.Quantize(bits: 8).FuseOps().Compile(cancellation: TestContext.Current.CancellationToken);
        Assert.All(optimizer.Result!.Promise.Best!.Answer.Assignment.Formats, format => Assert.Equal(TensorFormat.Q8_0, format));
        Assert.Null(optimizer.Result.Sensitivity);
        Assert.Contains("Reached:", optimizer.Report(), StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Quantize(bits: 7));
        Assert.Contains("int8", Assert.Throws<ArgumentException>(() => optimizer.Quantize("int3")).Message);
    }

    [Fact]
    public void An_impossible_budget_writes_nothing_and_names_the_nearest()
    {
        using Optimizer optimizer = Make();
        OptimizationResult result = optimizer.Within(bytes: 1000).Run(_folder.File("none"), cancellation: TestContext.Current.CancellationToken);
        Assert.False(result.Kept);
        NearestReach nearest = Assert.Single(result.Promise.Nearest);
        Assert.True(nearest.Reachable > 1000);
        Assert.False(Directory.Exists(_folder.File("none")));
    }

    [Fact]
    public void A_run_that_is_broken_off_leaves_no_model_and_the_next_one_measures_only_the_rest()
    {
        string target = _folder.File("broken");
        using CancellationTokenSource stop = new();
        int groups = 0;
        using (Optimizer optimizer = Make())
        {
            Assert.ThrowsAny<OperationCanceledException>(() => optimizer.Within(kl: 0.05).Run(target, new Told(progress =>
            {
                if (progress.Stage == OptimizationStage.Sensitivity && ++groups > 5)
                {
                    stop.Cancel();
                }
            }), stop.Token));
        }

        Assert.False(Directory.Exists(target));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root, "broken*"));
        Assert.Single(Directory.EnumerateFiles(_folder.File("cache", "optimizer", "sensitivity")));

        using Optimizer next = Make();
        OptimizationResult result = next.Within(kl: 0.05).Run(target, cancellation: TestContext.Current.CancellationToken);
        int all = result.Space.Choices.Sum(choices => choices.Length - 1);
        Assert.InRange(result.Sensitivity!.Measurements, 1, all - 4);

        using Optimizer third = Make();
        Assert.Equal(0, third.Within(kl: 0.05).Compile(cancellation: TestContext.Current.CancellationToken).Result!.Sensitivity!.Measurements);
    }

    [Fact]
    public void A_second_run_measures_nothing_again_and_a_damaged_cache_is_made_again_with_the_same_result()
    {
        (byte[] first, string[] none) = Written("first");
        Assert.Empty(none);
        (byte[] second, string[] cached) = Written("second");
        Assert.Equal(first, second);
        Assert.Equal(["Calibrating", "Original", "Sensitivity"], cached);

        string[] files = Directory.GetFiles(_folder.File("cache", "optimizer"), "*", SearchOption.AllDirectories);
        Assert.Equal(["calibration", "candidates", "sensitivity"], files.Select(file => Path.GetFileName(Path.GetDirectoryName(file))!).Order());
        foreach (string file in files)
        {
            byte[] bytes = File.ReadAllBytes(file);
            int at = bytes.Length - 12;
            bytes[at] = (byte)(bytes[at] == (byte)'7' ? '3' : '7');
            File.WriteAllBytes(file, bytes);
        }

        (byte[] third, string[] after) = Written("third");
        Assert.Equal(first, third);
        Assert.Empty(after);
        Assert.Equal(["Calibrating", "Original", "Sensitivity"], Written("fourth").Cached);

        (byte[] Model, string[] Cached) Written(string name)
        {
            List<string> stages = [];
            using Optimizer optimizer = Make();
            OptimizationResult result = optimizer.Within(kl: 0.05).Run(_folder.File(name), new Told(told =>
            {
                if (told.Detail == OptimizationProgress.FromCache)
                {
                    stages.Add($"{told.Stage}");
                }
            }), TestContext.Current.CancellationToken);
            Assert.Equal(stages.Count > 0, result.Sensitivity!.Measurements == 0);
            return (File.ReadAllBytes(_folder.File(name, "model.gguf")), [.. stages]);
        }
    }

    [Fact]
    public void What_is_pruned_is_rounded_too_measured_against_the_original_and_the_recipe_gives_the_same_bytes()
    {
        string first = _folder.File("pruned");
        using (Optimizer optimizer = Make())
        {
            OptimizationResult result = optimizer.Prune(layers: 1, ffn: 0.5).Quantize(bits: 8).FuseOps().Run(first, cancellation: TestContext.Current.CancellationToken);
            Assert.Equal((1, optimizer.Model.Config.Layers - 1), (result.Pruned!.Removed.Count(unit => unit.Kind == UnitKind.Layer), result.Config.Layers));
            Assert.True(result.Promise.Best!.Measured.Quality.MeanKl > 0);
            Assert.Contains("Taken out: 1 × layer", optimizer.Report(), StringComparison.Ordinal);
            Assert.Contains("Fused:", optimizer.Report(), StringComparison.Ordinal);
        }

        using (ModelPackage written = ModelPackage.Open(Path.Combine(first, "model.gguf")))
        using (Optimizer original = Make())
        {
            Assert.Equal((original.Model.Config.Layers - 1, original.Model.Config.Inner / 2), (written.Config.Layers, written.Config.Inner));
            Assert.Equal(TensorFormat.Q8_0, written.Weights.Get("blk.0.ffn_up.weight").Format);
        }

        using Optimizer again = Make();
        again.Recipe = Recipe.Load(Path.Combine(first, "recipe.json"));
        Assert.Equal((1, 0.5), (again.Recipe.Prune.Layers, again.Recipe.Prune.FfnShare));
        again.Run(_folder.File("again"), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(Path.Combine(first, "model.gguf")), File.ReadAllBytes(_folder.File("again", "model.gguf")));
    }

    [Fact]
    public void A_pruned_model_is_searched_for_a_wish_and_its_zeros_stay()
    {
        using Optimizer optimizer = Make();
        optimizer.Prune(kvHeads: 1, sparsity: "2:4").Within(bytes: 3_000_000).Compile(cancellation: TestContext.Current.CancellationToken);
        OptimizationResult result = optimizer.Result!;
        Assert.True(result.Kept, string.Join('\n', result.Summary()));
        Assert.Equal(optimizer.Model.Config.KvHeads - 1, result.Config.KvHeads);
        Assert.Equal(0.5, result.Pruned!.Zeros!.Value, 1e-6);
        float[] values = result.Weights!.Get("blk.0.ffn_up.weight").ToFloats();
        Assert.True(result.Promise.Best!.Answer.Assignment.Formats.Contains(TensorFormat.Q4_K) || values.Count(value => value == 0) >= values.Length / 2);

        Assert.Throws<ArgumentException>(() => optimizer.Prune(ffn: 1));
        Assert.Throws<ArgumentException>(() => optimizer.Prune(layers: -1));
        Assert.Throws<FormatException>(() => optimizer.Prune(sparsity: "none"));
    }

    [Fact]
    public void Writing_that_is_broken_off_leaves_nothing_and_what_was_there_stays()
    {
        string target = _folder.File("kept");
        Directory.CreateDirectory(target);
        File.WriteAllText(Path.Combine(target, "model.gguf"), "mine");
        using CancellationTokenSource stop = new();
        using Optimizer optimizer = Make();
        optimizer.Quantize(bits: 8).Compile(cancellation: TestContext.Current.CancellationToken);
        Assert.ThrowsAny<OperationCanceledException>(() => optimizer.Write(target, new Told(progress =>
        {
            if (progress.Stage == OptimizationStage.Writing)
            {
                stop.Cancel();
            }
        }), stop.Token));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(target, "model.gguf")));
        Assert.Single(Directory.EnumerateFileSystemEntries(target));
        Assert.Empty(Directory.EnumerateDirectories(_folder.Root, "*.partial"));
    }

    [Fact]
    public void Weights_that_are_no_numbers_are_named_before_anything_is_measured()
    {
        string path = SyntheticModels.Make(new ModelName.Synthetic("llama-tiny", "F32"), _folder.File("cache"), TestContext.Current.CancellationToken);
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4096), float.NaN);
        string damaged = _folder.Write("nan.gguf", bytes);
        using Optimizer optimizer = new(damaged, Options()) { Recipe = Short };
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => optimizer.Within(kl: 0.05).Compile(cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("NaN", error.Message, StringComparison.Ordinal);
        Assert.Contains("blk.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_that_is_too_short_says_what_is_needed()
    {
        string text = _folder.Write("short.txt", "Hello.");
        using Optimizer optimizer = Make();
        Assert.Contains("give a longer text", Assert.Throws<EvaluationException>(() => optimizer.Calibrate(text).Within(kl: 0.05).Compile(cancellation: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void An_engine_that_is_asked_for_auto_goes_on_smaller_or_as_it_was()
    {
        using AutoInferenceEngine engine = AutoInferenceEngine.FromPretrained("synth:llama-tiny:F32", SyntheticEngine.In(_folder.File("cache")));
        long before = engine.Model.Weights.Stored.Sum(tensor => tensor.Bytes);
        engine.Quantize("auto", cancellation: TestContext.Current.CancellationToken);
        Assert.True(engine.Model.Weights.Stored.Sum(tensor => tensor.Bytes) <= before);
        Assert.True(engine.CanChat);
        Assert.Empty(Directory.EnumerateDirectories(_folder.File("cache"), "*.folder", SearchOption.AllDirectories));
    }

    Optimizer Make() => new Optimizer("synth:llama-tiny:F32", Options()) { Recipe = Short }.Configure(run => run with { MeasureSpeed = false });

    AutoInferenceOptions Options() => new()
    {
        Cpu = new CpuOptions { Threads = 1 },
        Hub = HubOptions.FromEnvironment() with { CacheFolder = _folder.File("cache"), IsOffline = true },
    };

    sealed class Told(Action<OptimizationProgress> tell) : IProgress<OptimizationProgress>
    {
        public void Report(OptimizationProgress value) => tell(value);
    }
}
