namespace OpenAutoGlm.Engine;

/// <summary>Which requests an engine can ever serve. Pure: what depends on the moment (a full queue) is not here.</summary>
static class RequestRules
{
    /// <summary>Checks a request and works out how many tokens it may generate.</summary>
    /// <exception cref="RequestRefusedException">It can never be served.</exception>
    internal static int MaxTokens(SequenceRequest request, EngineLimits limits)
    {
        CheckPrompt(request, limits, least: 1);
        request.Sampling.Validate();
        foreach (int token in request.Sampling.LogitBias.Keys)
        {
            CheckToken("logit_bias", token, limits);
        }

        foreach (int token in request.StopTokens)
        {
            CheckToken("stop_token_ids", token, limits);
        }

        if (request.SampleIndex < 0)
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, "sample_index", $"The sample index must be at least 0, not {request.SampleIndex}.", request.SampleIndex);
        }

        CheckOwner(request);
        int prompt = request.Prompt.Length;
        long room = Math.Min(limits.ContextLength, limits.MemoryTokens) - prompt;
        return request.MaxTokens is { } asked ? Asked(prompt, asked, limits) : (int)room;
    }

    /// <summary>Checks a request of which only the prompt is computed.</summary>
    /// <exception cref="RequestRefusedException">It can never be served.</exception>
    internal static int NoTokens(SequenceRequest request, EngineLimits limits)
    {
        CheckPrompt(request, limits, least: 0);
        CheckOwner(request);
        return 0;
    }

    /// <summary>Checks whose request it is and how long it may take.</summary>
    static void CheckOwner(SequenceRequest request)
    {
        if (request.Timeout <= TimeSpan.Zero)
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, "timeout", $"The timeout must be more than nothing, not {request.Timeout}.", request.Timeout?.TotalSeconds);
        }

        CheckName("user", request.Tenant);
        CheckName("cache_salt", request.CacheSalt);
    }

    /// <summary>Checks a prompt after which at least so many tokens are to follow.</summary>
    static void CheckPrompt(SequenceRequest request, EngineLimits limits, int least)
    {
        if (request.Prompt.IsDefaultOrEmpty)
        {
            throw new RequestRefusedException(RefusalReason.PromptEmpty, "prompt", "The prompt has no tokens.", 0, 1);
        }

        int prompt = request.Prompt.Length;
        if (prompt > limits.ContextLength - least)
        {
            throw new RequestRefusedException(
                RefusalReason.PromptTooLong,
                "prompt",
                least == 0
                    ? $"The prompt has {prompt} tokens, but the context holds {limits.ContextLength}."
                    : $"The prompt has {prompt} tokens, which leaves no room for {least} more in the context of {limits.ContextLength}.",
                prompt,
                limits.ContextLength);
        }

        CheckMemory(prompt + 1L, limits);
        foreach (int token in request.Prompt)
        {
            CheckToken("prompt", token, limits);
        }
    }

    static int Asked(int prompt, int asked, EngineLimits limits)
    {
        if (asked < 1)
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, "max_tokens", $"max_tokens must be at least 1, not {asked}.", asked, 1);
        }

        long total = (long)prompt + asked;
        if (total > limits.ContextLength)
        {
            throw new RequestRefusedException(
                RefusalReason.ContextExceeded,
                "max_tokens",
                $"The prompt has {prompt} tokens and max_tokens is {asked}, together {total}, but the context holds {limits.ContextLength}.",
                total,
                limits.ContextLength);
        }

        CheckMemory(total, limits);
        return asked;
    }

    static void CheckMemory(long tokens, EngineLimits limits)
    {
        if (tokens > limits.MemoryTokens)
        {
            throw new RequestRefusedException(
                RefusalReason.KvMemoryExceeded,
                "max_tokens",
                $"The sequence may reach {tokens} tokens, but all {limits.BlockCount} blocks of key and value memory hold {limits.MemoryTokens}.",
                tokens,
                limits.MemoryTokens);
        }
    }

    static void CheckName(string parameter, string? name)
    {
        if (name?.Length > SequenceRequest.MaxNameLength)
        {
            throw new RequestRefusedException(
                RefusalReason.InvalidParameter, parameter, $"{parameter} may have {SequenceRequest.MaxNameLength} characters, not {name.Length}.", name.Length, SequenceRequest.MaxNameLength);
        }
    }

    static void CheckToken(string parameter, int token, EngineLimits limits)
    {
        if ((uint)token >= (uint)limits.Vocab)
        {
            throw new RequestRefusedException(
                RefusalReason.TokenOutOfVocabulary,
                parameter,
                $"{parameter} has the token {token}, but the vocabulary has 0 to {limits.Vocab - 1}.",
                token,
                limits.Vocab);
        }
    }
}
