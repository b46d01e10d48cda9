using System.Text.Json;
using OpenAutoGlm.Cli;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Gguf;
using OpenAutoGlm.Optimization.Evaluation.Tasks;

namespace OpenAutoGlm.Evaluation;

/// <summary>autoglm eval as a process, on trained models and published tasks.</summary>
public sealed class EvalProcessTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("autoglm-eval-");
    readonly string _model = SharedData.Path("models", "stories260K", "stories260K-f32.gguf");

    string Journal => Path.Combine(_folder.FullName, "answers.jsonl");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_model_in_eight_bits_is_near_its_original()
    {
        string eight = Path.Combine(_folder.FullName, "eight.gguf");
        using (ModelPackage model = ModelPackage.Open(_model))
        {
            GgufQuantizer.Write(model, "Q8_0", eight, cancellation: TestContext.Current.CancellationToken);
        }

        JsonElement text = JsonDocument.Parse(await AutoglmProcess.Run(
            "eval", _model, "--against", eight, "--text", SharedData.Path("eval", "prose", "war_and_peace_part.txt"), "--windows", "4", "--window-tokens", "128", "--threads", "1", "--json")).RootElement.GetProperty("text");
        JsonElement candidate = text.GetProperty("candidate");
        Assert.Equal(4 * 127, text.GetProperty("predictions").GetInt32());
        Assert.InRange(candidate.GetProperty("meanKl").GetDouble(), 1e-7, 0.002);
        Assert.InRange(candidate.GetProperty("top1Agreement").GetDouble(), 0.95, 1);
        Assert.InRange(
            Math.Abs(candidate.GetProperty("crossEntropy").GetDouble() - text.GetProperty("original").GetProperty("crossEntropy").GetDouble()),
            0,
            0.01);
    }

    [Fact]
    public async Task An_interrupted_run_of_a_published_task_goes_on_to_the_same_result()
    {
        string[] arguments = ["eval", _model, "--task", SharedData.Path("eval", "lambada", "lambada_test.jsonl"), "--limit", "200", "--threads", "1", "--json"];
        string whole = await AutoglmProcess.Run(arguments);
        using (AutoglmProcess process = AutoglmProcess.Start([.. arguments, "--resume", Journal]))
        {
            while (!File.Exists(Journal) || new FileInfo(Journal).Length == 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
            }

            process.PressControlC();
            Assert.Equal(130, await process.Ended());
        }

        int before = File.ReadAllLines(Journal).Length;
        Assert.InRange(before, 1, 199);
        Assert.Equal(whole, await AutoglmProcess.Run([.. arguments, "--resume", Journal]));
        Assert.Equal(200, File.ReadAllLines(Journal).Length);
        JsonElement result = JsonDocument.Parse(whole).RootElement.GetProperty("tasks")[0].GetProperty("results")[0].GetProperty("original");
        Assert.InRange(result.GetProperty("loss").GetDouble(), 1, 20);
        Assert.InRange(result.GetProperty("accuracy").GetDouble(), 0, 0.5);
    }

    [Fact]
    public void Every_line_of_the_published_tasks_is_read()
    {
        TaskFile lambada = TaskFile.Read(SharedData.Path("eval", "lambada", "lambada_test.jsonl"));
        Assert.Equal(5153, lambada.Items.Length);
        Assert.All(lambada.Items, item => Assert.Matches("^ [^ ]+$", Assert.IsType<LossItem>(item).Continuation));
        TaskFile gsm = TaskFile.Read(SharedData.Path("eval", "gsm8k", "test.jsonl"));
        Assert.Equal(1319, gsm.Items.Length);
        Assert.All(gsm.Items, item => Assert.Matches("^-?[0-9][0-9,.]*$", Assert.IsType<GenerateItem>(item).Answers[0]));
    }
}
