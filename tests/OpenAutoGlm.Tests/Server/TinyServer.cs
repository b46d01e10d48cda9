using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Models.Templates;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Server;

/// <summary>A server over a tiny model of random weights on the reference interpreter, named "tiny".</summary>
sealed class TinyServer : IAsyncDisposable
{
    TinyServer(InferenceEngine engine, TextGenerator generator, TestServer test) => (Engine, Generator, Test) = (engine, generator, test);

    public static Tokenizer Tokens { get; } = TokenizerLoader.FromGguf(TinyVocabularies.ByteLevel());

    public static ChatTemplate Template { get; } = ChatTemplate.Parse(
        "{% for message in messages %}{{ message.role }}:{{ message.content }};{% endfor %}{% if add_generation_prompt %}>{% endif %}{{ mood }}");

    public InferenceEngine Engine { get; }

    public TextGenerator Generator { get; }

    public TestServer Test { get; }

    public static async Task<TinyServer> StartAsync(EngineOptions? options = null, ServerOptions? server = null)
    {
        InferenceEngine engine = new TinyModel(Tokens.VocabularySize).Engine(options);
        TextGenerator generator = new(engine, Tokens, Template);
        return new TinyServer(engine, generator, await TestServer.StartAsync(new ScriptedSource(), server, new ServedModel("tiny", generator)));
    }

    public async ValueTask DisposeAsync()
    {
        await Test.DisposeAsync();
        Engine.Dispose();
    }
}
