// A web service with a model inside:
//
//     dotnet run --project samples/MinimalApi -- [--model MODEL] [--urls http://127.0.0.1:5000]
//     curl -N 'http://127.0.0.1:5000/ask?question=What+is+47+plus+38'
//     curl 'http://127.0.0.1:5000/likeness?one=cat&other=kitten'

using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using OpenAutoGlm;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddOpenAutoGlm(builder.Configuration["model"] ?? BuiltInModel.Name);
WebApplication app = builder.Build();

// The answer as it is written, as server-sent events. Who closes the page stops the model.
app.MapGet("/ask", (string question, IChatClient chat, CancellationToken cancellation) => TypedResults.ServerSentEvents(Ask(chat, question, cancellation)));

// How near two texts are in meaning: −1 to 1.
app.MapGet("/likeness", async (string one, string other, IEmbeddingGenerator<string, Embedding<float>> embeddings) =>
{
    GeneratedEmbeddings<Embedding<float>> vectors = await embeddings.GenerateAsync([one, other]);
    return vectors[0].Vector.ToArray().Zip(vectors[1].Vector.ToArray(), (x, y) => x * y).Sum();
});

app.Run();

static async IAsyncEnumerable<string> Ask(IChatClient chat, string question, [EnumeratorCancellation] CancellationToken cancellation)
{
    await foreach (ChatResponseUpdate update in chat.GetStreamingResponseAsync(question, new ChatOptions { MaxOutputTokens = 200 }, cancellation))
    {
        if (update.Text.Length > 0)
        {
            yield return update.Text;
        }
    }
}
