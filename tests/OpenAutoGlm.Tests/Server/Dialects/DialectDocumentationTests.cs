using OpenAutoGlm.Repository;
using OpenAutoGlm.Server.Anthropic;
using OpenAutoGlm.Server.Ollama;
using OpenAutoGlm.Server.OpenAi.ResponsesApi;

namespace OpenAutoGlm.Server.Dialects;

/// <summary>docs/server-dialects.md has the tables that the server reads by. AUTOGLM_APPROVE=1 writes them there.</summary>
public class DialectDocumentationTests
{
    [Theory]
    [InlineData("messages")]
    [InlineData("chat")]
    [InlineData("generate")]
    [InlineData("options")]
    [InlineData("responses")]
    public void The_tables_in_the_documentation_are_those_of_the_server(string name)
    {
        string table = "\n" + name switch
        {
            "messages" => MessagesTable.Messages.Markdown(),
            "chat" => OllamaTables.Chat.Markdown(),
            "generate" => OllamaTables.Generate.Markdown(),
            "options" => OllamaTables.Options.Markdown(),
            _ => ResponsesTable.Create.Markdown(),
        } + "\n";
        string path = Path.Combine(DependencyTests.Root, "docs", "server-dialects.md");
        string text = File.ReadAllText(path);
        int start = text.IndexOf("-->\n", text.IndexOf($"<!-- {name}:", StringComparison.Ordinal), StringComparison.Ordinal) + "-->\n".Length;
        int end = text.IndexOf($"<!-- end of {name}", StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("AUTOGLM_APPROVE") == "1")
        {
            text = text[..start] + table + text[end..];
            File.WriteAllText(path, text);
            end = start + table.Length;
        }

        Assert.Equal(table, text[start..end]);
    }
}
