using System.Text.RegularExpressions;

namespace OpenAutoGlm.Repository;

public partial class ReadmeTests
{
    [Fact]
    public void Every_piece_of_CSharp_in_the_readme_is_compiled()
    {
        string readme = File.ReadAllText(Path.Combine(DependencyTests.Root, "README.md"));
        string compiled = Squeeze(File.ReadAllText(Path.Combine(DependencyTests.Root, "tests", "OpenAutoGlm.Tests", "Repository", "ReadmeExamples.cs")));
        MatchCollection blocks = CSharpBlock().Matches(readme);
        Assert.NotEmpty(blocks);
        Assert.All(blocks, block => Assert.Contains(Squeeze(block.Groups[1].Value), compiled, StringComparison.Ordinal));
    }

    static string Squeeze(string code) => string.Join(' ', code.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();
}
