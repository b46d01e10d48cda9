using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Synthesis;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Optimization.Evaluation;

namespace OpenAutoGlm.Optimization.Calibration;

public sealed class CalibrationDataTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("calibration-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_built_in_model_is_looked_at_with_conversations_of_its_own_and_others_are_not()
    {
        using ModelPackage nano = ModelPackage.Open(BuiltInModel.Path);
        CalibrationData data = CalibrationData.For(nano);
        Assert.True(data.Documents.Length >= 100 && data.Documents.All(document => document.Messages is not null));
        TokenWindows windows = data.Windows(nano.Tokenizer!, ChatTemplate.Parse(nano.ChatTemplates.Default!), 128);
        Assert.True(windows.Windows.Length >= 64, $"{windows.Windows.Length}");

        string path = Path.Combine(_folder.FullName, "other.gguf");
        ModelSynthesizer.Write(ModelShape.Find("glm4-tiny"), "F32", path, cancellation: TestContext.Current.CancellationToken);
        using ModelPackage other = ModelPackage.Open(path);
        Assert.Same(CalibrationData.BuiltIn, CalibrationData.For(other));
    }

    [Fact]
    public void The_built_in_set_has_texts_and_conversations()
    {
        Assert.Equal(4, CalibrationData.BuiltIn.Documents.Count(document => document.Messages is null));
        Assert.True(CalibrationData.BuiltIn.Documents.Count(document => document.Messages is not null) >= 5);
        Assert.Contains(CalibrationData.BuiltIn.Documents, document => document.Plain.Contains("水的沸点"));
    }

    [Fact]
    public void Both_forms_of_conversations_say_the_same()
    {
        string path = Write("chats.jsonl", """
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}

            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
            {"text": "Plain."}
            """);
        CalibrationDocument[] documents = [.. CalibrationData.Read([path]).Documents];
        Assert.Equal("Hi\n\nHello\n\n", documents[0].Plain);
        Assert.Equal(documents[0].Plain, documents[1].Plain);
        Assert.Equal(documents[0].Messages!.Value.GetRawText().Replace(" ", ""), documents[1].Messages!.Value.GetRawText());
        Assert.Equal("Plain.", documents[2].Plain);
        Assert.EndsWith("line 4", documents[2].Source);
    }

    [Theory]
    [InlineData("{\"text\": 3}", "line 2: an object with")]
    [InlineData("{\"text\": \" \"}", "line 2: the text is empty")]
    [InlineData("{\"messages\": []}", "line 2: a conversation is a list")]
    [InlineData("{\"messages\": [{\"role\": \"user\"}]}", "line 2: a message has")]
    [InlineData("[1]", "line 2: a JSON object belongs here")]
    [InlineData("{\"text\": ", "line 2: no JSON")]
    public void A_bad_line_is_named(string line, string wanted)
    {
        string path = Write("bad.jsonl", "{\"text\": \"good\"}\n" + line + "\n");
        Assert.Contains(wanted, Assert.Throws<EvaluationException>(() => CalibrationData.Read([path])).Message);
    }

    [Fact]
    public void An_empty_file_and_no_file_are_refused()
    {
        Assert.Contains("is empty", Assert.Throws<EvaluationException>(() => CalibrationData.Read([Write("empty.txt", " \n")])).Message);
        Assert.Throws<EvaluationException>(() => CalibrationData.Read([]));
        Assert.Throws<FileNotFoundException>(() => CalibrationData.Read([Path.Combine(_folder.FullName, "none.txt")]));
    }

    string Write(string name, string content)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, content);
        return path;
    }
}
