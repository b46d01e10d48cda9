using Microsoft.Extensions.Logging.Abstractions;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>Random histories of requests, faults and operators over a few models, in virtual time and always the same for a seed.</summary>
public class ModelPoolHistoryTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_happens_memory_is_kept_to_and_nobody_waits_for_ever(int seed)
    {
        for (int history = 0; history < 40; history++)
        {
            await new History((seed * 10_000) + history).RunAsync();
        }
    }

    sealed class History
    {
        const long Limit = 100;

        readonly Random _random;
        readonly HandClock _time = new();
        readonly FakeMachine _machine = new();
        readonly ModelPool _pool;
        readonly List<Request> _requests = [];
        readonly List<Task> _orders = [];
        readonly Dictionary<string, HashSet<string>> _sources = [];

        public History(int seed)
        {
            _random = new Random(seed);
            ModelLimits limits = new() { MemoryBytes = Limit, IdleUnload = TimeSpan.FromSeconds(60), WaitingRequests = 5, LongestWait = TimeSpan.FromHours(1) };
            ModelOnDemand[] models = [.. Enumerable.Range(0, 4).Select(index => new ModelOnDemand($"m{index}", Loader($"m{index}")) { Pinned = index == 0 && seed % 3 == 0 })];
            _pool = new ModelPool(models.Select(model => new ModelSlot(model)), limits, _time, NullLogger.Instance);
            foreach (ModelOnDemand model in models)
            {
                _sources[model.Id] = [model.Id];
            }
        }

        public async Task RunAsync()
        {
            for (int step = 0; step < 120; step++)
            {
                Step();
                await CheckAsync();
            }

            await EndAsync();
        }

        void Step()
        {
            ModelSlot slot = _pool.Slots[_random.Next(_pool.Slots.Length)];
            switch (_random.Next(20))
            {
                case < 6:
                    CancellationTokenSource cancellation = new();
                    _requests.Add(new Request(slot.Id, _pool.RentAsync(slot, cancellation.Token).AsTask(), cancellation));
                    break;
                case < 10 when _requests.Count > 0:
                    GiveBack(_requests[_random.Next(_requests.Count)]);
                    break;
                case < 14 when _machine.Calls.Count > 0:
                    FakeCall call = _machine.Calls[_random.Next(_machine.Calls.Count)];
                    call.Finish(_random.Next(5) == 0 ? new InvalidOperationException("a fault") : null);
                    break;
                case 14 when _requests.Count > 0:
                    _requests[_random.Next(_requests.Count)].Cancellation.Cancel();
                    break;
                case 15:
                    Order(() => _pool.UnloadAsync(slot));
                    break;
                case 16:
                    FakeLoader loader = Loader($"{slot.Id}-{_random.Next(1000)}");
                    _sources[slot.Id].Add(loader.Source);
                    Order(() => _pool.SwapAsync(slot, loader, keep: _random.Next(2) == 0, TestContext.Current.CancellationToken));
                    break;
                case 17:
                    Order(() => _pool.LoadAsync(slot, keep: true, TestContext.Current.CancellationToken));
                    break;
                default:
                    _time.Advance(TimeSpan.FromSeconds(_random.Next(20)));
                    break;
            }
        }

        async Task CheckAsync()
        {
            // Who knows is told on another thread; all others must be in the pool's books.
            int undecided = _pool.Snapshot().Sum(status => status.Waiting);
            await UntilAsync(() => _requests.Count(request => !request.Task.IsCompleted) == undecided);
            Assert.InRange(_pool.UsedBytes, 0, Limit);
            Assert.InRange(_machine.UsedBytes, 0, _pool.UsedBytes);
            foreach (Request request in _requests.Where(request => request.Task.IsCompleted && !request.IsSeen).ToArray())
            {
                request.IsSeen = true;
                try
                {
                    ModelLease lease = await request.Task;
                    request.Lease = lease;
                    FakeModel model = (FakeModel)lease.Model.Source;
                    model.Rented++;
                    Assert.Equal(request.Model, lease.Model.Id);
                    Assert.Contains(model.Loader.Source, _sources[request.Model]);
                    Assert.Equal(0, model.Disposals);
                }
                catch (Exception error) when (error is ApiException or OperationCanceledException)
                {
                    Assert.Contains((error as ApiException)?.Error.Status, new int?[] { null, 429, 503 });
                    _requests.Remove(request);
                }
            }

            Assert.All(_machine.Models, model => Assert.InRange(model.Disposals, 0, 1));
        }

        /// <summary>Requests end, loaders end, time goes on: then nobody may be left who waits.</summary>
        async Task EndAsync()
        {
            for (int round = 0; round < 200 && (_requests.Count > 0 || _machine.Calls.Count > 0); round++)
            {
                foreach (Request request in _requests.ToArray())
                {
                    GiveBack(request);
                }

                _machine.Calls.FirstOrDefault()?.Finish();
                _time.Advance(TimeSpan.FromSeconds(1));
                await CheckAsync();
            }

            Assert.Empty(_requests);
            await UntilAsync(() => _orders.TrueForAll(order => order.IsCompleted));
            await _pool.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
            Assert.Equal(0, _pool.UsedBytes);
            Assert.All(_machine.Models, model => Assert.Equal(model.Failed ? 0 : 1, model.Disposals));
            foreach (Task order in _orders)
            {
                await order.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        static async Task UntilAsync(Func<bool> condition)
        {
            for (int tries = 0; !condition(); tries++)
            {
                Assert.True(tries < 2000, "Somebody waits who is in no book.");
                await (tries < 1000 ? Task.Run(() => { }, TestContext.Current.CancellationToken) : Task.Delay(5, TestContext.Current.CancellationToken));
            }
        }

        void GiveBack(Request request)
        {
            if (request.Lease is { } lease)
            {
                ((FakeModel)lease.Model.Source).Rented--;
                _requests.Remove(request);
                _ = lease.DisposeAsync().AsTask();
            }
        }

        void Order(Func<Task> order)
        {
            try
            {
                _orders.Add(order());
            }
            catch (ApiException refusal)
            {
                Assert.Equal(409, refusal.Error.Status);
            }
        }

        FakeLoader Loader(string source) => new(_machine, source, _random.Next(10, 80));
    }

    sealed class Request(string model, Task<ModelLease> task, CancellationTokenSource cancellation)
    {
        public string Model => model;

        public Task<ModelLease> Task => task;

        public CancellationTokenSource Cancellation => cancellation;

        public bool IsSeen { get; set; }

        public ModelLease? Lease { get; set; }
    }
}
