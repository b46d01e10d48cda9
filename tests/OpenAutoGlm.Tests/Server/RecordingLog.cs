using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace OpenAutoGlm.Server;

/// <summary>A log that can be looked at; what went wrong also goes to the test's output.</summary>
sealed class RecordingLog : ILoggerFactory, ILogger
{
    public ConcurrentQueue<string> Lines { get; } = [];

    public ConcurrentQueue<Exception> Faults { get; } = [];

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Lines.Enqueue(formatter(state, exception));
            if (exception is not null)
            {
                Faults.Enqueue(exception);
                TestContext.Current.TestOutputHelper?.WriteLine(exception.ToString());
            }
        }
    }

    public void Dispose()
    {
    }
}
