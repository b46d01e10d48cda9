using System.Collections.Immutable;
using OpenAutoGlm.Optimization.Training.Data;

namespace OpenAutoGlm.Optimization.Training;

public sealed class TrainingDataTests
{
    [Fact]
    public void An_epoch_has_every_example_once_and_the_next_one_another_order()
    {
        TrainingData data = new(Examples(100), new DataOptions { BatchTokens = 16, SequenceTokens = 8, WindowExamples = 10 });
        List<int> first = [], second = [];
        while (data.Epochs < 1)
        {
            first.AddRange(FirstIds(data.Next()));
        }

        while (data.Epochs < 2)
        {
            second.AddRange(FirstIds(data.Next()));
        }

        Assert.Equal(Enumerable.Range(0, 100), first.Order());
        Assert.Equal(Enumerable.Range(0, 100), second.Order());
        Assert.NotEqual(first, second);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Any_place_can_be_gone_to_and_gives_what_followed_it(int threads)
    {
        DataOptions options = new() { BatchTokens = 16, SequenceTokens = 8, WindowExamples = 7, Threads = threads };
        TrainingData data = new(Examples(40), options);
        List<(DataPosition Before, TrainingBatch Batch)> taken = [];
        for (int i = 0; i < 60; i++)
        {
            taken.Add((data.Position, data.Next()));
        }

        foreach (int from in new[] { 0, 1, 9, 30, 59 })
        {
            TrainingData other = new(Examples(40), options with { Threads = 2 });
            other.MoveTo(taken[from].Before);
            for (int i = from; i < taken.Count; i++)
            {
                Assert.Equal(taken[i].Batch.Ids, other.Next().Ids);
            }
        }
    }

    [Fact]
    public void A_token_sees_its_own_example_only_and_is_to_foretell_what_follows_it()
    {
        TrainingBatch batch = Assert.Single(BatchPacker.Pack([TrainingExample.Of(1, 2, 3), new TrainingExample([4, 5], [0, 0.5f])], 8));
        Assert.Equal([1, 2, 4], batch.Ids);
        Assert.Equal([2, 3, 5], batch.Targets);
        Assert.Equal([0, 1, 0], batch.Positions);
        Assert.Equal([0, 0, 1], batch.Segments);
        Assert.Equal([1, 1, 0.5f], batch.Weights);
    }

    [Fact]
    public void Batches_hold_all_examples_within_their_size_and_are_nearly_full()
    {
        Draws draws = new(5);
        List<TrainingExample> examples = [.. Enumerable.Range(0, 500).Select(_ => TrainingExample.Of(new int[2 + draws.Below(60)]))];
        List<TrainingBatch> batches = BatchPacker.Pack(examples, 256);
        Assert.All(batches, batch => Assert.InRange(batch.Ids.Length, 1, 256));
        Assert.Equal(examples.Sum(example => example.RunTokens), batches.Sum(batch => batch.Ids.Length));
        Assert.True(batches.Sum(batch => batch.Ids.Length) >= 0.95 * 256 * (batches.Count - 1));
    }

    [Theory]
    [InlineData(LengthStrategy.TruncateEnd, new[] { 0, 1, 2, 3, 4 }, new float[] { 0, 0, 1, 1, 1 })]
    [InlineData(LengthStrategy.TruncateFront, new[] { 5, 6, 7, 8, 9 }, new float[] { 1, 1, 1, 1, 1 })]
    [InlineData(LengthStrategy.TruncateMiddle, new[] { 0, 1, 7, 8, 9 }, new float[] { 0, 0, 0, 1, 1 })]
    public void A_long_example_is_cut_as_asked(LengthStrategy strategy, int[] ids, float[] weights)
    {
        TrainingExample whole = new([.. Enumerable.Range(0, 10)], [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
        TrainingExample? cut = strategy.Fit(whole, 4);
        Assert.Equal(ids, cut!.Ids);
        Assert.Equal(weights, cut.Weights);
        Assert.Null(LengthStrategy.Drop.Fit(whole, 4));
        Assert.Same(whole, LengthStrategy.Drop.Fit(whole, 9));
    }

    [Fact]
    public void A_text_is_cut_at_other_places_in_every_epoch_and_every_window_is_a_piece_of_it()
    {
        int[] ids = [.. Enumerable.Range(0, 1000)];
        TextExamples text = new("text", ids, 32, seed: 3);
        HashSet<int> starts = [];
        for (int epoch = 0; epoch < 10; epoch++)
        {
            for (int i = 0; i < text.Count; i++)
            {
                ImmutableArray<int> window = text.Read(i, epoch).Ids;
                Assert.Equal(Enumerable.Range(window[0], 33), window);
            }

            starts.Add(text.Read(0, epoch).Ids[0]);
        }

        Assert.InRange(starts.Count, 3, 10);
    }

    [Fact]
    public void Data_without_anything_to_learn_is_refused_and_not_searched_for_ever()
    {
        TrainingData data = new(new ExampleList("silence", [new TrainingExample([1, 2], [0, 0])]), new DataOptions());
        Assert.Contains("silence", Assert.Throws<InvalidDataException>(() => data.Next()).Message);
    }

    [Fact]
    public void Batches_shrink_until_memory_holds_them_and_are_then_added_up()
    {
        Assert.Equal(new BatchSize(4096, 1), BatchSize.For(4096, 512, tokens => tokens, 5000));
        Assert.Equal(new BatchSize(1408, 3), BatchSize.For(4096, 512, tokens => tokens, 1500));
        Assert.Contains("512", Assert.Throws<ArgumentException>(() => BatchSize.For(4096, 512, tokens => tokens, 500)).Message);
    }

    internal static ExampleList Examples(int count, int vocab = 1000) =>
        new($"{count} examples", [.. Enumerable.Range(0, count).Select(i => TrainingExample.Of([i, .. Enumerable.Range(0, 1 + (i % 7)).Select(j => ((i * 3) + j) % vocab)]))]);

    static IEnumerable<int> FirstIds(TrainingBatch batch) => Enumerable.Range(0, batch.Ids.Length).Where(i => batch.Positions[i] == 0).Select(i => batch.Ids[i]);
}
