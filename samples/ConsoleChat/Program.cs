// A conversation in the terminal:
//
//     dotnet run --project samples/ConsoleChat -- [model]
//
// The model is a GGUF file, a folder, or organisation/model on the hub; without one it is the built-in autoglm-nano, which
// calculates (try 47 + 38) and picks actions on a phone. An empty line ends.

using Microsoft.Extensions.AI;
using OpenAutoGlm;
using OpenAutoGlm.Engine;

await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync(args.FirstOrDefault() ?? BuiltInModel.Name);
using IChatClient chat = engine.AsChatClient();
List<ChatMessage> conversation = [];

Console.Write("> ");
while (Console.ReadLine() is { Length: > 0 } question)
{
    conversation.Add(new ChatMessage(ChatRole.User, question));
    List<ChatResponseUpdate> answer = [];
    try
    {
        await foreach (ChatResponseUpdate update in chat.GetStreamingResponseAsync(conversation, new ChatOptions { MaxOutputTokens = 200 }))
        {
            Console.Write(update.Text);
            answer.Add(update);
        }

        conversation.AddMessages(answer);
    }
    catch (RequestRefusedException refusal)
    {
        // The conversation has outgrown the model's context, for example: it begins anew.
        Console.Write(refusal.Message);
        conversation.Clear();
    }

    Console.Write("\n> ");
}
