using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpenAutoGlm.Engine.Answers;
using OpenAutoGlm.Engine.Beams;
using OpenAutoGlm.Engine.Constraints;
using OpenAutoGlm.Engine.Embeddings;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Engine.Generation;

/// <summary>
/// Turns requests for text into sequences and their tokens into text: chat template, tokenizer, stop strings, whole
/// characters. One for an engine; safe for use from many threads.
/// </summary>
public sealed class TextGenerator
{
    readonly ImmutableArray<int> _endTokens;
    readonly AnswerFormat? _format;
    readonly FrozenSet<int> _marks; // special tokens that are text by their names, because answers are read by them

    /// <summary>A generator over an engine and what belongs to its model. The engine stays the caller's.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its chat template; null where it has none, and then conversations are refused.</param>
    /// <param name="endTokens">Tokens that end an answer, beside the tokenizer's own: those of the generation configuration.</param>
    public TextGenerator(InferenceEngine engine, Tokenizer tokenizer, ChatTemplate? template, IEnumerable<int>? endTokens = null)
    {
        Engine = engine;
        Tokenizer = tokenizer;
        Template = template;
        _endTokens = [.. tokenizer.EosIds.Concat(endTokens ?? []).Where(id => (uint)id < (uint)engine.Vocab).Distinct()];
        _format = AnswerFormat.Of(template);
        _marks = Marks(tokenizer, _format).Except(_endTokens).ToFrozenSet();
        Constraints = new ConstraintCache(tokenizer, _endTokens, _marks);
    }

    /// <summary>The engine that runs the sequences.</summary>
    public InferenceEngine Engine { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The chat template, where there is one.</summary>
    public ChatTemplate? Template { get; }

    /// <summary>How the model's embeddings are pooled; null where its files ask for a way that is not supported, and then embeddings are refused.</summary>
    public Pooling? Pooling { get; init; } = Models.Pooling.Last;

    /// <summary>The constraints that answers were asked for under, compiled for this model's vocabulary.</summary>
    public ConstraintCache Constraints { get; }

    /// <summary>Renders, tokenises, checks and submits; returns when every choice is accepted, or none is.</summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now; nothing of it runs.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled while the template was rendered.</exception>
    public TextGeneration Start(GenerationRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Validate();
        CheckChoices(request);
        AnswerPlan plan = AnswerPlan.Of(request, _format);
        bool hidesTools = request.ToolChoice.IsForbidden && request.Prompt is GenerationPrompt.Chat { Tools: not null };
        ImmutableArray<int> prompt = Encode(hidesTools ? (GenerationPrompt.Chat)request.Prompt with { Tools = null } : request.Prompt, cancellation);
        bool startsThinking = request.Prompt is GenerationPrompt.Chat && EndsInThinking(prompt);
        ImmutableArray<int> stopTokens = request.IgnoreEndOfTurn ? request.StopTokens : [.. request.StopTokens, .. _endTokens];
        Func<int, ITokenMask>? mask = request.Constraint is { } constraint ? Masks(constraint, request, startsThinking, cancellation) : request.Mask;
        if (plan.Mask(Constraints, Template!, startsThinking, Opening(request, prompt, startsThinking), cancellation) is { } calls)
        {
            mask = _ => calls();
        }

        if (request.Thinking?.Budget is { } budget && request.Prompt is GenerationPrompt.Chat && request.Beams is null)
        {
            Func<int, ITokenMask>? inner = mask;
            mask = choice => new ThinkingMask(Tokenizer, inner?.Invoke(choice), budget, startsThinking);
        }

        SequenceRequest first = new()
        {
            Prompt = prompt,
            Sampling = request.Sampling,
            MaxTokens = request.MaxTokens,
            StopTokens = stopTokens,
            Priority = request.Priority,
            Tenant = request.Tenant,
            CacheSalt = request.CacheSalt,
            Timeout = request.Timeout,
            Retention = request.Retention,
        };
        if (request.Beams is { } beams)
        {
            BeamSearch search = Engine.SubmitBeams(first, beams);
            return new TextGeneration(prompt.Length, beams.Results, [new BeamReader(search, beams.Results, Tokenizer, () => Decoder(request), stopTokens)]);
        }

        ImmutableArray<Sequence> accepted = Engine.SubmitSamples(
            [.. Enumerable.Range(0, request.Choices).Select(choice => first with { SampleIndex = choice, Mask = mask?.Invoke(choice) })]);
        return new TextGeneration(prompt.Length, request.Choices, [.. accepted.Select((sequence, choice) => Reader(choice, sequence, request, plan.Parser(choice, startsThinking)))]);
    }

    /// <summary>
    /// The embeddings of texts, in their order: hidden states after the final norm, pooled as the model wants it
    /// (<see cref="Pooling"/>), of length 1. The same bits beside others as alone.
    /// </summary>
    /// <exception cref="RequestRefusedException">The request can never be served, or not now; nothing of it runs.</exception>
    /// <exception cref="SequenceFailedException">A step failed.</exception>
    /// <exception cref="SequenceCancelledException">Its time was over, or the engine was disposed meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The caller gave it up.</exception>
    public async Task<ImmutableArray<Embedding>> EmbedAsync(EmbeddingRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        Pooling pooling = Pooling ?? throw new RequestRefusedException(
            RefusalReason.InvalidParameter, "model", "The model's files ask for a pooling of embeddings that is not supported; last, mean and first token are.");
        if (request.Inputs.Length is < 1 or > EmbeddingRequest.MaxInputs)
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, "input", $"A request has 1 to {EmbeddingRequest.MaxInputs} inputs, not {request.Inputs.Length}.", request.Inputs.Length, EmbeddingRequest.MaxInputs);
        }

        int hidden = Engine.Hidden;
        if (request.Dimensions is { } dimensions && (dimensions < 1 || dimensions > hidden))
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, "dimensions", $"dimensions must be 1 to {hidden}, the model's width, not {dimensions}.", dimensions, hidden);
        }

        ImmutableArray<int>[] inputs = new ImmutableArray<int>[request.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            ImmutableArray<int> tokens = Encode(request.Inputs[i], cancellation);
            inputs[i] = request.Truncate && tokens.Length > Engine.ContextLength ? tokens[..Engine.ContextLength] : tokens;
        }

        return await new EmbeddingRun(Engine, request, pooling).RunAsync([.. inputs], cancellation).ConfigureAwait(false);
    }

    /// <summary>The tokens of a prompt.</summary>
    /// <exception cref="RequestRefusedException">The template refused the conversation, or the text is too long to tokenise.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled while the template was rendered.</exception>
    public ImmutableArray<int> Encode(GenerationPrompt prompt, CancellationToken cancellation = default) => prompt switch
    {
        GenerationPrompt.Tokens tokens => tokens.Ids,
        GenerationPrompt.Text text => Encode(text.Content, text.AddSpecialTokens),
        GenerationPrompt.Chat chat => EncodeChat(chat, cancellation),
        _ => throw new ArgumentException($"There is no prompt of the kind {prompt?.GetType().Name ?? "null"}.", nameof(prompt)),
    };

    /// <summary>The text of a conversation, as the model was trained on it.</summary>
    /// <exception cref="RequestRefusedException">The template refused the conversation or could not render it, or there is none.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public string Render(GenerationPrompt.Chat chat, CancellationToken cancellation = default) => Render(chat, null, cancellation);

    /// <summary>The tokens of a conversation: control tokens are the template's own, never what somebody typed.</summary>
    ImmutableArray<int> EncodeChat(GenerationPrompt.Chat chat, CancellationToken cancellation)
    {
        SpecialsGuard guard = new(Tokenizer, _marks, chat);
        string text = Render(chat, guard, cancellation);
        return guard.IsNeeded ? Try(text, () => [.. Tokenizer.EncodeGuarded(text, guard.Mark)]) : Encode(text, addSpecials: false);
    }

    string Render(GenerationPrompt.Chat chat, SpecialsGuard? guard, CancellationToken cancellation)
    {
        if (Template is null)
        {
            throw new RequestRefusedException(RefusalReason.TemplateRefused, "messages", "The model has no chat template; send a prompt of text instead.");
        }

        try
        {
            Dictionary<string, TemplateValue> variables = [];
            foreach ((string name, JsonNode? value) in chat.Variables ?? [])
            {
                variables[name] = Value(value);
            }

            JsonArray messages = Conversation.WithArgumentObjects(chat.Messages);
            (messages, JsonArray? tools) = _format?.Arrange(messages, chat.Tools is { Count: > 0 } ? chat.Tools : null, Template) ?? (messages, chat.Tools);
            return Template.Render(
                new ChatTemplateInput
                {
                    Messages = Value(messages),
                    Tools = tools is null ? null : Value(tools),
                    AddGenerationPrompt = chat.AddGenerationPrompt,
                    BosToken = Name(Tokenizer.BosId),
                    EosToken = Name(Tokenizer.EosId),
                    Extra = variables,
                    Time = Engine.Options.TimeProvider,
                },
                cancellation);
        }
        catch (TemplateException error)
        {
            throw new RequestRefusedException(RefusalReason.TemplateRefused, "messages", $"The chat template refused the conversation: {error.Reason}", inner: error);
        }
        catch (ArgumentException error)
        {
            throw new RequestRefusedException(RefusalReason.InvalidParameter, "messages", error.Message, inner: error);
        }

        TemplateValue Value(JsonNode? node) => TemplateValue.FromJson(guard?.Guard(node) ?? node);
    }

    Func<int, ITokenMask> Masks(OutputConstraint constraint, GenerationRequest request, bool startsThinking, CancellationToken cancellation)
    {
        try
        {
            CompiledConstraint compiled = Constraints.Compile(constraint, cancellation);
            string? after = request.ConstraintAfter ?? (startsThinking ? AnswerParser.ThinkingEnd : null);
            return _ => compiled.CreateMask(after);
        }
        catch (ConstraintException error)
        {
            throw new RequestRefusedException(RefusalReason.InvalidParameter, "response_format", error.Message, inner: error);
        }
    }

    /// <summary>Whether a rendered conversation leaves the model thinking: then the answer begins after that.</summary>
    bool EndsInThinking(ImmutableArray<int> prompt) => EndsIn(prompt, AnswerParser.ThinkingStart);

    bool EndsIn(ImmutableArray<int> prompt, string tag)
    {
        const int Looked = 16; // tokens
        ReadOnlySpan<int> tail = prompt.AsSpan()[Math.Max(0, prompt.Length - Looked)..];
        foreach (int id in tail)
        {
            if (id < 0 || id >= Tokenizer.VocabularySize)
            {
                return false; // The engine refuses it with its number.
            }
        }

        return Tokenizer.Decode(tail, skipSpecials: false).TrimEnd().EndsWith(tag, StringComparison.Ordinal);
    }

    /// <summary>The token with which a model that thinks of its own accord may begin to, even where its answer must be a call; −1 for none.</summary>
    int Opening(GenerationRequest request, ImmutableArray<int> prompt, bool startsThinking) =>
        !startsThinking && request.Thinking?.Budget != 0 && Template?.Source.Contains(AnswerParser.ThinkingEnd, StringComparison.Ordinal) == true
        && !EndsIn(prompt, AnswerParser.ThinkingEnd) && Tokenizer.TryGetId(AnswerParser.ThinkingStart, out int id) ? id : -1;

    void CheckChoices(GenerationRequest request)
    {
        int most = Engine.Options.MaxSequences + Engine.Options.QueueLimit;
        if (request.Choices > most)
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, "n", $"n is {request.Choices}, but no more than {most} sequences may run or wait.", request.Choices, most);
        }
    }

    ChoiceReader Reader(int choice, Sequence sequence, GenerationRequest request, AnswerParser? parser) =>
        new(choice, sequence, Tokenizer, Decoder(request), _marks, new StopStrings(request.Stop), parser);

    /// <summary>The special tokens with which thinking and calls begin and end.</summary>
    static IEnumerable<int> Marks(Tokenizer tokenizer, AnswerFormat? format)
    {
        foreach (string name in (IEnumerable<string>)[AnswerParser.ThinkingStart, AnswerParser.ThinkingEnd, AnswerParser.AnswerStart, AnswerParser.AnswerEnd, .. format?.Starts ?? [], .. format?.OtherMarks ?? []])
        {
            if (tokenizer.TryGetId(name, out int id) && tokenizer.IsSpecial(id))
            {
                yield return id;
            }
        }
    }

    // A conversation's answer begins a text; everything else goes on where the prompt ended.
    StreamingDecoder Decoder(GenerationRequest request) =>
        Tokenizer.CreateStreamingDecoder(skipSpecials: !request.ShowSpecialTokens, continues: request.Prompt is not GenerationPrompt.Chat);

    ImmutableArray<int> Encode(string text, bool addSpecials) => Try(text, () => [.. Tokenizer.Encode(text, parseSpecials: true, addSpecials)]);

    static ImmutableArray<int> Try(string text, Func<ImmutableArray<int>> encode)
    {
        try
        {
            return encode();
        }
        catch (ArgumentException error)
        {
            throw new RequestRefusedException(RefusalReason.PromptTooLong, "prompt", error.Message, text.Length, Tokenizer.MaxTextBytes, error);
        }
    }

    string? Name(int? id) => id is { } known ? Tokenizer.TokenText(known) : null;
}
