namespace OpenAutoGlm.Engine.Kv;

/// <summary>
/// Random histories of sequences that attach, grow, write, keep, share, trim, forget and go, over memory that remembers
/// of each place which tokens, of whom, it was computed from. Books, tree and lists are checked after every turn; what is
/// attached must have been computed from the same tokens for the same tenant, and be all that is known.
/// </summary>
public class KvSimulationTests
{
    static readonly string?[] Tenants = [null, "", "a"];
    static readonly PrefixHash Contents = new(5, 6);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whoever_attaches_finds_what_was_computed_from_its_own_tokens(bool collide)
    {
        Totals totals = new();
        for (int seed = 0; seed < 120; seed++)
        {
            new History(seed, window: 0, collide, totals).Play(turns: 400, checkEvery: 1);
        }

        totals.RequireAllReached();
    }

    [Fact]
    public void A_window_changes_nothing_about_it()
    {
        Totals totals = new();
        for (int seed = 0; seed < 120; seed++)
        {
            new History(seed, window: 1 + (seed % 11), collide: false, totals).Play(turns: 400, checkEvery: 1);
        }

        totals.RequireAllReached();
    }

    [Fact]
    public void A_file_behind_the_memory_changes_nothing_about_it()
    {
        Totals totals = new();
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            for (int seed = 0; seed < 60; seed++)
            {
                PrefixCacheOptions options = new() { StorePath = Path.Combine(folder, "store"), StoreBytes = 4096 * (2 + (seed % 40)) };
                new History(seed, window: 0, collide: seed % 3 == 0, totals, options).Play(turns: 400, checkEvery: 1);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        totals.RequireAllReached();
        Assert.True(totals.Promoted > 200, $"{totals.Promoted}");
    }

    [Fact]
    public void A_million_turns_leave_the_books_in_order()
    {
        Totals totals = new();
        for (int seed = 1000; seed < 1005; seed++)
        {
            new History(seed, window: 0, collide: false, totals).Play(turns: 200_000, checkEvery: 4999);
        }

        totals.RequireAllReached();
    }

    sealed class Totals
    {
        internal int Hits { get; set; }

        internal int Evictions { get; set; }

        internal int RefusedGrowth { get; set; }

        internal int RefusedOwning { get; set; }

        internal int Copies { get; set; }

        internal long Promoted { get; set; }

        internal void RequireAllReached() =>
            Assert.All([Hits, Evictions, RefusedGrowth, RefusedOwning, Copies], reached => Assert.True(reached > 50, $"{Hits} {Evictions} {RefusedGrowth} {RefusedOwning} {Copies}"));
    }

    sealed class Actor
    {
        internal List<int> Tokens { get; } = [];

        internal BlockTable Table { get; } = new();

        internal int Computed { get; set; }

        internal CacheScope Scope { get; init; }
    }

    sealed class History
    {
        readonly Random _random;
        readonly KvMemory _memory;
        readonly FakeMemory _bytes;
        readonly List<Actor> _actors = [];
        readonly HashSet<long> _kept = []; // what was ever offered to others: the end of a block, by tokens and tenant
        readonly int _blocks;
        readonly int _blockTokens;
        readonly int _window;
        readonly int _vocabulary;
        readonly Totals _totals;
        int _lost; // blocks that the cache may have done without

        internal History(int seed, int window, bool collide, Totals totals, PrefixCacheOptions? options = null)
        {
            _random = new Random(seed);
            _blocks = _random.Next(2, 30);
            _blockTokens = _random.Next(1, 5);
            _vocabulary = _random.Next(1, 4);
            (_window, _totals) = (window, totals);
            _bytes = new FakeMemory(_blocks, _blockTokens);
            _memory = new KvMemory(
                new KvPool(_blocks, _blockTokens, _bytes), options ?? new PrefixCacheOptions(), window, hash: collide ? new PrefixCacheTests.ColludingHash() : new PrefixHash(3, 4));
        }

        internal void Play(int turns, int checkEvery)
        {
            for (int turn = 0; turn < turns; turn++)
            {
                Actor? actor = _actors.Count == 0 ? null : _actors[_random.Next(_actors.Count)];
                switch (_random.Next(10))
                {
                    case 0 when _actors.Count < 6:
                        Begin();
                        break;
                    case 1 when actor is not null && _actors.Count < 6:
                        Share(actor);
                        break;
                    case 2 when actor is not null:
                        Trim(actor);
                        break;
                    case 3 when actor is not null:
                        _memory.Release(actor.Table);
                        _actors.Remove(actor);
                        break;
                    case 4 when actor is not null:
                        Preempt(actor);
                        break;
                    default:
                        if (actor is not null)
                        {
                            Compute(actor);
                        }

                        break;
                }

                if (turn % checkEvery == 0)
                {
                    Check();
                }
            }

            _actors.ForEach(actor => _memory.Release(actor.Table));
            _actors.Clear();
            Check();
            Assert.Equal(_blocks, _memory.AvailableCount);
            _totals.Evictions += (int)_memory.Statistics.Evictions;
            _totals.Copies += _bytes.Copies;
            _totals.Promoted += _memory.Statistics.TokensPromoted;
            Assert.Equal(0, _memory.Statistics.Store?.Damaged ?? 0);
            _memory.Dispose();
        }

        void Begin()
        {
            Actor actor = new() { Scope = new CacheScope(Tenants[_random.Next(Tenants.Length)], (CacheRetention)_random.Next(3)) };
            Extend(actor, _random.Next(1, _blocks * _blockTokens));
            _actors.Add(actor);
            Attach(actor);
        }

        void Preempt(Actor actor)
        {
            _memory.Release(actor.Table);
            Attach(actor);
        }

        void Attach(Actor actor)
        {
            ReadOnlySpan<int> tokens = Span(actor);
            int known = _memory.Known(tokens, actor.Scope);
            int found = _memory.Attach(actor.Table, tokens, actor.Scope);
            Assert.True(found == known || (found > known && _memory.Statistics.TokensPromoted > 0), $"{found} of {known} tokens were found.");
            Assert.Equal(found, actor.Table.Count * _blockTokens);
            Assert.True(found < tokens.Length);
            actor.Computed = found;
            Verify(actor);
            _totals.Hits += found > 0 ? 1 : 0;

            // What was not found was never offered, or gave way: while nothing has, all that was offered is found.
            int offered = 0;
            while (offered + _blockTokens < tokens.Length && _kept.Contains(Content(tokens[..(offered + _blockTokens)], actor.Scope.Tenant)))
            {
                offered += _blockTokens;
            }

            bool isAll = found == offered;
            Assert.True(isAll || (found < offered && _memory.Statistics.Evictions + _lost > 0), $"{found} of {offered} tokens were found, after {_memory.Statistics.Evictions} evictions and {_lost} blocks lost otherwise.");
        }

        void Share(Actor actor)
        {
            Actor twin = new() { Scope = actor.Scope, Computed = actor.Computed };
            twin.Tokens.AddRange(actor.Tokens);
            _memory.Share(actor.Table, twin.Table);
            _actors.Add(twin);
        }

        void Trim(Actor actor)
        {
            int from = Math.Max(1, actor.Table.Forgotten * _blockTokens);
            int tokens = _random.Next(Math.Min(from, actor.Tokens.Count), actor.Tokens.Count + 1);
            _memory.Trim(actor.Table, tokens);
            actor.Tokens.RemoveRange(tokens, actor.Tokens.Count - tokens);
            actor.Computed = Math.Min(actor.Computed, tokens);
            Verify(actor);
        }

        void Compute(Actor actor)
        {
            Extend(actor, _random.Next(2));
            int end = Math.Min(actor.Tokens.Count, actor.Computed + _random.Next(1, 2 * _blockTokens));
            int missing = _memory.BlocksFor(end) - actor.Table.Count;
            int available = _memory.AvailableCount;
            bool grew = _memory.TryGrow(actor.Table, end);
            Assert.Equal(missing <= available, grew);
            if (!grew)
            {
                _totals.RefusedGrowth++;
                return;
            }

            int kept = _memory.Statistics.KeptBlocks;
            if (!_memory.TryOwn(actor.Table, actor.Computed))
            {
                _totals.RefusedOwning++;
                return;
            }

            _lost += kept - _memory.Statistics.KeptBlocks;
            for (; actor.Computed < end; actor.Computed++)
            {
                _bytes[Slot(actor, actor.Computed)] = Content(Span(actor)[..(actor.Computed + 1)], actor.Scope.Tenant);
            }

            _memory.Keep(actor.Table, Span(actor)[..end], actor.Scope);
            for (int block = _blockTokens; block <= end && actor.Scope.Retention != CacheRetention.None; block += _blockTokens)
            {
                _kept.Add(Content(Span(actor)[..block], actor.Scope.Tenant));
            }

            if (_window > 0)
            {
                _memory.Forget(actor.Table, end - _window + 1);
                _lost++;
            }

            Verify(actor);
        }

        void Check()
        {
            _memory.CheckInvariants(_actors.Select(actor => actor.Table));
            HashSet<int> held = [.. _actors.SelectMany(actor => actor.Table.Blocks[actor.Table.Forgotten..].ToArray())];
            Assert.Equal(_blocks - held.Count, _memory.AvailableCount);
            _actors.ForEach(Verify);
        }

        void Verify(Actor actor)
        {
            for (int position = actor.Table.Forgotten * _blockTokens; position < actor.Computed; position++)
            {
                Assert.Equal(Content(Span(actor)[..(position + 1)], actor.Scope.Tenant), _bytes[Slot(actor, position)]);
            }
        }

        int Slot(Actor actor, int position) => (actor.Table.Blocks[position / _blockTokens] * _blockTokens) + (position % _blockTokens);

        void Extend(Actor actor, int count)
        {
            for (int i = 0; i < count && actor.Tokens.Count < _blocks * _blockTokens; i++)
            {
                actor.Tokens.Add(_random.Next(_vocabulary));
            }
        }

        static ReadOnlySpan<int> Span(Actor actor) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(actor.Tokens);

        // Another hash than the cache's, and of everything at once.
        static long Content(ReadOnlySpan<int> tokens, string? tenant) => (long)(Contents.Of(Contents.OfTenant(tenant), tokens) >> 1);
    }
}
