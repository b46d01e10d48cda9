using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Graph.Tensors;

namespace OpenAutoGlm.Optimization.Evaluation.Tasks;

/// <summary>
/// A JSONL file that keeps what was found so far, a line for each result, so that a second start goes on where the first one ended.
/// Results of several models and tasks may share a file: each line names what it belongs to by a key made of both. A line that
/// was cut by an interruption is dropped. Not thread-safe.
/// </summary>
public sealed class TaskJournal : IDisposable
{
    readonly FileStream _file;
    readonly string _key;
    readonly List<TaskResult> _known = [];

    /// <summary>Opens or begins a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">Tells the model, and how it is run, from others: identity of the weights, format of keys and values.</param>
    /// <param name="task">The task.</param>
    /// <exception cref="EvaluationException">The file holds something else; the line is named.</exception>
    /// <exception cref="IOException">The file cannot be opened, or another run has it.</exception>
    public TaskJournal(string path, string model, TaskFile task)
    {
        ArgumentNullException.ThrowIfNull(task);
        _key = $"{ContentSum.Of(Encoding.UTF8.GetBytes(model), task.Identity):x16}";
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            Load(path);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>What was found before, in the order in which it was.</summary>
    public IReadOnlyList<TaskResult> Known => _known;

    /// <summary>Keeps a result.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Add(TaskResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        JsonObject line = new() { ["key"] = _key, ["item"] = result.Item, ["right"] = result.Right, ["tokens"] = result.Tokens };
        if (result.LogLikelihood is { } likelihood)
        {
            line["logLikelihood"] = likelihood;
        }

        if (result.Answer is { } answer)
        {
            line["answer"] = answer;
        }

        _file.Write(Encoding.UTF8.GetBytes(line.ToJsonString() + "\n"));
        _file.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    void Load(string path)
    {
        byte[] bytes = new byte[_file.Length];
        _file.ReadExactly(bytes);
        int whole = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        _file.SetLength(whole);
        _file.Position = whole;
        foreach ((int number, JsonElement line) in JsonLines.Parse(path, Encoding.UTF8.GetString(bytes.AsSpan(0, whole))))
        {
            if (!line.TryGetProperty("key", out JsonElement key) || key.ValueKind != JsonValueKind.String)
            {
                throw new EvaluationException($"{path}, line {number}: this is no file of results; name another one, which will be made.");
            }

            if (key.GetString() == _key)
            {
                _known.Add(Read(path, number, line));
            }
        }
    }

    static TaskResult Read(string path, int number, JsonElement line)
    {
        try
        {
            return new TaskResult(line.GetProperty("item").GetInt32(), line.GetProperty("right").GetBoolean())
            {
                Tokens = line.GetProperty("tokens").GetInt32(),
                LogLikelihood = line.TryGetProperty("logLikelihood", out JsonElement likelihood) ? likelihood.GetDouble() : null,
                Answer = line.TryGetProperty("answer", out JsonElement answer) ? answer.GetString() : null,
            };
        }
        catch (Exception error) when (error is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EvaluationException($"{path}, line {number}: a result lacks a field: delete the line, and it is found anew.", error);
        }
    }
}
