using System.Collections.Concurrent;
using System.Globalization;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>A request that a server did not deal with as it should.</summary>
/// <param name="Number">Replays it, with the same seed, routes and model.</param>
/// <param name="Request">What was sent.</param>
/// <param name="Fault">What was wrong.</param>
sealed record AttackFinding(long Number, AttackRequest Request, string Fault);

/// <summary>Where and how much.</summary>
/// <param name="Host">Name or address.</param>
/// <param name="Port">Port.</param>
/// <param name="Requests">How many requests, from the first on.</param>
/// <param name="First">Number of the first.</param>
/// <param name="Clients">Requests at the same time.</param>
/// <param name="Timeout">Longest time for an answer.</param>
sealed record AttackPlan(string Host, int Port, long Requests, long First, int Clients, TimeSpan Timeout);

/// <summary>Sends requests by their numbers and judges the answers.</summary>
sealed class AttackRun(AttackPlan plan, RequestWriter writer, TimeProvider time)
{
    const int MostFindings = 100;

    readonly ConcurrentDictionary<(string Kind, string Came), long> _counts = new();
    readonly ConcurrentQueue<AttackFinding> _findings = [];
    readonly ConcurrentBag<double> _milliseconds = [];
    long _next = plan.First;
    long _done;

    /// <summary>Requests that have been judged.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>What was found, by number.</summary>
    public IReadOnlyList<AttackFinding> Findings => [.. _findings.OrderBy(finding => finding.Number)];

    /// <summary>How many requests of a kind got what: a status, or the word for what came instead.</summary>
    public IReadOnlyDictionary<(string Kind, string Came), long> Counts => _counts;

    /// <summary>Milliseconds of all exchanges that were answered, least first.</summary>
    public double[] Milliseconds => [.. _milliseconds.Order()];

    /// <summary>Runs to the end, or until so much was found that more would not help.</summary>
    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(Enumerable.Range(0, plan.Clients).Select(_ => Task.Run(() => ClientAsync(cancellation), cancellation)));

    async Task ClientAsync(CancellationToken cancellation)
    {
        AttackConnection? connection = null;
        try
        {
            while (_findings.Count < MostFindings && Interlocked.Increment(ref _next) - 1 is var number && number < plan.First + plan.Requests)
            {
                cancellation.ThrowIfCancellationRequested();
                AttackRequest request = writer.Write(number);
                if (connection is null)
                {
                    connection = new AttackConnection();
                    await connection.OpenAsync(plan.Host, plan.Port, cancellation);
                }

                long start = time.GetTimestamp();
                (AttackEnd end, List<AttackAnswer> answers) = await connection.ExchangeAsync(request, plan.Timeout, cancellation);
                if (end == AttackEnd.Answered)
                {
                    _milliseconds.Add(time.GetElapsedTime(start).TotalMilliseconds);
                }

                Judge(number, request, end, answers);
                if (!connection.IsGood)
                {
                    connection.Dispose();
                    connection = null;
                }
            }
        }
        finally
        {
            connection?.Dispose();
        }
    }

    void Judge(long number, AttackRequest request, AttackEnd end, List<AttackAnswer> answers)
    {
        Interlocked.Increment(ref _done);
        string came = answers.Count > 0 ? answers[^1].Status.ToString(CultureInfo.InvariantCulture) : end switch
        {
            AttackEnd.Left => "left",
            AttackEnd.Closed => "closed",
            AttackEnd.TimedOut => "too late",
            _ => "garbled",
        };
        _counts.AddOrUpdate((request.Kind, came), 1, (_, count) => count + 1);
        if (Oracle.Fault(request, end, answers) is { } fault)
        {
            _findings.Enqueue(new AttackFinding(number, request, fault));
        }
    }
}
