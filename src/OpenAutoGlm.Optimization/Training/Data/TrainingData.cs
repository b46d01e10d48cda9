namespace OpenAutoGlm.Optimization.Training.Data;

/// <summary>
/// Batches without end, epoch after epoch, in an order that follows from the seed alone. The next window of examples is
/// read and tokenised while the model learns from this one. Not thread-safe.
/// </summary>
public sealed class TrainingData
{
    readonly DataOptions _options;
    readonly ParallelOptions _parallel;
    Task<Window>? _ahead;
    Window? _window;
    int _batch;
    EpochOrder? _order;

    /// <summary>The data at its beginning.</summary>
    /// <exception cref="ArgumentException">The options contradict themselves, or the source is empty.</exception>
    public TrainingData(IExampleSource source, DataOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        Source = source.Count > 0 ? source : throw new ArgumentException($"{source.Identity}: there is no example to learn from.", nameof(source));
        _options = options;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Threads };
    }

    /// <summary>Where the examples come from.</summary>
    public IExampleSource Source { get; }

    /// <summary>The options that the order and the batches follow from, in words.</summary>
    internal string Identity => FormattableString.Invariant(
        $"seed {_options.Seed}, {_options.BatchTokens} tokens, sequences of {_options.SequenceTokens}, {_options.TooLong}, {(_options.Shuffle ? "shuffled" : "in order")}, windows of {_options.WindowExamples}");

    /// <summary>The place before the next batch.</summary>
    public DataPosition Position => _window is { } window ? new DataPosition(window.Epoch, window.First, _batch) : default;

    /// <summary>How many epochs are done, with the part of the one that runs.</summary>
    public double Epochs => _window is { } window
        ? window.Epoch + ((window.First + (window.Count * (double)_batch / Math.Max(1, window.Batches.Count))) / Source.Count)
        : 0;

    /// <summary>Goes to a place, as if all before it had been given out.</summary>
    /// <exception cref="ArgumentException">There is no such place: the data or the options are others.</exception>
    public void MoveTo(DataPosition position)
    {
        if (position.Epoch < 0 || position.First < 0 || position.First >= Source.Count || position.Batch < 0)
        {
            throw new ArgumentException($"The data has no place {position}: {Source.Count} examples. Was the run begun with other data?", nameof(position));
        }

        _ahead = null;
        _window = Load(position.Epoch, position.First);
        _batch = position.Batch;
        if (_batch > _window.Batches.Count)
        {
            throw new ArgumentException($"The data has no place {position}: the window has {_window.Batches.Count} batches. Was the run begun with other data or options?", nameof(position));
        }

        ReadAhead(_window);
    }

    /// <summary>The next batch.</summary>
    /// <exception cref="InvalidDataException">An example cannot be read, or a whole epoch has nothing to learn from.</exception>
    public TrainingBatch Next()
    {
        if (_window is null)
        {
            _window = Load(0, 0);
            ReadAhead(_window);
        }

        for (int empty = 0; _batch >= _window.Batches.Count; empty += _window.Count)
        {
            if (empty > Source.Count)
            {
                throw new InvalidDataException($"{Source.Identity}: none of {Source.Count} examples has anything to learn from: chats need an assistant's turn, texts two tokens.");
            }

            _window = _ahead!.GetAwaiter().GetResult();
            _batch = 0;
            ReadAhead(_window);
        }

        return _window.Batches[_batch++];
    }

    /// <summary>All batches of one epoch, from the beginning.</summary>
    /// <param name="mostTokens">Where to stop.</param>
    public IReadOnlyList<TrainingBatch> OneEpoch(long mostTokens = long.MaxValue)
    {
        List<TrainingBatch> batches = [];
        long tokens = 0;
        for (int first = 0; first < Source.Count && tokens < mostTokens;)
        {
            Window window = Load(0, first);
            foreach (TrainingBatch batch in window.Batches.TakeWhile(_ => tokens < mostTokens))
            {
                batches.Add(batch);
                tokens += batch.Ids.Length;
            }

            first += window.Count;
        }

        return batches;
    }

    void ReadAhead(Window window)
    {
        int next = window.First + window.Count;
        (int epoch, int first) = next < Source.Count ? (window.Epoch, next) : (window.Epoch + 1, 0);
        _ahead = Task.Run(() => Load(epoch, first));
    }

    Window Load(int epoch, int first)
    {
        int[] order = Order(epoch);
        int count = Math.Min(_options.WindowExamples, order.Length - first);
        TrainingExample?[] examples = new TrainingExample?[count];
        try
        {
            Parallel.For(0, count, _parallel, i => examples[i] = _options.TooLong.Fit(Source.Read(order[first + i], epoch), _options.SequenceTokens));
        }
        catch (AggregateException failed)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed.InnerExceptions[0]);
        }

        List<TrainingBatch> batches = BatchPacker.Pack(examples.OfType<TrainingExample>().Where(example => example.Teaches), _options.BatchTokens);
        if (_options.Shuffle)
        {
            // First fit leaves the emptiest batches at the end; they should not all be learnt from at one time.
            new Draws(_options.Seed, epoch, first, 1).Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(batches));
        }

        return new Window(epoch, first, count, batches);
    }

    int[] Order(int epoch)
    {
        if (_order is { } known && known.Epoch == epoch)
        {
            return known.Places;
        }

        int[] order = [.. Enumerable.Range(0, Source.Count)];
        if (_options.Shuffle)
        {
            new Draws(_options.Seed, epoch).Shuffle(order.AsSpan());
        }

        _order = new EpochOrder(epoch, order);
        return order;
    }

    sealed record EpochOrder(int Epoch, int[] Places);

    sealed record Window(int Epoch, int First, int Count, List<TrainingBatch> Batches);
}
