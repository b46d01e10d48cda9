using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Batches;

/// <summary>
/// Runs one batch after another, in the order in which they came. A server that stops leaves a batch as it is; the next one
/// that is given the same folder goes on with it.
/// </summary>
sealed class BatchRunner(BatchStore batches, FileStore files, RouteCall routes, Admission admission, ServerOptions options, ILogger logger) : IAsyncDisposable
{
    readonly Channel<string> _queue = Channel.CreateUnbounded<string>(); // bounded by the batches there may be
    readonly ConcurrentDictionary<string, CancellationTokenSource> _cancellations = new(StringComparer.Ordinal);
    readonly CancellationTokenSource _stop = new();
    Task _running = Task.CompletedTask;

    /// <summary>Begins, with what an earlier server left.</summary>
    public void Start()
    {
        foreach (Batch batch in batches.List().Reverse().Where(batch => !batch.HasEnded))
        {
            files.Use(batch.InputFileId);
            _queue.Writer.TryWrite(batch.Id);
        }

        _running = Task.Run(LoopAsync);
    }

    /// <summary>Takes a new batch in, whose input is checked.</summary>
    /// <exception cref="ApiException">There are too many.</exception>
    public async Task AddAsync(Batch batch)
    {
        await batches.AddAsync(batch);
        files.Use(batch.InputFileId);
        _queue.Writer.TryWrite(batch.Id);
    }

    /// <summary>Ends a batch early. What is done stays.</summary>
    /// <exception cref="ApiException">There is no such batch, or it has ended.</exception>
    public async Task<Batch> CancelAsync(string id)
    {
        Batch batch = await batches.ChangeAsync(id, batch => batch switch
        {
            { HasEnded: true } => throw new ApiException(ApiError.Conflict($"The batch has ended already: {batch.Status.ToString().ToLowerInvariant()}.")),
            { Status: BatchStatus.Finalizing or BatchStatus.Cancelling } => batch,
            _ => batch with { Status = BatchStatus.Cancelling, CancellingAt = Now },
        });
        if (_cancellations.TryGetValue(id, out CancellationTokenSource? running))
        {
            await running.CancelAsync();
        }

        return batch;
    }

    /// <summary>Stops, and leaves what is not done for another time.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    long Now => options.TimeProvider.GetUtcNow().ToUnixTimeSeconds();

    async Task LoopAsync()
    {
        try
        {
            await foreach (string id in _queue.Reader.ReadAllAsync(_stop.Token))
            {
                await RunAsync(id);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }

    async Task RunAsync(string id)
    {
        Batch batch = batches.Find(id);
        using CancellationTokenSource cancelled = new();
        _cancellations[id] = cancelled;
        try
        {
            batch = await batches.ChangeAsync(id, now => now.Status == BatchStatus.Waiting ? now with { Status = BatchStatus.InProgress, InProgressAt = Now } : now);
            if (batch.Status == BatchStatus.Cancelling)
            {
                await cancelled.CancelAsync();
            }

            await RunAsync(batch, cancelled.Token);
            files.Unuse(batch.InputFileId);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested || admission.Closed)
        {
            // The batch stays as it is, for the next server.
        }
        catch (Exception error)
        {
            ServerLog.Failed(logger, id, error);
            string message = error is ApiException api ? api.Error.Message : "The server failed on this batch; its log has the cause under the batch's id.";
            await batches.ChangeAsync(id, now => now.Ended(BatchStatus.Failed, Now) with { Errors = new BatchErrors([new BatchError("server_error", message)]) });
            files.Unuse(batch.InputFileId);
        }
        finally
        {
            _cancellations.TryRemove(id, out _);
        }
    }

    async Task RunAsync(Batch batch, CancellationToken cancelled)
    {
        HashSet<string> done = new(StringComparer.Ordinal);
        using ResultLog output = await ResultLog.OpenAsync(files, batch.OutputName, id => done.Add(id), _stop.Token);
        using ResultLog errors = await ResultLog.OpenAsync(files, batch.ErrorName, id => done.Add(id), _stop.Token);
        if (batch.Status == BatchStatus.Finalizing)
        {
            // A crash came between the last result and the end.
            RequestCounts counts = batch.RequestCounts;
            await FinishAsync(batch, batch.CancellingAt is not null ? BatchStatus.Cancelled : batch.ExpiresAt <= batch.FinalizingAt ? BatchStatus.Expired : BatchStatus.Completed, output, errors, counts);
            return;
        }

        StoredFile input = files.Find(batch.InputFileId);
        BatchRun run = new(batch, output, errors, done, routes, admission, batches, options);
        TimeSpan left = TimeSpan.FromSeconds(Math.Max(0, batch.ExpiresAt - Now));
        using CancellationTokenSource expired = new(left, options.TimeProvider);
        using CancellationTokenSource any = CancellationTokenSource.CreateLinkedTokenSource(cancelled, expired.Token, _stop.Token);
        BatchStatus status = BatchStatus.Completed;
        try
        {
            await run.RunAsync(files.Open(input), any.Token);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested && cancelled.IsCancellationRequested)
        {
            status = BatchStatus.Cancelled;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested && expired.IsCancellationRequested)
        {
            status = BatchStatus.Expired;
            await run.GiveUpAsync(files.Open(input), "batch_expired", "The request was not made before the batch expired.");
        }

        await FinishAsync(batch, status, output, errors, batch.RequestCounts with { Completed = output.Count, Failed = errors.Count });
    }

    async Task FinishAsync(Batch batch, BatchStatus status, ResultLog output, ResultLog errors, RequestCounts counts)
    {
        await batches.ChangeAsync(batch.Id, now => now with { Status = BatchStatus.Finalizing, FinalizingAt = now.FinalizingAt ?? Now, RequestCounts = counts });

        // The ids follow from the batch's, so that a crash between here and the end leaves nothing twice.
        string? outputId = await output.PublishAsync(batch.OutputName, Result(batch, "output", 'a'));
        string? errorId = await errors.PublishAsync(batch.ErrorName, Result(batch, "error", 'b'));
        await batches.ChangeAsync(batch.Id, now => now.Ended(status, Now) with { OutputFileId = outputId, ErrorFileId = errorId });
    }

    StoredFile Result(Batch batch, string what, char mark) =>
        new($"file-{mark}{batch.Id["batch_".Length..][1..]}", 0, Now, $"{batch.Id}_{what}.jsonl", "batch_output");
}
