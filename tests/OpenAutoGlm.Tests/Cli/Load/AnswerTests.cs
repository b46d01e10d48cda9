using System.Buffers;
using System.Text;
using System.Text.Json;
using OpenAutoGlm.Cli.Load.Client;

namespace OpenAutoGlm.Cli.Load;

public class AnswerTests
{
    [Fact]
    public void Events_are_the_same_however_their_bytes_come()
    {
        const string Stream = ": a comment\ndata: one\n\nevent: x\r\ndata: two\r\ndata:three\r\n\r\ndata\n\nid: 7\n\ndata:  four \n\ndata: lost";
        string[] expected = ["one", "two\nthree", "", " four "];
        byte[] bytes = Encoding.UTF8.GetBytes(Stream);
        Random random = new(4);
        for (int round = 0; round < 300; round++)
        {
            EventStream events = new();
            List<string> found = [];
            for (int at = 0; at < bytes.Length;)
            {
                int length = round == 0 ? bytes.Length : Math.Min(bytes.Length - at, random.Next(1, 9));
                ReadOnlySpan<byte> part = bytes.AsSpan(at, length);
                while (events.Next(ref part, out ReadOnlySpan<byte> data))
                {
                    found.Add(Encoding.UTF8.GetString(data));
                }

                at += length;
            }

            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public void A_piece_of_text_makes_no_object()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("data: {\"id\": \"x\", \"choices\": [{\"index\": 0, \"delta\": {\"content\": \" caf\\u00e9\"}}]}\n\n", 50)));
        AnswerReading reading = new(TimeProvider.System, TimeProvider.System.GetTimestamp(), new List<float>(1000), null, new LiveCounters());
        reading.Take(bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            // In two parts, so that events are put together too.
            reading.Take(bytes.AsSpan(0, 1234));
            reading.Take(bytes.AsSpan(1234));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(550, reading.Pieces);
    }

    [Fact]
    public void An_event_without_end_is_refused()
    {
        EventStream events = new();
        byte[] part = new byte[1 << 16];
        Array.Fill(part, (byte)'x');
        Assert.Throws<FormatException>(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                ReadOnlySpan<byte> bytes = part;
                events.Next(ref bytes, out _);
            }
        });
    }

    [Theory]
    [InlineData("""{"choices": [{"index": 0, "text": "a"}]}""", true, false)]
    [InlineData("""{"choices": [{"text": "", "finish_reason": "length"}]}""", false, true)]
    [InlineData("""{"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": null}]}""", false, false)]
    [InlineData("""{"choices": [{"delta": {"content": "b"}}]}""", true, false)]
    [InlineData("""{"choices": [{"delta": {"reasoning_content": "hm"}}]}""", true, false)]
    [InlineData("""{"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}""", true, false)]
    [InlineData("""{"choices": [], "usage": null, "error": null}""", false, false)]
    [InlineData("""{"choices": {}, "usage": 5, "deep": [[{"text": "no"}]]}""", false, false)]
    public void A_chunk_tells_of_text_and_of_the_end(string json, bool text, bool ended)
    {
        AnswerChunk chunk = AnswerChunk.Read(Encoding.UTF8.GetBytes(json), null);
        Assert.Equal((text, ended), (chunk.HasText, chunk.Ended));
        Assert.Null(chunk.Error);
        Assert.Equal(-1, chunk.OutputTokens);
    }

    [Fact]
    public void Usage_is_counted_by_the_server_and_text_is_kept_where_somebody_wants_it()
    {
        ArrayBufferWriter<byte> text = new();
        AnswerChunk chunk = AnswerChunk.Read("""{"choices": [{"delta": {"content": "\u00e9\n"}}], "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16, "prompt_tokens_details": {"cached_tokens": 4}}}"""u8, text);
        Assert.Equal((7, 9, 4), (chunk.PromptTokens, chunk.OutputTokens, chunk.CachedTokens));
        Assert.Equal("é\n", Encoding.UTF8.GetString(text.WrittenSpan));
        Assert.Equal(-1, AnswerChunk.Read("""{"usage": {"completion_tokens": -3}}"""u8, null).OutputTokens);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("nonsense")]
    [InlineData("""{"choices": [{"text": "a"}""")]
    public void What_is_no_object_is_refused(string json) =>
        Assert.ThrowsAny<JsonException>(() => AnswerChunk.Read(Encoding.UTF8.GetBytes(json), null));

    [Fact]
    public void Errors_are_short_and_on_one_line()
    {
        Assert.Equal("too long", AnswerChunk.ErrorOf("""{"error": {"code": 5, "message": "too long"}}"""u8));
        Assert.Equal("plain", AnswerChunk.ErrorOf("""{"error": "plain"}"""u8));
        Assert.Equal("<html> no </html>", AnswerChunk.ErrorOf("<html>\nno\n</html>"u8));
        Assert.InRange(AnswerChunk.ErrorOf(Encoding.UTF8.GetBytes(new string('x', 9999))).Length, 100, 201);
        Assert.DoesNotContain('\e', AnswerChunk.ErrorOf("\e[2J"u8));
    }

    [Fact]
    public void Damaged_chunks_are_read_or_refused_and_nothing_else()
    {
        byte[] whole = Encoding.UTF8.GetBytes("""{"id": "x", "choices": [{"index": 0, "delta": {"content": "é", "tool_calls": []}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}}, "error": {"message": "m"}}""");
        Random random = new(3);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = [.. whole];
            for (int change = random.Next(3); change >= 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                AnswerChunk.Read(bytes.AsSpan(0, random.Next(bytes.Length + 1)), new ArrayBufferWriter<byte>());
            }
            catch (JsonException)
            {
                // Refused.
            }
        }
    }
}
