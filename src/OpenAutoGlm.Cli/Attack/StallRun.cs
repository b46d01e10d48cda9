using System.Net.Sockets;
using System.Text;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>What good requests took while nobody else was there, and while connections stalled.</summary>
/// <param name="Alone">Milliseconds of each, least first.</param>
/// <param name="Besieged">The same beside stalled connections.</param>
sealed record StallResult(double[] Alone, double[] Besieged)
{
    /// <summary>How many times as long a good request takes, by the medians.</summary>
    public double Ratio => Median(Besieged) / Median(Alone);

    /// <summary>The middle of sorted values.</summary>
    public static double Median(double[] sorted) => sorted[sorted.Length / 2];
}

/// <summary>
/// Opens connections that stall, in turn with none, and measures good requests beside both: a quarter sends nothing, a
/// quarter half a header, a quarter half a body, and a quarter asks for a stream and does not read it.
/// </summary>
sealed class StallRun(string host, int port, int connections, Func<CancellationToken, Task> good, TimeProvider time)
{
    const int Openers = 64;

    /// <summary>Measures so many rounds of both, with so many good requests in each.</summary>
    public async Task<StallResult> RunAsync(string path, string body, int rounds, int requests, CancellationToken cancellation)
    {
        List<double> alone = [];
        List<double> besieged = [];
        await MeasureAsync([], requests, cancellation);
        for (int round = 0; round < rounds; round++)
        {
            await MeasureAsync(alone, requests, cancellation);
            Socket[] stalled = await StallAsync(path, body, cancellation);
            try
            {
                await MeasureAsync(besieged, requests, cancellation);
            }
            finally
            {
                Array.ForEach(stalled, socket => socket.Dispose());
            }
        }

        return new StallResult([.. alone.Order()], [.. besieged.Order()]);
    }

    async Task MeasureAsync(List<double> milliseconds, int requests, CancellationToken cancellation)
    {
        for (int i = 0; i < requests; i++)
        {
            long start = time.GetTimestamp();
            await good(cancellation);
            milliseconds.Add(time.GetElapsedTime(start).TotalMilliseconds);
        }
    }

    async Task<Socket[]> StallAsync(string path, string body, CancellationToken cancellation)
    {
        Socket[] stalled = new Socket[connections];
        await Parallel.ForEachAsync(Enumerable.Range(0, connections), new ParallelOptions { MaxDegreeOfParallelism = Openers, CancellationToken = cancellation }, async (i, token) =>
        {
            stalled[i] = new Socket(SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0), ReceiveBufferSize = 1024 };
            await stalled[i].ConnectAsync(host, port, token);
            string head = $"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n";
            string sent = (i % 4) switch
            {
                0 => "",
                1 => head[..(head.Length / 2)],
                2 => head + body[..(body.Length / 2)],
                _ => head + body,
            };
            await stalled[i].SendAsync(Encoding.ASCII.GetBytes(sent), SocketFlags.None, token);
        });

        // What the quarter of whole requests sets off is work that was asked for; how long it takes is not in question here.
        await Task.Delay(TimeSpan.FromSeconds(1), time, cancellation);
        for (int tries = 0; tries < 3; tries++)
        {
            await good(cancellation);
        }

        return stalled;
    }
}
