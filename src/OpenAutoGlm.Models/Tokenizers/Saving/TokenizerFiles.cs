namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>The files of a model folder that say how text becomes tokens and how it is generated: all but weights and configuration.</summary>
static class TokenizerFiles
{
    static readonly string[] Names =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
        "generation_config.json", "chat_template.jinja", "chat_template.json", "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json",
        "modules.json", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE",
    ];

    static readonly string[] Folders = ["additional_chat_templates", "1_Pooling"];

    /// <summary>Copies those that are there.</summary>
    public static void Copy(string from, string to)
    {
        foreach (string path in Names.Select(name => Path.Combine(from, name)).Where(File.Exists).Concat(Directory.EnumerateFiles(from, "*.tiktoken")))
        {
            File.Copy(path, Path.Combine(to, Path.GetFileName(path)));
        }

        foreach (string folder in Folders.Where(folder => Directory.Exists(Path.Combine(from, folder))))
        {
            Directory.CreateDirectory(Path.Combine(to, folder));
            foreach (string path in Directory.EnumerateFiles(Path.Combine(from, folder)))
            {
                File.Copy(path, Path.Combine(to, folder, Path.GetFileName(path)));
            }
        }
    }
}
