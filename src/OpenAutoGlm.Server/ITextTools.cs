using System.Collections.Immutable;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server;

/// <summary>The other side of the wall that <see cref="ITextSource"/> is: what a model does with text beside writing it.</summary>
interface ITextTools
{
    /// <summary>The tokenizer.</summary>
    Tokenizer Tokenizer { get; }

    /// <summary>The tokens of a prompt.</summary>
    /// <exception cref="RequestRefusedException">The template refused the conversation, or the text is too long.</exception>
    ImmutableArray<int> Encode(GenerationPrompt prompt, CancellationToken cancellation);

    /// <summary>A conversation as the model reads it.</summary>
    /// <exception cref="RequestRefusedException">The template refused the conversation, or there is none.</exception>
    string Render(GenerationPrompt.Chat chat, CancellationToken cancellation);

    /// <summary>The embeddings of texts.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now.</exception>
    Task<ImmutableArray<Embedding>> EmbedAsync(EmbeddingRequest request, CancellationToken cancellation);
}

/// <summary>The engine behind the wall.</summary>
sealed class EngineTextTools(TextGenerator generator) : ITextTools
{
    public Tokenizer Tokenizer => generator.Tokenizer;

    public ImmutableArray<int> Encode(GenerationPrompt prompt, CancellationToken cancellation) => generator.Encode(prompt, cancellation);

    public string Render(GenerationPrompt.Chat chat, CancellationToken cancellation) => generator.Render(chat, cancellation);

    public Task<ImmutableArray<Embedding>> EmbedAsync(EmbeddingRequest request, CancellationToken cancellation) => generator.EmbedAsync(request, cancellation);
}
