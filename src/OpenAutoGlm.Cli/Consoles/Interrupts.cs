using System.Runtime.InteropServices;

namespace OpenAutoGlm.Cli.Consoles;

/// <summary>
/// What Ctrl-C and SIGTERM mean. The first asks the running command to stop, the second stops the program at once.
/// A command may give Ctrl-C another meaning for a while (<see cref="Redirect"/>), as chat does during an answer.
/// </summary>
sealed class Interrupts : IDisposable
{
    readonly CancellationTokenSource _stop = new();
    readonly List<PosixSignalRegistration> _registrations = [];
    Action? _redirected;
    int _asked;

    /// <summary>Ends when the program is asked to stop.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Interrupts that come from the process's signals.</summary>
    public static Interrupts OfProcess()
    {
        Interrupts interrupts = new();
        interrupts._registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            interrupts.Interrupt();
        }));
        interrupts._registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            interrupts.Stop();
        }));
        return interrupts;
    }

    /// <summary>Ctrl-C.</summary>
    public void Interrupt()
    {
        if (Volatile.Read(ref _redirected) is { } redirected)
        {
            redirected();
            return;
        }

        Stop();
    }

    /// <summary>Sends Ctrl-C elsewhere until the result is disposed.</summary>
    public IDisposable Redirect(Action action)
    {
        Volatile.Write(ref _redirected, action);
        return new Redirection(this);
    }

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
    }

    void Stop()
    {
        if (Interlocked.Increment(ref _asked) == 1)
        {
            _stop.Cancel();
        }
        else if (_registrations.Count > 0)
        {
            Environment.Exit(ExitCode.Interrupted);
        }
    }

    sealed class Redirection(Interrupts interrupts) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref interrupts._redirected, null);
    }
}
