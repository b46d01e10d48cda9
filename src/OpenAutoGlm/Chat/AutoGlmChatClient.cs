using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Chat;

/// <summary>
/// A model of this process as a chat client of Microsoft.Extensions.AI: whole and streamed answers, thinking apart from
/// the answer, tools, JSON by schema. What an option asks for is done or refused, never ignored. Safe for use from many
/// threads; answers that run at the same time share the engine's steps.
/// </summary>
public sealed class AutoGlmChatClient : IChatClient
{
    internal const string Provider = "openautoglm";

    readonly Func<GenerationRequest, CancellationToken, IAsyncEnumerable<GenerationEvent>> _answer;
    readonly Func<Type, object?> _services;
    readonly SamplingOptions _sampling;
    readonly TimeProvider _clock;

    /// <summary>A client of an engine, with the sampling that the model's authors recommend. The engine stays the caller's.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="modelId">What the client says that the model is called; null for the name in its file.</param>
    /// <exception cref="NotSupportedException">The model came without a tokenizer.</exception>
    public AutoGlmChatClient(AutoInferenceEngine engine, string? modelId = null)
        : this(engine.Generator, modelId ?? engine.Model.Name, engine.RecommendedSampling)
    {
        Func<Type, object?> generator = _services;
        _services = type => type.IsInstanceOfType(engine) ? engine : generator(type);
    }

    /// <summary>A client of a generator, which stays the caller's.</summary>
    /// <param name="generator">What writes the text.</param>
    /// <param name="modelId">What the client says that the model is called.</param>
    /// <param name="sampling">How tokens are chosen where options do not say; null for temperature 1 and nothing else.</param>
    public AutoGlmChatClient(TextGenerator generator, string modelId, SamplingOptions? sampling = null)
        : this((request, cancellation) => Answer(generator, request, cancellation), modelId, sampling, generator.Engine.Options.TimeProvider)
    {
        _services = type => type.IsInstanceOfType(generator) ? generator : type.IsInstanceOfType(generator.Engine) ? generator.Engine : null;
    }

    internal AutoGlmChatClient(
        Func<GenerationRequest, CancellationToken, IAsyncEnumerable<GenerationEvent>> answer, string modelId, SamplingOptions? sampling, TimeProvider clock)
    {
        _answer = answer;
        _sampling = sampling ?? new SamplingOptions();
        _clock = clock;
        _services = _ => null;
        Metadata = new ChatClientMetadata(Provider, providerUri: null, modelId);
    }

    /// <summary>Names of provider and model.</summary>
    public ChatClientMetadata Metadata { get; }

    /// <summary>Answers a conversation in one piece.</summary>
    /// <inheritdoc cref="GetStreamingResponseAsync"/>
    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>
    /// Answers a conversation piece by piece. A call of a tool comes whole; the last update has the reason of the end and
    /// the usage. Not reading on cancels the answer.
    /// </summary>
    /// <param name="messages">
    /// The conversation: text, thinking, calls of tools and their results. Results become messages of the role tool, one each.
    /// </param>
    /// <param name="options">
    /// How to answer. <see cref="ChatOptions.AdditionalProperties"/> become variables of the chat template, such as
    /// enable_thinking; <see cref="ChatOptions.RawRepresentationFactory"/> may give a <see cref="GenerationRequest"/>, whose
    /// settings hold where the options are silent.
    /// </param>
    /// <param name="cancellationToken">Cancels the answer.</param>
    /// <exception cref="NotSupportedException">An option or a content is of a kind that a model of this process does not have; the message names it.</exception>
    /// <exception cref="RequestRefusedException">A value is out of its range, the conversation too long, or the engine too busy.</exception>
    /// <exception cref="SequenceFailedException">A step failed.</exception>
    /// <exception cref="SequenceCancelledException">The engine was stopped, or nobody read.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        JsonArray conversation = ChatConversation.Read(messages, options?.Instructions);
        GenerationRequest request = ChatParameters.Read(conversation, options, this, _sampling);
        ChatUpdates updates = new(Metadata.DefaultModelId!, _clock.GetUtcNow());
        await foreach (GenerationEvent happened in _answer(request, cancellationToken).ConfigureAwait(false))
        {
            foreach (ChatResponseUpdate update in updates.Read(happened))
            {
                yield return update;
            }
        }
    }

    /// <summary>Finds what the client stands on: its metadata, the <see cref="AutoInferenceEngine"/>, the generator or the engine.</summary>
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

    static async IAsyncEnumerable<GenerationEvent> Answer(TextGenerator generator, GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        // Templates and tokenizers take their time over long conversations, which is not the caller's thread's.
        await using TextGeneration generation = await Task.Run(() => generator.Start(request, cancellation), cancellation).ConfigureAwait(false);
        await foreach (GenerationEvent happened in generation.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            yield return happened;
        }
    }
}
