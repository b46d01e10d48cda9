using OpenAutoGlm.Cli;
using OpenAutoGlm.Cli.Consoles;

using Interrupts interrupts = Interrupts.OfProcess();
using CommandConsole console = CommandConsole.OfProcess(interrupts);
return await CommandLine.RunAsync(args, console);
