using OpenAutoGlm.Repository;
using OpenAutoGlm.Server.OpenAi.Requests;

namespace OpenAutoGlm.Server;

/// <summary>docs/server.md has the table that the server reads by. AUTOGLM_APPROVE=1 writes it there.</summary>
public class DocumentationTests
{
    [Fact]
    public void The_parameters_in_the_documentation_are_those_of_the_server()
    {
        string path = Path.Combine(DependencyTests.Root, "docs", "server.md");
        string text = File.ReadAllText(path);
        int start = text.IndexOf("-->\n", text.IndexOf("<!-- parameters", StringComparison.Ordinal), StringComparison.Ordinal) + "-->\n".Length;
        int end = text.IndexOf("<!-- end of parameters", StringComparison.Ordinal);
        string table = "\n" + ParameterTable.Markdown();
        if (Environment.GetEnvironmentVariable("AUTOGLM_APPROVE") == "1")
        {
            text = text[..start] + table + text[end..];
            File.WriteAllText(path, text);
            end = start + table.Length;
        }

        Assert.Equal(table, text[start..end]);
    }
}
