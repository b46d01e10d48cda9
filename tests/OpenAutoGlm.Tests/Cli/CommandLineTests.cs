namespace OpenAutoGlm.Cli;

public class CommandLineTests
{
    public static TheoryData<string> Commands => [.. CommandLine.CommandNames];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_of_every_command_teaches_with_examples_that_parse(string command)
    {
        string page = (await CommandRun.Of(command, "--help")).Done();
        Assert.Contains("Usage:", page);
        string[] examples = [.. page[page.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("autoglm ", StringComparison.Ordinal))];
        Assert.NotEmpty(examples);
        Assert.All(examples, example =>
        {
            Assert.StartsWith($"autoglm {command}", example);
            Assert.Empty(CommandLine.ErrorsOf(example["autoglm ".Length..]));
        });
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Every_flag_has_a_doc(string command)
    {
        string page = (await CommandRun.Of(command, "--help")).Done();
        string[] lines = page[page.IndexOf("Options:", StringComparison.Ordinal)..page.IndexOf("Examples:", StringComparison.Ordinal)].Split('\n');
        Assert.All(lines.Where(line => line.StartsWith("  -", StringComparison.Ordinal)), line => Assert.Matches(@"^  -.*?\S  +\S", line));
    }

    [Fact]
    public async Task Without_arguments_the_commands_are_listed()
    {
        string page = (await CommandRun.Of()).Done();
        Assert.All(CommandLine.CommandNames, name => Assert.Contains($"  {name} ", page));
    }

    [Theory]
    [InlineData("doktor")]
    [InlineData("doctor", "--fast")]
    [InlineData("doctor", "more")]
    [InlineData("doctor", "--threads", "0")]
    [InlineData("doctor", "--threads", "many")]
    [InlineData("doctor", "--threads")]
    public async Task A_command_line_without_sense_is_a_usage_error_of_one_line(params string[] arguments)
    {
        CommandRun run = await CommandRun.Of(arguments);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Equal("", run.Output);
        Assert.StartsWith("error: ", run.Error);
        Assert.Contains("--help", run.Error);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_refused_value_is_named_with_its_range()
    {
        CommandRun run = await CommandRun.Of("doctor", "--threads", "4096");
        Assert.Equal("error: --threads takes a whole number from 1 to 1024, and '4096' is none. See 'autoglm doctor --help'.\n", run.Error);
    }

    [Fact]
    public async Task Doctor_says_what_is_here_and_never_a_token()
    {
        CommandRun run = await CommandRun.Of("doctor", "--quick", "--json", "--threads", "1");
        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Equal(Environment.ProcessorCount, run.Json.GetProperty("cores").GetInt32());
        Assert.True(run.Json.GetProperty("memoryBytes").GetInt64() > 0);
        Assert.True(run.Json.GetProperty("cacheFreeBytes").GetInt64() > 0);
        Assert.Contains("1 thread", run.Json.GetProperty("backend").GetString());
        Assert.True(run.Json.GetProperty("hubToken").ValueKind is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False);
    }
}
