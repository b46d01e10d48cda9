using System.CommandLine;
using System.Runtime.InteropServices;
using OpenAutoGlm.Cli.Consoles;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm logits: what the model thinks after every token, as raw numbers; for programs that compare.</summary>
sealed class LogitsCommand : AutoGlmCommand
{
    readonly Option<string?> _model = Flags.Model();
    readonly Option<int[]?> _prompt = Flags.Ids("--prompt-ids", "Token ids, with commas between them.");
    readonly Option<string?> _output = Flags.Text("--output", "file", "Where to write float32 numbers, little endian, one row of the vocabulary's size after every token.", "-o");
    readonly EngineFlags _engine = new();

    public LogitsCommand(CommandConsole console)
        : base("logits", "Writes the logits after every token, for comparing with other programs.", console)
    {
        (_prompt.Required, _output.Required) = (true, true);
        AddAll([_model, _prompt, _output, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm logits --model stories260K.gguf --prompt-ids 1,403,407 --output logits.bin", "Three rows of 512 numbers:"),
        ("autoglm logits --model model.Q8_0.gguf --prompt-ids 1,2,3 --output exact.bin --exact", "Without rounding activations, to compare with exact references:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        await using AutoInferenceEngine engine = await OpenModel.EngineAsync(arguments.GetValue(_model), _engine.Read(arguments), Console, cancellation);
        float[][] rows = await Task.Run(() => engine.Engine.ComputeLogits([.. arguments.GetValue(_prompt)!]), cancellation).WaitAsync(cancellation);
        string path = arguments.GetValue(_output)!;
        using (FileStream stream = File.Create(path))
        {
            foreach (float[] row in rows)
            {
                Write(stream, row);
            }
        }

        Console.Note($"{path}: {rows.Length} rows of {engine.Engine.Vocab} numbers.");
        return ExitCode.Done;
    }

    static void Write(FileStream stream, float[] row)
    {
        if (!BitConverter.IsLittleEndian)
        {
            Span<int> bits = MemoryMarshal.Cast<float, int>(row.AsSpan());
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(bits, bits);
        }

        stream.Write(MemoryMarshal.AsBytes<float>(row));
    }
}
