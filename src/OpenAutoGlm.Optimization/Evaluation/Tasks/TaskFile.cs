using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>
/// A task: a JSONL file of questions in the form that docs/evaluation.md describes, or in one of the published forms that
/// <see cref="PublishedForms"/> reads.
/// </summary>
public sealed class TaskFile
{
    TaskFile(string name, ImmutableArray<TaskItem> items, ulong identity) => (Name, Items, Identity) = (name, items, identity);

    /// <summary>The file's name without folder and ending.</summary>
    public string Name { get; }

    /// <summary>The questions in order.</summary>
    public ImmutableArray<TaskItem> Items { get; }

    /// <summary>Tells the content from others.</summary>
    public ulong Identity { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="EvaluationException">A line says nothing sensible; it is named.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TaskFile Read(string path) => Parse(path, File.ReadAllText(path));

    /// <summary>Reads the content of a file.</summary>
    /// <inheritdoc cref="Read"/>
    public static TaskFile Parse(string path, string content)
    {
        ArgumentNullException.ThrowIfNull(content);
        ImmutableArray<TaskItem>.Builder items = ImmutableArray.CreateBuilder<TaskItem>();
        foreach ((int line, JsonElement value) in JsonLines.Parse(path, content))
        {
            items.Add(ItemReader.Read($"{path}, line {line}", value));
        }

        return items.Count > 0
            ? new TaskFile(Path.GetFileNameWithoutExtension(path), items.ToImmutable(), ContentSum.Of(Encoding.UTF8.GetBytes(content)))
            : throw new EvaluationException($"{path} is empty: a task has a question on every line.");
    }

    /// <summary>The first questions only.</summary>
    public TaskFile Take(int? most) => most is { } count && count < Items.Length ? new TaskFile(Name, Items[..count], Identity) : this;
}
