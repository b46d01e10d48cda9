using System.Text.Json;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>
/// A JSONL file, one example in each line: {"messages": […]} or {"text": "…"}. Only where lines begin is kept in memory;
/// a line is read when it is wanted.
/// </summary>
public sealed class LineExamples : IExampleSource, IDisposable
{
    const int BufferBytes = 1 << 20;

    readonly string _path;
    readonly FileStream _file;
    readonly Tokenizer _tokenizer;
    readonly ChatEncoder? _chats;
    readonly List<(long Start, int Bytes)> _lines = [];

    /// <summary>Opens a file and finds its lines.</summary>
    /// <param name="path">The file, in UTF-8.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="chats">How conversations are encoded; null for a model without a chat template.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public LineExamples(string path, Tokenizer tokenizer, ChatEncoder? chats)
    {
        (_path, _tokenizer, _chats) = (path, tokenizer, chats);
        _file = File.OpenRead(path);
        Identity = $"{Path.GetFileName(path)}, {_file.Length} bytes";
        FindLines();
    }

    /// <inheritdoc/>
    public int Count => _lines.Count;

    /// <inheritdoc/>
    public string Identity { get; }

    /// <inheritdoc/>
    public TrainingExample Read(int index, int epoch)
    {
        (long start, int length) = _lines[index];
        byte[] bytes = new byte[length];
        RandomAccess.Read(_file.SafeFileHandle, bytes, start);
        try
        {
            using JsonDocument line = JsonDocument.Parse(bytes);
            return Encode(line.RootElement);
        }
        catch (Exception failed) when (failed is JsonException or InvalidDataException or TemplateException or InvalidOperationException)
        {
            throw new InvalidDataException($"{_path}, line {index + 1}: {failed.Message}", failed);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>A document: the marks that the model wants around a text, and its end.</summary>
    internal static TrainingExample Document(Tokenizer tokenizer, string text)
    {
        int[] ids = tokenizer.Encode(text);
        return TrainingExample.Of(tokenizer.EosId is int eos && (ids.Length == 0 || ids[^1] != eos) ? [.. ids, eos] : ids);
    }

    TrainingExample Encode(JsonElement line)
    {
        if (line.ValueKind == JsonValueKind.Object && line.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String)
        {
            return Document(_tokenizer, text.GetString()!);
        }

        return _chats is not null ? _chats.Encode(line)
            : throw new InvalidDataException("A line is {\"text\": \"…\"} for this model: it has no chat template, so conversations cannot be learnt.");
    }

    void FindLines()
    {
        byte[] buffer = new byte[BufferBytes];
        long start = 0, at = 0;
        bool blank = true;
        for (int read; (read = _file.Read(buffer)) > 0; at += read)
        {
            for (int i = 0; i < read; i++)
            {
                if (buffer[i] == (byte)'\n')
                {
                    Add(start, at + i, blank);
                    (start, blank) = (at + i + 1, true);
                }
                else
                {
                    blank &= buffer[i] is (byte)' ' or (byte)'\r' or (byte)'\t';
                }
            }
        }

        Add(start, at, blank);
    }

    void Add(long start, long end, bool blank)
    {
        if (!blank)
        {
            _lines.Add((start, checked((int)(end - start))));
        }
    }
}
