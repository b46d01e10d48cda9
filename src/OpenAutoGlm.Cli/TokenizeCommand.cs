using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models;
using OpenAutoGlm.Models.Tokenizers;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm tokenize: text to token ids and back.</summary>
sealed class TokenizeCommand : AutoGlmCommand
{
    readonly Option<string?> _model = Flags.Model();
    readonly Option<string?> _text = Flags.Text("--text", "text", "What to split. Without it, standard input is read to its end, line ends included.");
    readonly Option<int[]?> _ids = Flags.Ids("--ids", "Token ids to turn into text instead, with commas between them.");
    readonly Option<bool> _special = Flags.Switch("--special", "Read and write special tokens by their names, and add what the model puts around a document.");
    readonly Option<string?> _output = Flags.OneOf("--output", "text prints one token a line (or the decoded text), json one object. Default: text.", "text", "json");
    readonly HubFlags _hub = new();

    public TokenizeCommand(CommandConsole console)
        : base("tokenize", "Splits text into a model's tokens, or puts tokens together.", console)
    {
        AddAll([_model, _text, _ids, _special, _output, .. _hub.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm tokenize --model glm-4-9b-chat.Q4_K_M.gguf --text \"你好，世界\"", "See the tokens of a text:"),
        ("autoglm tokenize --model stories260K.gguf --ids 403,407,261 --output json", "See the text of tokens:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        using ModelPackage model = await OpenModel.PackageAsync(arguments.GetValue(_model), _hub.Read(arguments), Console, cancellation);
        Tokenizer tokenizer = model.Tokenizer
            ?? throw new CommandFailedException($"{model.Path} has no tokenizer. Put tokenizer.json or tokenizer.model beside the weights, or take a GGUF file, which holds its own.");
        bool special = arguments.GetValue(_special);
        bool json = arguments.GetValue(_output) == "json";
        if (arguments.GetValue(_ids) is { Length: > 0 } ids)
        {
            CheckIds(ids, tokenizer.VocabularySize);
            Write(ids, tokenizer.Decode(ids, skipSpecials: !special), json);
        }
        else
        {
            string text = arguments.GetValue(_text) ?? await Console.Input.ReadToEndAsync(cancellation);
            int[] encoded = tokenizer.Encode(text, parseSpecials: special, addSpecials: special);
            if (json)
            {
                Write(encoded, text, json: true);
            }
            else
            {
                foreach (int id in encoded)
                {
                    Console.Output.WriteLine($"{id,8}  {Quoted(tokenizer.TokenText(id))}");
                }
            }
        }

        return ExitCode.Done;
    }

    static void CheckIds(int[] ids, int vocabulary)
    {
        foreach (int id in ids.Where(id => id < 0 || id >= vocabulary))
        {
            throw new CommandFailedException($"--ids: {id} is no token; the vocabulary has 0 to {vocabulary - 1}.");
        }
    }

    /// <summary>Line ends and other controls as escapes, so that one token stays on one line.</summary>
    static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    void Write(int[] ids, string text, bool json)
    {
        if (json)
        {
            Console.WriteJson(new JsonObject { ["ids"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]), ["text"] = text });
        }
        else
        {
            Console.Output.WriteLine(text);
        }
    }
}
