using System.Xml.Linq;

namespace OpenAutoGlm.Repository;

/// <summary>Keeps docs/architecture.md and the project files telling the same story.</summary>
public class DependencyTests
{
    static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["OpenAutoGlm.Graph"] = [],
        ["OpenAutoGlm.Cpu"] = ["OpenAutoGlm.Graph"],
        ["OpenAutoGlm.Models"] = ["OpenAutoGlm.Graph"],
        ["OpenAutoGlm.Engine"] = ["OpenAutoGlm.Graph", "OpenAutoGlm.Models"],
        ["OpenAutoGlm.Optimization"] = ["OpenAutoGlm.Graph", "OpenAutoGlm.Models", "OpenAutoGlm.Engine"],
        ["OpenAutoGlm.Server"] = ["OpenAutoGlm.Engine"],
        ["OpenAutoGlm"] = ["OpenAutoGlm.Cpu", "OpenAutoGlm.Optimization", "OpenAutoGlm.Server"],
        ["OpenAutoGlm.Cli"] = ["OpenAutoGlm"],
    };

    [Fact]
    public void Projects_refer_only_to_the_layers_below_them()
    {
        foreach (string path in Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories))
        {
            string project = Path.GetFileNameWithoutExtension(path);
            string[] references = [.. XDocument.Load(path).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))];
            Assert.True(references.All(Allowed[project].Contains), $"{project} refers to {string.Join(", ", references)}");
        }
    }

    internal static string Root
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OpenAutoGlm.slnx")))
            {
                folder = folder.Parent;
            }

            return folder?.FullName ?? throw new InvalidOperationException("OpenAutoGlm.slnx was not found above the tests.");
        }
    }
}
