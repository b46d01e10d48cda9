using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Traces;

/// <summary>Traces as their authors published them. The numbers were counted from the files by another program.</summary>
public class PublishedTraceTests
{
    [Theory]
    [InlineData("AzureLLMInferenceTrace_code.csv", 8819, 18_059_974, 245_896, 3435.948056)]
    [InlineData("AzureLLMInferenceTrace_conv.csv", 19_366, 22_361_870, 4_088_665, 3501.721937)]
    public void Azures_traces_are_read_whole(string file, int requests, long promptTokens, long outputTokens, double seconds)
    {
        Trace trace = TraceReader.Read(SharedData.Path("traces", "azure", file));
        Assert.Equal(TraceFormat.Azure, trace.Format);
        Assert.Equal((requests, promptTokens, outputTokens), (trace.Requests.Length, trace.PromptTokens, trace.OutputTokens));
        Assert.Equal(seconds, trace.Duration.TotalSeconds, 1e-6);
        Assert.All(trace.Requests.Zip(trace.Requests.Skip(1)), pair => Assert.True(pair.First.Arrival <= pair.Second.Arrival));
    }

    [Fact]
    public void Mooncakes_trace_is_read_whole_with_what_its_requests_share()
    {
        Trace trace = TraceReader.Read(SharedData.Path("traces", "mooncake", "conversation_trace.jsonl"));
        Assert.Equal(TraceFormat.Mooncake, trace.Format);
        Assert.Equal((12_031, 144_793_823, 4_122_048), (trace.Requests.Length, trace.PromptTokens, trace.OutputTokens));
        Assert.Equal(3536.999, trace.Duration.TotalSeconds, 1e-6);
        Assert.Equal(126_195, trace.Requests.Max(request => request.PromptTokens));

        // 288,500 blocks, 105,710 of which stood in an earlier request: an endless cache hits 36.6 % of them.
        HashSet<long> known = [];
        Assert.Equal(105_710, trace.Requests.Sum(request => request.Blocks.Count(block => !known.Add(block))));
        Assert.Equal(288_500, trace.Requests.Sum(request => request.Blocks.Length));
    }

    [Fact]
    public void Prompts_of_mooncakes_trace_share_tokens_where_they_share_blocks()
    {
        Trace trace = TraceReader.Read(SharedData.Path("traces", "mooncake", "conversation_trace.jsonl"), limit: 200);
        for (int i = 0; i < trace.Requests.Length; i++)
        {
            var prompt = trace.Prompt(i, salt: 1);
            Assert.Equal(trace.Requests[i].PromptTokens, prompt.Sum(part => part.Tokens));
            Assert.Equal(trace.Prompt(0, salt: 1)[0].Seed == prompt[0].Seed, trace.Requests[0].Blocks[0] == trace.Requests[i].Blocks[0]);
        }
    }
}
