namespace OpenAutoGlm.Engine.Generation;

/// <summary>
/// Turns requests for text into sequences and their tokens into text: chat template, tokenizer, stop strings, whole
/// characters. One for an engine; safe for use from many threads.
/// </summary>
public sealed class TextGenerator
{
    internal TextGenerator()
    {
    }

    /// <summary>The engine that runs the sequences.</summary>
    public InferenceEngine Engine => throw new NotSupportedException();

    /// <summary>Renders, tokenises, checks and submits; returns when every choice is accepted, or none is.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now; nothing of it runs.</exception>
    public TextGeneration Start(GenerationRequest request) => throw new NotSupportedException();
}
