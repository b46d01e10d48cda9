using System.Text;
using OpenAutoGlm.Engine.Traces;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Engine.Traces;

public class TraceReaderTests
{
    const string Azure = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109";
    const string Mooncake = """
        {"timestamp": 1000, "input_length": 700, "output_length": 5, "hash_ids": [0, 7]}
        {"timestamp": 2500, "input_length": 1024, "output_length": 0, "hash_ids": [0, 8]}

        """;

    [Fact]
    public void Azures_rows_are_instants_and_two_lengths()
    {
        Trace trace = Read(Azure);
        Assert.Equal(TraceFormat.Azure, trace.Format);
        Assert.Equal([374, 396], trace.Requests.Select(request => request.PromptTokens));
        Assert.Equal([44, 109], trace.Requests.Select(request => request.OutputTokens));
        Assert.Equal(TimeSpan.Zero, trace.Requests[0].Arrival);
        Assert.Equal(4.314579, trace.Duration.TotalSeconds, 1e-9);
        Assert.Equal((770, 153), (trace.PromptTokens, trace.OutputTokens));
    }

    [Fact]
    public void Mooncakes_lines_name_blocks_of_512_tokens()
    {
        Trace trace = Read(Mooncake);
        Assert.Equal((TraceFormat.Mooncake, 512), (trace.Format, trace.BlockTokens));
        Assert.Equal(TimeSpan.FromSeconds(1.5), trace.Duration);
        Assert.Equal([0, 7], trace.Requests[0].Blocks);

        // An answer without a token is in published traces; to be answered at all takes one.
        Assert.Equal(1, trace.Requests[1].OutputTokens);
    }

    [Fact]
    public void Own_lines_are_read_whatever_else_they_carry_and_put_into_order()
    {
        Trace trace = Read("""
            {"arrival": 3, "prompt_tokens": 10, "output_tokens": 2, "outcome": "finished", "ttft_s": 0.5}
            {"arrival": 1.25, "prompt_tokens": 20, "output_tokens": 3}
            """);
        Assert.Equal(TraceFormat.OpenAutoGlm, trace.Format);
        Assert.Equal([20, 10], trace.Requests.Select(request => request.PromptTokens));
        Assert.Equal(1.75, trace.Duration.TotalSeconds);
        Assert.Equal(32, Read("""{"arrival": 0, "prompt_tokens": 33, "output_tokens": 1, "block_tokens": 32, "blocks": [4, 5]}""").BlockTokens);
    }

    [Fact]
    public void Equal_blocks_are_equal_tokens_and_nothing_else_is_shared()
    {
        Trace trace = Read(Mooncake);
        int[] first = Tokens(trace, 0, salt: 3);
        int[] second = Tokens(trace, 1, salt: 3);
        Assert.Equal((700, 1024), (first.Length, second.Length));
        Assert.Equal(first[..512], second[..512]);
        Assert.NotEqual(first[512..], second[512..700]);
        Assert.NotEqual(first[..512], Tokens(trace, 0, salt: 4)[..512]);

        Trace unnamed = Read(Azure);
        Assert.NotEqual(Tokens(unnamed, 0, salt: 3)[..32], Tokens(unnamed, 1, salt: 3)[..32]);
        Assert.InRange(first.Distinct().Count(), 450, 700);
        Assert.All(first, token => Assert.InRange(token, 0, 999));
    }

    [Fact]
    public void Scaling_moves_arrivals_and_caps_cut_lengths_and_blocks()
    {
        Trace trace = Read(Mooncake);
        Assert.Equal(TimeSpan.FromSeconds(0.75), trace.Scaled(0.5).Duration);
        Trace capped = trace.Capped(promptTokens: 600, outputTokens: 3, out int cut);
        Assert.Equal(2, cut);
        Assert.Equal([600, 600], capped.Requests.Select(request => request.PromptTokens));
        Assert.Equal([3, 1], capped.Requests.Select(request => request.OutputTokens));
        Assert.Equal(2, capped.Requests[1].Blocks.Length);
        Assert.Equal([0], trace.Capped(512, 9, out _).Requests[1].Blocks);
        Assert.Same(trace, trace.Capped(10_000, 10_000, out _));
        Assert.Single(trace.First(1).Requests);
    }

    [Fact]
    public void A_limit_reads_the_beginning_and_nothing_behind_it()
    {
        Trace trace = TraceReader.Read(Stream(Azure + "\r\nnonsense"), "azure.csv", limit: 2);
        Assert.Equal(2, trace.Requests.Length);
        Assert.Equal("azure.csv", trace.Name);
    }

    [Theory]
    [InlineData("", "no request")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n", "no request")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374", "line 2: three columns")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,1,2", "line 2: three columns")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,374,1", "TIMESTAMP is 'yesterday'")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,0,1", "ContextTokens is 0")]
    [InlineData("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,5,99999999999", "GeneratedTokens is 99999999999")]
    [InlineData("hello", "a JSON object")]
    [InlineData("[]", "a JSON object")]
    [InlineData("{}", "neither input_length")]
    [InlineData("{\"input_length\": 5}", "timestamp is missing")]
    [InlineData("{\"input_length\": 5, \"timestamp\": -1, \"output_length\": 1}", "timestamp is -1")]
    [InlineData("{\"input_length\": 5, \"timestamp\": 1e300, \"output_length\": 1}", "timestamp is 1e300")]
    [InlineData("{\"input_length\": \"5\", \"timestamp\": 0, \"output_length\": 1}", "input_length is \"5\"")]
    [InlineData("{\"input_length\": 5, \"timestamp\": 0, \"output_length\": -1}", "output_length is -1")]
    [InlineData("{\"input_length\": 5, \"timestamp\": 0, \"output_length\": 1, \"hash_ids\": []}", "hash_ids has 0 names")]
    [InlineData("{\"input_length\": 5, \"timestamp\": 0, \"output_length\": 1, \"hash_ids\": [1.5]}", "hash_ids[0] is 1.5")]
    [InlineData("{\"arrival\": 0, \"prompt_tokens\": 9, \"output_tokens\": 1, \"block_tokens\": 0}", "block_tokens is 0")]
    public void What_is_no_trace_is_refused_with_line_field_and_value(string text, string message)
    {
        TraceFormatException error = Assert.Throws<TraceFormatException>(() => Read(text));
        Assert.Contains(message, error.Message);
        Assert.StartsWith("a.txt: line ", error.Message);
    }

    [Fact]
    public void Control_characters_of_a_file_do_not_reach_the_terminal()
    {
        TraceFormatException error = Assert.Throws<TraceFormatException>(() => Read("\e[2J\u0007boo"));
        Assert.DoesNotContain('\e', error.Message);
    }

    [Fact]
    public void Damaged_traces_are_read_or_refused_and_nothing_else()
    {
        Random random = new(7);
        for (int round = 0; round < 4000; round++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(round % 2 == 0 ? Azure : Mooncake);
            for (int change = random.Next(4); change >= 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                Assert.NotEmpty(TraceReader.Read(new MemoryStream(bytes, 0, random.Next(bytes.Length) + 1), "damaged").Requests);
            }
            catch (TraceFormatException)
            {
                // Refused.
            }
        }
    }

    [Fact]
    public void A_line_without_end_is_refused_before_it_fills_the_memory()
    {
        using Endless endless = new();
        TraceFormatException error = Assert.Throws<TraceFormatException>(() => TraceReader.Read(endless, "endless"));
        Assert.Contains("longer than", error.Message);
    }

    [Fact]
    public void A_file_is_read_through_a_mark_at_its_beginning()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("a.jsonl", [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Mooncake)]);
        Assert.Equal(2, TraceReader.Read(path).Requests.Length);
    }

    static int[] Tokens(Trace trace, int index, ulong salt) => [.. trace.Prompt(index, salt).SelectMany(part =>
    {
        int[] tokens = new int[part.Tokens];
        part.Fill(tokens, 1000);
        return tokens;
    })];

    static Trace Read(string text) => TraceReader.Read(Stream(text), "a.txt");

    static MemoryStream Stream(string text) => new(Encoding.UTF8.GetBytes(text));

    sealed class Endless : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)'x');
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
