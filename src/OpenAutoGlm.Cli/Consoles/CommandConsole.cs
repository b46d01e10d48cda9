using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>
/// Where a command reads and writes. Standard output carries the result and nothing else; progress, notes and errors
/// go to standard error. Colours only where a terminal is and NO_COLOR is not set.
/// </summary>
sealed class CommandConsole : IDisposable
{
    static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    CommandConsole(TextReader input, TextWriter output, TextWriter error, Interrupts interrupts)
    {
        (Input, Output, Error, Interrupts) = (input, output, error, interrupts);
    }

    /// <summary>Standard input.</summary>
    public TextReader Input { get; }

    /// <summary>Standard output.</summary>
    public TextWriter Output { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Ctrl-C and SIGTERM.</summary>
    public Interrupts Interrupts { get; }

    /// <summary>Whether somebody types the input.</summary>
    public bool InputIsTerminal { get; private init; }

    /// <summary>Whether somebody reads the output on a terminal.</summary>
    public bool OutputIsTerminal { get; private init; }

    /// <summary>Whether somebody reads notes and progress on a terminal.</summary>
    public bool ErrorIsTerminal { get; private init; }

    /// <summary>Whether colours are wanted where there is a terminal.</summary>
    public bool Colours { get; private init; }

    /// <summary>The process's own streams.</summary>
    public static CommandConsole OfProcess(Interrupts interrupts)
    {
        // A pipe gets UTF-8 without a mark, whatever the locale says. A terminal is left to System.Console, which
        // also keeps its settings for reading keys.
        TextReader input = Console.IsInputRedirected ? new StreamReader(Console.OpenStandardInput(), Utf8) : Console.In;
        return new CommandConsole(input, Writer(Console.OpenStandardOutput()), Writer(Console.OpenStandardError()), interrupts)
        {
            InputIsTerminal = !Console.IsInputRedirected,
            OutputIsTerminal = !Console.IsOutputRedirected,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            Colours = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
        };
    }

    /// <summary>Streams of somebody else's, none of them a terminal.</summary>
    public static CommandConsole Of(TextReader input, TextWriter output, TextWriter error, Interrupts interrupts) => new(input, output, error, interrupts);

    /// <summary>Standard output as Spectre sees it, for tables.</summary>
    public IAnsiConsole Page() => Spectre(Output, OutputIsTerminal);

    /// <summary>Standard error as Spectre sees it, for progress.</summary>
    public IAnsiConsole Progress() => Spectre(Error, ErrorIsTerminal);

    /// <summary>A remark that is not part of the result.</summary>
    public void Note(string text) => Error.WriteLine(ErrorIsTerminal && Colours ? $"{Style.Dim}{text}{Style.Reset}" : text);

    /// <summary>Writes a JSON value to standard output, indented, with a line end.</summary>
    public void WriteJson(JsonNode value)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            value.WriteTo(writer);
        }

        Output.WriteLine(Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    public void Dispose()
    {
        Output.Flush();
        Error.Flush();
    }

    IAnsiConsole Spectre(TextWriter writer, bool terminal) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = terminal ? AnsiSupport.Yes : AnsiSupport.No,
        ColorSystem = !terminal || !Colours ? ColorSystemSupport.NoColors : ColorSystemSupport.EightBit,
        Interactive = terminal ? InteractionSupport.Yes : InteractionSupport.No,
        Out = new SpectreOutput(writer, terminal),
    });

    static StreamWriter Writer(Stream stream) => new(stream, Utf8) { AutoFlush = true };
}
