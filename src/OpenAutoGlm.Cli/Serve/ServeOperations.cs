using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server;
using OpenAutoGlm.Server.Access;

namespace OpenAutoGlm.Cli.Serve;

/// <summary>What a server that the command line started needs besides its models, for as long as it runs.</summary>
sealed class ServeOperations : IDisposable
{
    readonly List<IDisposable> _open = [];

    ServeOperations(ServerOptions options) => Options = options;

    /// <summary>The options to serve with.</summary>
    public ServerOptions Options { get; private set; }

    /// <summary>Opens what the flags name.</summary>
    /// <exception cref="CommandFailedException">A file or a value is not what it should be.</exception>
    public static ServeOperations Open(ServerOptions options, string[] keys, string? keyFile, string? traces, ILogger logger)
    {
        ServeOperations operations = new(options);
        try
        {
            if (options.Certificate is { } certificate)
            {
                operations._open.Add(certificate);
            }

            if (keys.Length > 0 || keyFile is not null)
            {
                ApiKey[] plain = [.. keys.Select((key, i) => ApiKey.Of($"key-{i + 1}", key) with { Role = KeyRole.Admin })];
                KeyRing ring = new();
                operations.Options = options with { Keys = ring };
                if (keyFile is null)
                {
                    ring.Replace(plain);
                }
                else
                {
                    operations._open.Add(new KeyFileWatch(keyFile, plain, ring, options.TimeProvider, logger));
                }
            }

            if (traces is not null)
            {
                operations._open.Add(TraceExport.To(traces));
            }

            return operations;
        }
        catch (Exception exception)
        {
            operations.Dispose();
            throw exception is InvalidDataException or ArgumentException ? new CommandFailedException(exception.Message, inner: exception) : exception;
        }
    }

    public void Dispose() => _open.ForEach(one => one.Dispose());
}

/// <summary>
/// Reads a file of keys now, on SIGHUP, and when it changes: every few seconds it looks at time and length, which also sees
/// a mounted secret that was exchanged as a whole. A file that is not in order changes nothing and is logged.
/// </summary>
sealed partial class KeyFileWatch : IDisposable
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    readonly string _path;
    readonly ApiKey[] _others;
    readonly KeyRing _ring;
    readonly ILogger _logger;
    readonly Lock _lock = new();
    readonly ITimer _timer;
    readonly PosixSignalRegistration? _signal;
    (DateTime Time, long Length) _seen;

    public KeyFileWatch(string path, ApiKey[] others, KeyRing ring, TimeProvider time, ILogger logger)
    {
        (_path, _others, _ring, _logger) = (Path.GetFullPath(path), others, ring, logger);
        _seen = Look();
        Read();
        _timer = time.CreateTimer(_ => ReadWhereChanged(), null, Interval, Interval);
        _signal = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            // Without this the process would end.
            context.Cancel = true;
            TryRead();
        });
    }

    public void Dispose()
    {
        _signal?.Dispose();
        _timer.Dispose();
    }

    internal void ReadWhereChanged()
    {
        (DateTime, long) now = Look();
        if (now != _seen)
        {
            _seen = now;
            TryRead();
        }
    }

    void TryRead()
    {
        try
        {
            Read();
            Exchanged(_logger, _ring.Keys.Length);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            NotInOrder(_logger, exception.Message);
        }
    }

    void Read()
    {
        lock (_lock)
        {
            _ring.Replace([.. _others, .. KeyFile.Read(_path)]);
        }
    }

    (DateTime Time, long Length) Look()
    {
        try
        {
            FileInfo file = new(_path);
            FileSystemInfo target = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
            return target is FileInfo { Exists: true } there ? (there.LastWriteTimeUtc, there.Length) : default;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It is being exchanged, or it is gone; reading it will tell.
            return default;
        }
    }

    [LoggerMessage(30, LogLevel.Warning, "The keys were read again: {Count}.")]
    private static partial void Exchanged(ILogger logger, int count);

    [LoggerMessage(31, LogLevel.Error, "The keys stay as they were: {Problem}")]
    private static partial void NotInOrder(ILogger logger, string problem);
}
