using System.Reflection;
using System.Text;

namespace OpenAutoGlm.Repository;

/// <summary>A change of public surface shows up as a diff of docs/api/*.txt in the same commit.</summary>
public class PublicSurfaceTests
{
    public static TheoryData<string> Assemblies => ["OpenAutoGlm.Graph", "OpenAutoGlm.Models", "OpenAutoGlm.Engine", "OpenAutoGlm.Server", "OpenAutoGlm"];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Public_surface_equals_the_approved_text(string assembly)
    {
        string path = Path.Combine(DependencyTests.Root, "docs", "api", assembly + ".txt");
        string current = Describe(Assembly.Load(assembly));
        if (Environment.GetEnvironmentVariable("AUTOGLM_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, current);
        }

        Assert.Equal(File.ReadAllText(path), current);
    }

    static string Describe(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(type.FullName).Append('\n');
            foreach (string member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Select(member => member.ToString()!).Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(member).Append('\n');
            }
        }

        return text.ToString();
    }
}
