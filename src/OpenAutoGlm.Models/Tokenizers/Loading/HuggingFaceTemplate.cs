namespace OpenAutoGlm.Models.Tokenizers.Loading;

/// <summary>The ids that a tokenizer.json's post_processor puts before and after a single text.</summary>
static class HuggingFaceTemplate
{
    /// <summary>The ids; null where the file has no template.</summary>
    public static (List<int> Prefix, List<int> Suffix)? Read(JsonField? processor)
    {
        if (processor is not { } field)
        {
            return null;
        }

        return field["type"].String() switch
        {
            "TemplateProcessing" => ReadTemplate(field),
            "Sequence" => ReadSequence(field),
            "ByteLevel" => null, // It moves offsets only.
            string other => throw field.Error($"the post-processor {other} is not supported; TemplateProcessing and ByteLevel are."),
        };
    }

    static (List<int> Prefix, List<int> Suffix)? ReadSequence(JsonField sequence)
    {
        (List<int>, List<int>)? found = null;
        foreach (JsonField inner in sequence["processors"].Elements())
        {
            if (Read(inner) is { } template)
            {
                found = found is null ? template : throw inner.Error("there are two templates.");
            }
        }

        return found;
    }

    static (List<int> Prefix, List<int> Suffix) ReadTemplate(JsonField processor)
    {
        List<int> prefix = [], suffix = [];
        bool afterText = false;
        foreach (JsonField item in processor["single"].Elements())
        {
            if (item.Find("Sequence") is not null)
            {
                afterText = !afterText ? true : throw item.Error("the text stands in the template twice.");
                continue;
            }

            foreach (JsonField id in processor["special_tokens"][item["SpecialToken"]["id"].String()]["ids"].Elements())
            {
                (afterText ? suffix : prefix).Add(id.Integer() is >= 0 and < VocabularyBuilder.MaxTokens and long value
                    ? (int)value
                    : throw id.Error("this is no token id."));
            }
        }

        return (prefix, suffix);
    }
}
