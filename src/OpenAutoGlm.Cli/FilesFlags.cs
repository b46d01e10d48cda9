using System.CommandLine;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Cli;

/// <summary>The flags that say where a server keeps files and batches, and how much of them.</summary>
sealed class FilesFlags
{
    readonly Option<string?> _folder = Flags.Text("--files", "folder", "Where files and batches are kept, so that they survive a restart. Default: in memory.");
    readonly Option<long?> _file = Flags.Bytes("--max-file-size", "Largest file that may be uploaded. Default: 64M.");
    readonly Option<long?> _all = Flags.Bytes("--max-files-size", "Most bytes of all files, results of batches included. Default: 512M.");
    readonly Option<int?> _requests = Flags.Int("--max-batch-requests", "Requests of batches that run at a time, behind all others. Default: 16.", 1, 4096);

    /// <summary>All of them, in the order of the help page.</summary>
    public Option[] All => [_folder, _file, _all, _requests];

    /// <summary>What they say, on top of other options.</summary>
    public ServerOptions Read(ParseResult arguments, ServerOptions options) => options with
    {
        FilesFolder = arguments.GetValue(_folder) is { } folder ? Path.GetFullPath(folder) : null,
        MaxFileBytes = arguments.GetValue(_file) ?? options.MaxFileBytes,
        FilesBytes = arguments.GetValue(_all) ?? options.FilesBytes,
        BatchRequests = arguments.GetValue(_requests) ?? options.BatchRequests,
    };
}
