using System.CommandLine;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Doctor;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm doctor: what this machine has, what the engine will use of it, and what is missing.</summary>
sealed class DoctorCommand : AutoGlmCommand
{
    readonly Option<bool> _quick = Flags.Switch("--quick", "Skip the measurements of memory bandwidth and arithmetic.");
    readonly HubFlags _hub = new();
    readonly Option<int?> _threads = Flags.Threads();
    readonly Option<bool> _json = Flags.Json();

    public DoctorCommand(CommandConsole console)
        : base("doctor", "Says what this machine has, what the engine uses, and what is missing.", console)
    {
        AddAll([_quick, _threads, .. _hub.All, _json]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm doctor", "Look at the machine and measure it (a few seconds):"),
        ("autoglm doctor --quick --json", "The same for a program, without measuring:"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        DoctorReport report = DoctorReport.Make(_hub.Read(arguments), arguments.GetValue(_threads), measure: !arguments.GetValue(_quick));
        if (arguments.GetValue(_json))
        {
            Console.WriteJson(report.ToJson());
        }
        else
        {
            report.Print(Console);
        }

        return Task.FromResult(ExitCode.Done);
    }
}
