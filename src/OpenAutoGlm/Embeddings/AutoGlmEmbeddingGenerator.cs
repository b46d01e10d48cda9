using System.Collections.Immutable;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Chat;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using ModelEmbedding = OpenAutoGlm.Engine.Embeddings.Embedding;

namespace OpenAutoGlm.Embeddings;

/// <summary>A model of this process as a generator of embeddings of Microsoft.Extensions.AI: one vector of length 1 for each text.</summary>
public sealed class AutoGlmEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    readonly TextGenerator _generator;
    readonly Func<Type, object?> _services;

    /// <summary>Embeddings of an engine's model. The engine stays the caller's.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="modelId">What the generator says that the model is called; null for the name in its file.</param>
    /// <exception cref="NotSupportedException">The model came without a tokenizer.</exception>
    public AutoGlmEmbeddingGenerator(AutoInferenceEngine engine, string? modelId = null)
        : this(engine.Generator, modelId ?? engine.Model.Name)
    {
        Func<Type, object?> generator = _services;
        _services = type => type.IsInstanceOfType(engine) ? engine : generator(type);
    }

    /// <summary>Embeddings of a generator, which stays the caller's.</summary>
    /// <param name="generator">What reads the texts.</param>
    /// <param name="modelId">What the generator says that the model is called.</param>
    public AutoGlmEmbeddingGenerator(TextGenerator generator, string modelId)
    {
        ArgumentNullException.ThrowIfNull(generator);
        _generator = generator;
        _services = type => type.IsInstanceOfType(generator) ? generator : type.IsInstanceOfType(generator.Engine) ? generator.Engine : null;
        Metadata = new EmbeddingGeneratorMetadata(AutoGlmChatClient.Provider, providerUri: null, modelId, generator.Engine.Hidden);
    }

    /// <summary>Names of provider and model, and how long its vectors are.</summary>
    public EmbeddingGeneratorMetadata Metadata { get; }

    /// <summary>The vectors of texts, in their order.</summary>
    /// <param name="values">The texts; any number.</param>
    /// <param name="options">How many dimensions to keep.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="RequestRefusedException">A text is empty or too long, a value out of its range, or the engine too busy.</exception>
    /// <exception cref="NotSupportedException">The options name another model.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.ModelId is { } model && model != Metadata.DefaultModelId)
        {
            throw new NotSupportedException($"{nameof(EmbeddingGenerationOptions.ModelId)} is '{model}', but this generator has one model, '{Metadata.DefaultModelId}'. Leave the option out, or make a generator for that model.");
        }

        EmbeddingRequest basis = options?.RawRepresentationFactory?.Invoke(this) as EmbeddingRequest ?? new EmbeddingRequest { Inputs = [] };
        GeneratedEmbeddings<Embedding<float>> generated = [];
        long tokens = 0;
        foreach (string[] texts in values.Chunk(EmbeddingRequest.MaxInputs))
        {
            EmbeddingRequest request = basis with { Inputs = [.. texts.Select(text => new GenerationPrompt.Text(text))], Dimensions = options?.Dimensions ?? basis.Dimensions };
            ImmutableArray<ModelEmbedding> vectors = await Task.Run(() => _generator.EmbedAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
            tokens += vectors.Sum(vector => (long)vector.Tokens);
            generated.AddRange(vectors.Select(vector => new Embedding<float>(vector.Vector.AsMemory())
            {
                ModelId = Metadata.DefaultModelId,
                CreatedAt = _generator.Engine.Options.TimeProvider.GetUtcNow(),
            }));
        }

        generated.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
        return generated;
    }

    /// <summary>Finds what the generator stands on: its metadata, the <see cref="AutoInferenceEngine"/>, the generator or the engine.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
        {
            return null;
        }

        return serviceType.IsInstanceOfType(this) ? this : serviceType.IsInstanceOfType(Metadata) ? Metadata : _services(serviceType);
    }

    /// <summary>Nothing: the engine belongs to who made it.</summary>
    public void Dispose()
    {
    }
}
