// An agent that looks things up before it answers:
//
//     dotnet run --project samples/ToolAgent -- [model] [question]
//
// It asks the model, runs the functions that the model calls, gives back what they return, and asks again, until the
// answer is text. The first step must be a call, so that even the random weights of the default model make one: their
// arguments are noise, but always noise of the right form.

using System.ComponentModel;
using Microsoft.Extensions.AI;
using OpenAutoGlm;

const int MostSteps = 5;

[Description("How warm it is in a city, in degrees Celsius.")]
static int Temperature([Description("The city.")] Cities city) => city switch { Cities.Beijing => 31, Cities.Berlin => 19, _ => 24 };

[Description("The larger of two numbers.")]
static int Larger(int one, int other) => Math.Max(one, other);

AIFunction[] tools = [AIFunctionFactory.Create(Temperature, "temperature"), AIFunctionFactory.Create(Larger, "larger")];
await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync(args.ElementAtOrDefault(0) ?? "synth:qwen3-tiny");
using IChatClient chat = engine.AsChatClient();
List<ChatMessage> conversation = [new(ChatRole.User, args.ElementAtOrDefault(1) ?? "Is Beijing warmer than Berlin?")];

for (int step = 0; step < MostSteps; step++)
{
    ChatOptions options = new()
    {
        Tools = [.. tools],
        ToolMode = step == 0 ? ChatToolMode.RequireAny : ChatToolMode.Auto,
        Reasoning = new ReasoningOptions { Effort = ReasoningEffort.None },
        MaxOutputTokens = 1000,
        Seed = 1,
    };
    ChatResponse response = await chat.GetResponseAsync(conversation, options);
    conversation.AddMessages(response);
    FunctionCallContent[] calls = [.. response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()];
    if (calls.Length == 0)
    {
        Console.WriteLine(response.Text);
        break;
    }

    conversation.Add(new ChatMessage(ChatRole.Tool, [.. await Task.WhenAll(calls.Select(RunAsync))]));
}

async Task<AIContent> RunAsync(FunctionCallContent call)
{
    try
    {
        object? result = await tools.Single(tool => tool.Name == call.Name).InvokeAsync(new AIFunctionArguments(call.Arguments));
        Console.WriteLine($"{call.Name}({string.Join(", ", call.Arguments ?? new Dictionary<string, object?>())}) = {result}");
        return new FunctionResultContent(call.CallId, result);
    }
    catch (Exception error) when (error is ArgumentException or InvalidOperationException or System.Text.Json.JsonException)
    {
        // The model may try again, knowing what was wrong.
        Console.WriteLine($"{call.Name} failed: {error.Message}");
        return new FunctionResultContent(call.CallId, null) { Exception = error };
    }
}

enum Cities
{
    Beijing,
    Berlin,
    Paris,
}
