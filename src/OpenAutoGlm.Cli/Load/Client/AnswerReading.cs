using System.Buffers;

namespace OpenAutoGlm.Cli.Load.Client;

/// <summary>An answer while it comes: what its events say and when.</summary>
sealed class AnswerReading(TimeProvider time, long started, List<float> gaps, IBufferWriter<byte>? text, LiveCounters live)
{
    readonly EventStream _events = new();
    bool _ended;
    bool _done;

    /// <summary>Seconds since the run began.</summary>
    public double Now => time.GetElapsedTime(started).TotalSeconds;

    /// <summary>When the first text came.</summary>
    public double? First { get; private set; }

    /// <summary>When the last text, or the word that it ended, came: usage and the end of the stream are not waited for.</summary>
    public double Last { get; private set; }

    public int Pieces { get; private set; }

    public int? PromptTokens { get; private set; }

    public int? OutputTokens { get; private set; }

    public int? CachedTokens { get; private set; }

    public string? Error { get; private set; }

    /// <summary>How often the request was sent again, since a kept connection was closed under it.</summary>
    public int Resent { get; set; }

    /// <summary>Whether the server said that the answer is whole.</summary>
    public bool Complete => _done || _ended;

    /// <summary>Takes what came.</summary>
    /// <returns>Whether nothing more is to be read.</returns>
    /// <exception cref="System.Text.Json.JsonException">An event is no JSON of the right kind.</exception>
    /// <exception cref="FormatException">An event is too long.</exception>
    public bool Take(ReadOnlySpan<byte> bytes)
    {
        double now = Now;
        while (!_done && _events.Next(ref bytes, out ReadOnlySpan<byte> data))
        {
            if (data.Trim(" "u8).SequenceEqual("[DONE]"u8))
            {
                _done = true;
                Last = Pieces == 0 || !_ended ? now : Last;
                continue;
            }

            AnswerChunk chunk = AnswerChunk.Read(data, text);
            if (chunk.Error is { } error)
            {
                Error = error;
                return true;
            }

            Note(chunk, now);
        }

        return _done;
    }

    void Note(in AnswerChunk chunk, double now)
    {
        if (chunk.HasText)
        {
            if (First is null)
            {
                First = now;
            }
            else
            {
                gaps.Add((float)(now - Last));
            }

            Pieces++;
            live.Piece();
            Last = now;
        }

        if (chunk.Ended)
        {
            _ended = true;
            Last = now;
        }

        PromptTokens = chunk.PromptTokens >= 0 ? chunk.PromptTokens : PromptTokens;
        OutputTokens = chunk.OutputTokens >= 0 ? chunk.OutputTokens : OutputTokens;
        CachedTokens = chunk.CachedTokens >= 0 ? chunk.CachedTokens : CachedTokens;
    }
}
