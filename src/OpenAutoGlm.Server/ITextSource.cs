using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server;

/// <summary>The wall between the wire and the engine: all that the wire knows of a model.</summary>
interface ITextSource
{
    /// <summary>The engine that runs the model, for its statistics; null where none does.</summary>
    InferenceEngine? Engine => null;

    /// <summary>Accepts a request or refuses it at once.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now.</exception>
    /// <exception cref="OperationCanceledException">The client went while its prompt was rendered.</exception>
    ITextRun Start(GenerationRequest request, CancellationToken cancellation);

    /// <summary>What else the model does with text; null where it only writes it.</summary>
    ITextTools? Tools => null;
}

/// <summary>An accepted request. Disposing it cancels what still runs.</summary>
interface ITextRun : IAsyncDisposable
{
    /// <summary>Tokens of the prompt.</summary>
    int PromptTokens { get; }

    /// <summary>Tokens written so far, as far as that is known.</summary>
    int GeneratedTokens => 0;

    /// <summary>The events of all choices; every choice ends with one <see cref="ChoiceFinished"/>.</summary>
    IAsyncEnumerable<GenerationEvent> ReadAllAsync(CancellationToken cancellation);
}

/// <summary>The engine behind the wall.</summary>
sealed class EngineTextSource(TextGenerator generator) : ITextSource
{
    public InferenceEngine? Engine => generator.Engine;

    public ITextRun Start(GenerationRequest request, CancellationToken cancellation) => new Run(generator.Start(request, cancellation));

    public ITextTools Tools { get; } = new EngineTextTools(generator);

    sealed class Run(TextGeneration generation) : ITextRun
    {
        public int PromptTokens => generation.PromptTokens;

        public int GeneratedTokens => generation.GeneratedTokens;

        public IAsyncEnumerable<GenerationEvent> ReadAllAsync(CancellationToken cancellation) => generation.ReadAllAsync(cancellation);

        public ValueTask DisposeAsync() => generation.DisposeAsync();
    }
}
