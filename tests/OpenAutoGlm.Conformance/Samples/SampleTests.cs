using System.Globalization;

namespace OpenAutoGlm.Samples;

/// <summary>Every sample runs as it stands, with the model of random weights that it takes when none is named.</summary>
public class SampleTests
{
    [Fact]
    public async Task The_console_answers_every_question_until_an_empty_line()
    {
        using SampleProcess sample = SampleProcess.Of("ConsoleChat");
        await sample.Input.WriteAsync("Hello\nAnd again?\n\n");
        sample.Input.Close();
        (int code, string output, string error) = await sample.EndAsync();
        Assert.True(code == 0, error);
        Assert.Equal(3, output.Split("> ").Length - 1);
        Assert.True(output.Length > 50, output);
    }

    [Fact]
    public async Task The_web_service_streams_an_answer_and_compares_texts()
    {
        using SampleProcess sample = SampleProcess.Of("MinimalApi", "--urls", "http://127.0.0.1:0");
        string line = await sample.LineWithAsync("Now listening on: ");
        using HttpClient client = new() { BaseAddress = new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]) };
        Assert.StartsWith("data: ", await client.GetStringAsync("/ask?question=Hello", TestContext.Current.CancellationToken));
        string same = await client.GetStringAsync("/likeness?one=cat&other=cat", TestContext.Current.CancellationToken);
        Assert.Equal(1, double.Parse(same, CultureInfo.InvariantCulture), 1e-3);
    }

    [Fact]
    public async Task The_agent_calls_a_tool_and_ends()
    {
        using SampleProcess sample = SampleProcess.Of("ToolAgent");
        (int code, string output, string error) = await sample.EndAsync();
        Assert.True(code == 0, error);
        Assert.Matches(@"^(temperature|larger)\(.*\) = ", output);
    }

    [Fact]
    public async Task The_script_looks_at_the_machine_and_serves_under_the_name_of_phone_agents()
    {
        using SampleProcess script = SampleProcess.OfScript("scripts/run_autoglm_server.sh", "--model", "synth:llama-tiny", "--context", "512", "--port", "0", "--", "-t", "1");
        string line = await script.LineWithAsync("Listening on ");
        using HttpClient client = new();
        Assert.Contains("\"autoglm-phone-9b\"", await client.GetStringAsync($"{line["Listening on ".Length..]}/models", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("There is no ./nothing.gguf", "--model", "./nothing.gguf", "--check")]
    [InlineData("--prot is not known", "--prot", "1")]
    [InlineData("--port is 'x'", "--port", "x")]
    [InlineData("--model has no value", "--model")]
    public async Task The_script_refuses_with_what_is_wrong(string message, params string[] arguments)
    {
        using SampleProcess script = SampleProcess.OfScript("scripts/run_autoglm_server.sh", arguments);
        (int code, _, string error) = await script.EndAsync();
        Assert.Equal(1, code);
        Assert.Contains(message, error);
    }
}
