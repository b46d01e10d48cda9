using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>Makes the requests of one batch that are not made yet, several at a time, and writes down what comes of each.</summary>
/// <param name="batch">The batch.</param>
/// <param name="output">Answers.</param>
/// <param name="errors">Errors.</param>
/// <param name="done">Custom ids of the requests that are made.</param>
/// <param name="routes">Who answers.</param>
/// <param name="admission">Tells when the server ends.</param>
/// <param name="batches">Is told how many are done.</param>
/// <param name="options">How many at a time.</param>
sealed class BatchRun(Batch batch, ResultLog output, ResultLog errors, HashSet<string> done, RouteCall routes, Admission admission, BatchStore batches, ServerOptions options)
{
    readonly Lock _lock = new(); // over what is done
    readonly SemaphoreSlim _writing = new(1);

    /// <summary>Makes them all.</summary>
    /// <exception cref="OperationCanceledException">The token fired; what was made until then is written down.</exception>
    /// <exception cref="ApiException">There is no room for the results.</exception>
    public async Task RunAsync(Stream input, CancellationToken cancellation)
    {
        using SemaphoreSlim places = new(options.BatchRequests);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<Task> running = [];
        try
        {
            await foreach ((int number, byte[] text) in LineReader.ReadAsync(input, options.MaxBodyBytes, stop.Token))
            {
                BatchLine line = BatchLine.Read(number, text, batch.Endpoint);
                if (!IsDone(line.CustomId))
                {
                    await places.WaitAsync(stop.Token);
                    running.RemoveAll(task => task.IsCompletedSuccessfully);
                    running.Add(RunLineAsync(line, places, stop));
                }
            }

            await Task.WhenAll(running);
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)Task.WhenAll(running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            // The first that failed has cancelled the others: it is the reason, not they.
            if (running.Select(task => task.Exception?.InnerException).FirstOrDefault(error => error is not null) is { } reason)
            {
                ExceptionDispatchInfo.Throw(reason);
            }
        }
    }

    /// <summary>Writes down for every request that was not made that it will not be.</summary>
    public async Task GiveUpAsync(Stream input, string code, string message)
    {
        await foreach ((int number, byte[] text) in LineReader.ReadAsync(input, options.MaxBodyBytes, CancellationToken.None))
        {
            string customId = BatchLine.Read(number, text, batch.Endpoint).CustomId;
            if (!IsDone(customId))
            {
                await errors.AppendAsync(customId, code, message);
            }
        }

        Count();
    }

    async Task RunLineAsync(BatchLine line, SemaphoreSlim places, CancellationTokenSource stop)
    {
        try
        {
            RouteAnswer answer = await AskAsync(line, stop.Token);
            await _writing.WaitAsync(stop.Token);
            try
            {
                await (answer.Status == StatusCodes.Status200OK ? output : errors).AppendAsync(line.CustomId, answer);
                lock (_lock)
                {
                    done.Add(line.CustomId);
                }

                Count();
            }
            finally
            {
                _writing.Release();
            }
        }
        catch
        {
            // One that cannot be written down ends the batch, and the others with it.
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            places.Release();
        }
    }

    /// <summary>Asks until there is room: a batch has time.</summary>
    async Task<RouteAnswer> AskAsync(BatchLine line, CancellationToken cancellation)
    {
        while (true)
        {
            RouteAnswer answer = await routes.PostAsync(batch.Endpoint, line.Body, cancellation);
            if (admission.Closed && answer.Status == StatusCodes.Status503ServiceUnavailable)
            {
                throw new OperationCanceledException("The server is shutting down.");
            }

            if (answer.Status is not (StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable))
            {
                return answer;
            }

            await Task.Delay(options.RetryAfter, options.TimeProvider, cancellation);
        }
    }

    bool IsDone(string customId)
    {
        lock (_lock)
        {
            return done.Contains(customId);
        }
    }

    void Count() => batches.Count(batch.Id, batch.RequestCounts with { Completed = output.Count, Failed = errors.Count });
}
