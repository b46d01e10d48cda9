using System.Text.Json;
using OpenAutoGlm.Server.OpenAi.ResponsesApi;

namespace OpenAutoGlm.Server.Dialects;

public class ResponseStoreTests
{
    [Fact]
    public void The_least_recently_used_goes_first()
    {
        ResponseStore store = new(2, 1 << 20, TimeSpan.FromHours(1), new HandClock());
        store.Add("me", Response("a"));
        store.Add("me", Response("b"));
        Assert.NotNull(store.Find("me", "a"));
        store.Add("me", Response("c"));
        Assert.Equal((true, false, true), (store.Find("me", "a") is not null, store.Find("me", "b") is not null, store.Find("me", "c") is not null));
        Assert.Null(store.Find("you", "a"));
        Assert.Null(store.FindItem("you", "item-a"));
        Assert.False(store.Remove("you", "a"));
    }

    [Fact]
    public void Time_ends_what_nobody_removed()
    {
        HandClock clock = new();
        ResponseStore store = new(10, 1 << 20, TimeSpan.FromSeconds(10), clock);
        store.Add("me", Response("a"));
        clock.Advance(9);
        store.Add("me", Response("b"));
        Assert.NotNull(store.Find("me", "a"));
        clock.Advance(1);
        Assert.Null(store.Find("me", "a"));
        Assert.Null(store.FindItem("me", "item-a"));
        Assert.NotNull(store.Find("me", "b"));
        clock.Advance(9);
        Assert.Null(store.FindItem("me", "item-b"));
        Assert.Equal((0, 0L), (store.Count, store.Bytes));
    }

    [Fact]
    public void An_item_is_found_in_the_latest_response_that_has_it()
    {
        ResponseStore store = new(10, 1 << 20, TimeSpan.FromHours(1), new HandClock());
        StoredResponse first = Response("a");
        store.Add("me", first);
        store.Add("me", Response("b") with { Input = [.. first.Items] });
        store.Remove("me", "a");
        Assert.Equal("item-a", store.FindItem("me", "item-a")!.Value.GetProperty("id").GetString());
        store.Remove("me", "b");
        Assert.Null(store.FindItem("me", "item-a"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_history_breaks_a_bound(int seed)
    {
        Random random = new(seed);
        HandClock clock = new();
        ResponseStore store = new(20, 20_000, TimeSpan.FromSeconds(50), clock);
        Dictionary<(string, string), StoredResponse> added = [];
        for (int step = 0; step < 3000; step++)
        {
            (string owner, string id) = ($"owner-{random.Next(3)}", $"r{random.Next(60)}");
            switch (random.Next(4))
            {
                case 0 when store.Find(owner, id) is null:
                    store.Add(owner, added[(owner, id)] = Response(id, random.Next(5000)));
                    break;
                case 1:
                    store.Remove(owner, id);
                    Assert.Null(store.Find(owner, id));
                    break;
                case 2:
                    clock.Advance(random.Next(4));
                    break;
                default:
                    Assert.True(store.Find(owner, id) is not { } found || found == added[(owner, id)]);
                    break;
            }

            Assert.InRange(store.Count, 0, 20);
            Assert.InRange(store.Bytes, 0, 20_000);
        }

        clock.Advance(50);
        Assert.Null(store.Find("nobody", ""));
        Assert.Equal((0, 0L), (store.Count, store.Bytes));
    }

    [Fact]
    public void One_that_is_larger_than_the_store_is_not_kept()
    {
        ResponseStore store = new(10, 2000, TimeSpan.FromHours(1), new HandClock());
        store.Add("me", Response("small"));
        store.Add("me", Response("large", 3000));
        Assert.NotNull(store.Find("me", "small"));
        Assert.Null(store.Find("me", "large"));
    }

    static StoredResponse Response(string id, int length = 1) =>
        new(id, JsonElement.Parse($"\"{id}\""), [], [JsonElement.Parse($$"""{"id": "item-{{id}}", "text": "{{new string('x', length)}}"}""")]);
}
