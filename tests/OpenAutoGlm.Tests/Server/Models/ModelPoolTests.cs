using Microsoft.Extensions.Logging.Abstractions;
using OpenAutoGlm.Models;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

public sealed class ModelPoolTests
{
    readonly HandClock _time = new();
    readonly FakeMachine _machine = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_who_wait_for_a_model_share_one_load()
    {
        await using ModelPool pool = Pool(new ModelLimits(), Model("a", 10));
        Task<ModelLease>[] waiting = [.. Enumerable.Range(0, 3).Select(_ => Rent(pool, "a"))];
        _machine.Call("a", isLoad: false).Finish();
        Assert.Equal((ModelState.Loading, 3, 10), (State(pool, "a"), Status(pool, "a").Waiting, pool.UsedBytes));
        _machine.Call("a", isLoad: true).Finish();
        ModelLease[] leases = await Task.WhenAll(waiting);
        Assert.Same(leases[0].Model, leases[2].Model);
        Assert.Equal((ModelState.Loaded, 3, 0, 1), (State(pool, "a"), Status(pool, "a").Running, Status(pool, "a").Waiting, _machine.Models.Count));
        await GiveBackAsync(leases);
        await leases[0].DisposeAsync();
        Assert.Equal(0, Status(pool, "a").Running);
    }

    [Fact]
    public async Task The_last_one_to_leave_breaks_the_load_off_and_nobody_before()
    {
        await using ModelPool pool = Pool(new ModelLimits(), Model("a", 10));
        using CancellationTokenSource first = new();
        using CancellationTokenSource second = new();
        Task<ModelLease> one = Rent(pool, "a", first.Token);
        Task<ModelLease> other = Rent(pool, "a", second.Token);
        _machine.Call("a", isLoad: false).Finish();
        FakeCall load = _machine.Call("a", isLoad: true);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        Assert.False(load.Cancellation.IsCancellationRequested);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => other);
        Assert.True(load.Cancellation.IsCancellationRequested);

        // The loader does not heed it: what it brings is freed, and was never lent to anybody.
        load.Finish();
        Assert.Equal((1, ModelState.Unloaded, 0), (_machine.Models[0].Disposals, State(pool, "a"), pool.UsedBytes));
    }

    [Fact]
    public async Task A_request_after_a_broken_off_load_gets_a_load_of_its_own()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 10 }, Model("a", 10));
        using CancellationTokenSource gone = new();
        Task<ModelLease> first = Rent(pool, "a", gone.Token);
        _machine.Call("a", isLoad: false).Finish();
        FakeCall abandoned = _machine.Call("a", isLoad: true);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Task<ModelLease> second = Rent(pool, "a");
        _machine.Call("a", isLoad: false).Finish();
        Assert.Same(abandoned, Assert.Single(_machine.Calls)); // its memory is still taken
        abandoned.Finish(new OperationCanceledException());
        _machine.Call("a", isLoad: true).Finish();
        await GiveBackAsync(await second);
    }

    [Fact]
    public async Task The_least_recently_used_idle_model_gives_way()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 25 }, Instant("a", 10), Instant("b", 10), Instant("c", 10));
        foreach (string name in new[] { "a", "b", "a" })
        {
            await GiveBackAsync(await Rent(pool, name));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await GiveBackAsync(await Rent(pool, "c"));
        Assert.Equal([ModelState.Loaded, ModelState.Unloaded, ModelState.Loaded], pool.Snapshot().Select(status => status.State));
        Assert.Equal(20, pool.UsedBytes);
    }

    [Fact]
    public async Task Nobody_is_unloaded_for_a_load_that_would_not_fit_nevertheless()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 20 }, Instant("a", 10), Instant("b", 10), Instant("large", 20));
        ModelLease busy = await Rent(pool, "b");
        await GiveBackAsync(await Rent(pool, "a"));
        Task<ModelLease> waiting = Rent(pool, "large");
        Assert.Equal((ModelState.Loaded, false), (State(pool, "a"), waiting.IsCompleted));
        await GiveBackAsync(busy);
        await GiveBackAsync(await waiting);
        Assert.Equal(20, pool.UsedBytes);
    }

    [Fact]
    public async Task A_model_that_is_always_busy_gives_way_after_a_while_and_its_requests_end_well()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 10 }, Instant("a", 10), Instant("b", 10));
        ModelLease busy = await Rent(pool, "a");
        Task<ModelLease> other = Rent(pool, "b");
        _time.Advance(TimeSpan.FromSeconds(9));
        ModelLease later = await Rent(pool, "a");
        await GiveBackAsync(busy);
        _time.Advance(TimeSpan.FromSeconds(2));
        Task<ModelLease> tooLate = Rent(pool, "a");
        Assert.False(tooLate.IsCompleted || other.IsCompleted);
        Assert.Equal((ModelState.Loading, 1, 1), (State(pool, "a"), Status(pool, "a").Draining, Status(pool, "a").Running));
        await GiveBackAsync(later);
        await GiveBackAsync(await other);
        await GiveBackAsync(await tooLate);
    }

    [Fact]
    public async Task A_model_that_cannot_fit_is_refused_with_the_numbers()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 20 << 20 }, Instant("small", 5 << 20, pinned: true), Instant("large", 16 << 20));
        await GiveBackAsync(await Rent(pool, "small"));
        ApiException refusal = await Assert.ThrowsAsync<ApiException>(() => Rent(pool, "large"));
        Assert.Equal((503, "model_failed"), (refusal.Error.Status, refusal.Error.Code));
        Assert.Contains("needs 16.0 MiB of memory and can get 15.0 MiB of the 20.0 MiB that all models together may take; pinned models have the rest.", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(ModelState.Loaded, State(pool, "small"));
    }

    [Fact]
    public async Task A_failed_load_is_told_and_tried_again_after_a_pause_that_doubles()
    {
        FakeLoader loader = new(_machine, "a", 10) { IsInstant = true, Fault = new ModelFormatException("/secret/a.gguf", "magic", "wrong.") };
        await using ModelPool pool = Pool(new ModelLimits { LongestRetry = TimeSpan.FromSeconds(3) }, new ModelOnDemand("a", loader));
        foreach (double pause in new[] { 1, 2, 3, 3.0 })
        {
            int prepared = _machine.Calls.Count;
            ApiException told = await Assert.ThrowsAsync<ApiException>(() => Rent(pool, "a"));
            Assert.Equal((503, true), (told.Error.Status, told.Error.RetryLater));
            Assert.DoesNotContain("secret", told.Message, StringComparison.Ordinal);
            _time.Advance(TimeSpan.FromSeconds(pause - 0.1));
            await Assert.ThrowsAsync<ApiException>(() => Rent(pool, "a"));
            Assert.Equal(TimeSpan.FromSeconds(0.1).Ticks, Status(pool, "a").Failure!.RetryTimestamp - _time.GetTimestamp());
            _time.Advance(TimeSpan.FromSeconds(0.1));
        }

        Assert.Equal((ModelState.Failed, 4), (State(pool, "a"), Status(pool, "a").Failure!.Count));
        await Assert.ThrowsAsync<ModelFormatException>(() => pool.LoadAsync(Slot(pool, "a"), keep: false, Cancellation));
        loader.Fault = null;
        await pool.LoadAsync(Slot(pool, "a"), keep: false, Cancellation);
        Assert.Equal((ModelState.Loaded, (LoadFailure?)null), (State(pool, "a"), Status(pool, "a").Failure));
    }

    [Fact]
    public async Task Too_many_who_wait_are_refused_and_too_long_a_wait_ends()
    {
        await using ModelPool pool = Pool(new ModelLimits { WaitingRequests = 2, LongestWait = TimeSpan.FromSeconds(30) }, Model("a", 10));
        Task<ModelLease> first = Rent(pool, "a");
        _time.Advance(TimeSpan.FromSeconds(20));
        Task<ModelLease> second = Rent(pool, "a");
        Assert.Equal(429, (await Assert.ThrowsAsync<ApiException>(() => Rent(pool, "a"))).Error.Status);
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal("model_loading", (await Assert.ThrowsAsync<ApiException>(() => first)).Error.Code);
        _machine.Call("a", isLoad: false).Finish();
        _time.Advance(TimeSpan.FromSeconds(20));
        await Assert.ThrowsAsync<ApiException>(() => second);

        // Who was sent away finds it loaded when he comes again.
        FakeCall load = _machine.Call("a", isLoad: true);
        Assert.False(load.Cancellation.IsCancellationRequested);
        load.Finish();
        await GiveBackAsync(await Rent(pool, "a"));
    }

    [Fact]
    public async Task Idle_models_are_unloaded_pinned_ones_stay()
    {
        await using ModelPool pool = Pool(new ModelLimits { IdleUnload = TimeSpan.FromMinutes(10) }, Instant("a", 10), Instant("pinned", 10, pinned: true));
        await GiveBackAsync(await Rent(pool, "pinned"));
        ModelLease held = await Rent(pool, "a");
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(ModelState.Loaded, State(pool, "a"));
        await GiveBackAsync(held);
        _time.Advance(TimeSpan.FromMinutes(9.9));
        Assert.Equal(ModelState.Loaded, State(pool, "a"));
        _time.Advance(TimeSpan.FromMinutes(0.2));
        Assert.Equal((ModelState.Unloaded, ModelState.Loaded), (State(pool, "a"), State(pool, "pinned")));
    }

    [Fact]
    public async Task Unloading_waits_for_requests_and_new_ones_wait_for_the_next_load()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 10 }, Instant("a", 10));
        ModelLease held = await Rent(pool, "a");
        Task unloading = pool.UnloadAsync(Slot(pool, "a"));
        Assert.Equal((ModelState.Draining, false), (State(pool, "a"), unloading.IsCompleted));
        Task<ModelLease> next = Rent(pool, "a");
        Assert.False(next.IsCompleted);
        await GiveBackAsync(held);
        await unloading;
        ModelLease again = await next;
        Assert.NotSame(held.Model, again.Model);
        await GiveBackAsync(again);
    }

    [Fact]
    public async Task Unloading_a_model_that_loads_tells_who_waits()
    {
        await using ModelPool pool = Pool(new ModelLimits(), Model("a", 10));
        Task<ModelLease> waiting = Rent(pool, "a");
        _machine.Call("a", isLoad: false).Finish();
        Task unloading = pool.UnloadAsync(Slot(pool, "a"));
        Assert.Equal("model_unloaded", (await Assert.ThrowsAsync<ApiException>(() => waiting)).Error.Code);
        Assert.False(unloading.IsCompleted);
        _machine.Call("a", isLoad: true).Finish(new OperationCanceledException());
        await unloading;
    }

    [Fact]
    public async Task A_swap_beside_drops_nobody_and_switches_at_once()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 20 }, Instant("a", 10));
        ModelLease old = await Rent(pool, "a");
        FakeLoader loader = new(_machine, "a2", 10);
        Task swap = pool.SwapAsync(Slot(pool, "a"), loader, keep: false, Cancellation);
        Assert.Equal("model_busy", (await Assert.ThrowsAsync<ApiException>(() => pool.SwapAsync(Slot(pool, "a"), loader, keep: false, Cancellation))).Error.Code);
        _machine.Call("a2", isLoad: false).Finish();
        ModelLease meanwhile = await Rent(pool, "a");
        Assert.Same(old.Model, meanwhile.Model);
        _machine.Call("a2", isLoad: true).Finish();
        await swap;
        ModelLease next = await Rent(pool, "a");
        Assert.Equal(("a2#1", "a2", 3), (NameOf(next), Status(pool, "a").Source, Status(pool, "a").Running));
        Assert.Equal(0, _machine.Models[0].Disposals);
        await GiveBackAsync(old, meanwhile);
        Assert.Equal(1, _machine.Models[0].Disposals);
        await GiveBackAsync(next);
    }

    [Fact]
    public async Task A_swap_without_room_beside_drains_first_and_requests_wait()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 15 }, Instant("a", 10, pinned: true));
        ModelLease old = await Rent(pool, "a");
        Task swap = pool.SwapAsync(Slot(pool, "a"), new FakeLoader(_machine, "a2", 10) { IsInstant = true }, keep: false, Cancellation);
        Task<ModelLease> next = Rent(pool, "a");
        Assert.False(swap.IsCompleted || next.IsCompleted);
        await GiveBackAsync(old);
        await swap;
        Assert.Equal("a2#1", NameOf(await next));
        await GiveBackAsync(await next);
    }

    [Fact]
    public async Task A_swap_that_fails_leaves_the_old_model_also_where_it_had_to_go()
    {
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 15 }, Instant("a", 10));
        await GiveBackAsync(await Rent(pool, "a"));
        FakeLoader loader = new(_machine, "a2", 10);
        Task swap = pool.SwapAsync(Slot(pool, "a"), loader, keep: false, Cancellation);
        _machine.Call("a2", isLoad: false).Finish();
        Task<ModelLease> next = Rent(pool, "a");
        Assert.False(next.IsCompleted);
        _machine.Call("a2", isLoad: true).Finish(new InvalidOperationException("no"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => swap);
        Assert.Equal(("a#2", "a"), (NameOf(await next), Status(pool, "a").Source));
        await GiveBackAsync(await next);
    }

    [Fact]
    public async Task A_model_larger_than_its_loader_said_comes_again_when_there_is_room_for_it()
    {
        FakeLoader liar = new(_machine, "b", 15) { IsInstant = true, ToldBytes = 5 };
        await using ModelPool pool = Pool(new ModelLimits { MemoryBytes = 20 }, Instant("a", 10), new ModelOnDemand("b", liar));
        await GiveBackAsync(await Rent(pool, "a"));
        ModelLease lease = await Rent(pool, "b");
        Assert.Equal(("b#2", 15, ModelState.Unloaded), (NameOf(lease), pool.UsedBytes, State(pool, "a")));
        await GiveBackAsync(lease);
    }

    [Fact]
    public async Task The_end_of_the_server_frees_all_and_tells_who_waits()
    {
        ModelPool pool = Pool(new ModelLimits(), Instant("a", 10), Model("b", 10));
        ModelLease held = await Rent(pool, "a");
        Task<ModelLease> waiting = Rent(pool, "b");
        Task closing = pool.DisposeAsync().AsTask();
        Assert.Equal("shutting_down", (await Assert.ThrowsAsync<ApiException>(() => waiting)).Error.Code);
        Assert.Equal("shutting_down", (await Assert.ThrowsAsync<ApiException>(() => Rent(pool, "a"))).Error.Code);
        Assert.False(closing.IsCompleted);
        _machine.Call("b", isLoad: false).Finish();
        await GiveBackAsync(held);
        await closing;
        Assert.Equal(1, _machine.Models.Single().Disposals);
    }

    [Fact]
    public async Task A_ready_made_model_stays_its_owners()
    {
        ModelSlot slot = new(new ServedModel("fixed", new ScriptedSource(), 64));
        ModelPool pool = new([slot], new ModelLimits { IdleUnload = TimeSpan.FromSeconds(1) }, _time, NullLogger.Instance);
        await GiveBackAsync(await pool.RentAsync(slot, Cancellation));
        _time.Advance(TimeSpan.FromDays(1));
        await pool.LoadAsync(slot, keep: false, Cancellation);
        Assert.Equal("model_is_fixed", (await Assert.ThrowsAsync<ApiException>(() => pool.UnloadAsync(slot))).Error.Code);
        Assert.Equal(ModelState.Loaded, pool.Snapshot(slot).State);
        await pool.DisposeAsync();
    }

    ModelPool Pool(ModelLimits limits, params ModelOnDemand[] models) =>
        new(models.Select(model => new ModelSlot(model)), limits, _time, NullLogger.Instance);

    ModelOnDemand Model(string id, long bytes) => new(id, new FakeLoader(_machine, id, bytes));

    ModelOnDemand Instant(string id, long bytes, bool pinned = false) => new(id, new FakeLoader(_machine, id, bytes) { IsInstant = true }) { Pinned = pinned };

    static ModelSlot Slot(ModelPool pool, string id) => pool.Slots.Single(slot => slot.Id == id);

    static ModelStatus Status(ModelPool pool, string id) => pool.Snapshot(Slot(pool, id));

    static ModelState State(ModelPool pool, string id) => Status(pool, id).State;

    static string NameOf(ModelLease lease) => ((FakeModel)lease.Model.Source).Name;

    static Task<ModelLease> Rent(ModelPool pool, string id, CancellationToken? cancellation = null) => pool.RentAsync(Slot(pool, id), cancellation ?? Cancellation).AsTask();

    static async Task GiveBackAsync(params ModelLease[] leases)
    {
        foreach (ModelLease lease in leases)
        {
            await lease.DisposeAsync();
        }
    }
}
