using System.Text.Json;

namespace OpenAutoGlm.Models.Templates;

/// <summary>Published chat templates and language features, with the text that Python's Jinja renders for them.</summary>
public class HuggingFaceCaseTests
{
    /// <summary>Cases that render differently on purpose, with the reason. One that begins to agree must leave this list.</summary>
    static readonly Dictionary<string, string> KnownDifferences = [];

    [Fact]
    public void Published_chat_templates_render_as_in_Python() => CheckAll("chat_template_cases.json", 53);

    [Fact]
    public void Features_of_the_language_render_as_in_Python() => CheckAll("feature_cases.json", 157);

    static void CheckAll(string file, int count)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("templates", "hf-jinja", file)));
        List<string> failures = [];
        int seen = 0;
        foreach (JsonElement @case in document.RootElement.EnumerateArray())
        {
            seen++;
            string name = @case.GetProperty("name").GetString()!;
            string? expected = Expected(@case);
            string? rendered = Render(@case, out string? error);
            if (KnownDifferences.TryGetValue(name, out string? reason))
            {
                if (rendered == expected) failures.Add($"{name} is listed as different ({reason}) and now agrees: take it off the list.");
            }
            else if (rendered != expected)
            {
                failures.Add($"{name}\n  expected {JsonSerializer.Serialize(expected)}\n  rendered {JsonSerializer.Serialize(rendered)} {error}");
            }
        }

        Assert.Equal(count, seen);
        Assert.True(failures.Count == 0, $"{failures.Count} of {seen}:\n{string.Join('\n', failures)}");
    }

    /// <summary>What Python's Jinja rendered; null where it failed. It does not know the generation tag of Hugging Face: there the published text stands.</summary>
    static string? Expected(JsonElement @case)
    {
        bool usesGeneration = @case.TryGetProperty("jinja2_error", out JsonElement error) && error.GetString()!.Contains("generation");
        return @case.GetProperty(usesGeneration ? "expected" : "jinja2").GetString();
    }

    static string? Render(JsonElement @case, out string? error)
    {
        error = null;
        var variables = @case.GetProperty("data").EnumerateObject()
            .Select(property => KeyValuePair.Create(property.Name, TemplateValue.FromJson(property.Value)));
        try
        {
            return ChatTemplate.Parse(@case.GetProperty("template").GetString()!).Render(variables, new FixedTime());
        }
        catch (TemplateException exception)
        {
            error = exception.Message;
            return null;
        }
    }
}

/// <summary>The day on which the published expectations were written.</summary>
sealed class FixedTime : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => new(2025, 7, 10, 12, 0, 0, TimeSpan.Zero);

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
}
