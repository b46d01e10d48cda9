using System.Collections.Immutable;
using System.Threading.Channels;
using OpenAutoGlm.Engine.Generation;

namespace OpenAutoGlm.Server.Answers;

/// <summary>
/// The runs of one request, one for each prompt, read as one: all are accepted or none, choices are numbered through,
/// and disposing cancels whatever still runs.
/// </summary>
sealed class TextRuns : IAsyncDisposable
{
    // Enough to write several events at once, few enough that a slow reader is felt by the engine's own bounded buffer.
    const int Buffered = 64;

    readonly ImmutableArray<ITextRun> _runs;
    readonly int _choicesPerRun;
    readonly CancellationTokenSource _cancellation;
    readonly Channel<GenerationEvent> _events = Channel.CreateBounded<GenerationEvent>(new BoundedChannelOptions(Buffered) { SingleReader = true });
    readonly Task _pumps;

    TextRuns(ImmutableArray<ITextRun> runs, int choicesPerRun, CancellationToken cancellation)
    {
        _runs = runs;
        _choicesPerRun = choicesPerRun;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _pumps = PumpAllAsync();
    }

    public int Choices => _runs.Length * _choicesPerRun;

    public int ChoicesPerRun => _choicesPerRun;

    public int PromptTokens => _runs.Sum(run => run.PromptTokens);

    /// <summary>Tokens that all runs have written so far, as far as that is known.</summary>
    public int GeneratedTokens => _runs.Sum(run => run.GeneratedTokens);

    /// <summary>The events of all runs. Completes when all have ended or the request was cancelled.</summary>
    public ChannelReader<GenerationEvent> Events => _events.Reader;

    /// <summary>Starts a run for each request.</summary>
    public static async Task<TextRuns> StartAsync(ITextSource source, ImmutableArray<GenerationRequest> requests, CancellationToken cancellation)
    {
        ImmutableArray<ITextRun>.Builder runs = ImmutableArray.CreateBuilder<ITextRun>(requests.Length);
        try
        {
            foreach (GenerationRequest request in requests)
            {
                cancellation.ThrowIfCancellationRequested();
                runs.Add(source.Start(request, cancellation));
            }
        }
        catch
        {
            foreach (ITextRun run in runs)
            {
                await run.DisposeAsync();
            }

            throw;
        }

        return new TextRuns(runs.MoveToImmutable(), requests[0].Choices, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _cancellation.CancelAsync();
        await _pumps;
        foreach (ITextRun run in _runs)
        {
            await run.DisposeAsync();
        }

        _cancellation.Dispose();
    }

    async Task PumpAllAsync()
    {
        await Task.WhenAll(_runs.Select((run, index) => Task.Run(() => PumpAsync(run, index * _choicesPerRun))));
        _events.Writer.TryComplete();
    }

    async Task PumpAsync(ITextRun run, int firstChoice)
    {
        try
        {
            await foreach (GenerationEvent next in run.ReadAllAsync(_cancellation.Token))
            {
                await _events.Writer.WriteAsync(next with { Choice = firstChoice + next.Choice }, _cancellation.Token);
            }
        }
        catch (Exception) when (_cancellation.IsCancellationRequested)
        {
        }
        catch (Exception exception)
        {
            // The reader learns of it at once, and by disposing ends the other runs.
            _events.Writer.TryComplete(exception);
        }
    }
}
