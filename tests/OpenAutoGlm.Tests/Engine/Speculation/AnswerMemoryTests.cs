namespace OpenAutoGlm.Engine.Speculation;

public class AnswerMemoryTests
{
    [Fact]
    public void What_followed_is_found_and_nothing_behind_an_end()
    {
        AnswerMemory memory = new(1000);
        memory.Remember(null, [1, 2, 3, 4]);
        memory.Remember(null, [4, 7, 2, 3, 9]);
        Assert.Equal([9, NgramIndex.End], Following(memory.Find(null, [8, 2, 3])));
        Assert.Equal(3, memory.Find(null, [5, 1, 2, 3]).Agreeing);
        Assert.Equal([4, NgramIndex.End], Following(memory.Find(null, [5, 1, 2, 3]))[..2]);
        Assert.Equal([7, 2, 3, 9, NgramIndex.End], Following(memory.Find(null, [3, 4])));
        Assert.Equal(0, memory.Find(null, [5]).Agreeing);
        Assert.Equal(0, memory.Find(null, [9]).Agreeing);
    }

    [Fact]
    public void Salts_do_not_see_each_other()
    {
        AnswerMemory memory = new(1000);
        memory.Remember("one", [1, 2, 3]);
        memory.Remember(null, [1, 2, 4]);
        Assert.Equal([3, NgramIndex.End], Following(memory.Find("one", [1, 2])));
        Assert.Equal([4, NgramIndex.End], Following(memory.Find(null, [1, 2])));
        Assert.Equal(default, memory.Find("two", [1, 2]));
        Assert.Equal(default, memory.Find("", [1, 2]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(200)]
    [InlineData(3000)]
    public void No_more_is_remembered_than_may_be_and_the_latest_of_it(int capacity)
    {
        Random random = new(capacity);
        AnswerMemory memory = new(capacity);
        for (int i = 0; i < 2000; i++)
        {
            string? salt = random.Next(8) switch
            {
                0 => null,
                int named => $"{named * random.Next(1, 20)}",
            };
            int[] answer = [.. Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(1000))];
            memory.Remember(salt, answer);
            _ = memory.Find($"{random.Next(100)}", [random.Next(1000)]);
            Assert.InRange(memory.Count, 0, capacity);
            Assert.InRange(memory.SaltCount, 0, capacity / AnswerMemory.SaltTokens);
        }

        memory.Remember(null, [11, 12, 13, 14]);
        Passage found = memory.Find(null, [11, 12]);
        Assert.Equal(capacity >= 9 ? [13, 14, NgramIndex.End] : [], Following(found));
    }

    [Fact]
    public void Who_was_not_there_for_longest_is_forgotten_first()
    {
        AnswerMemory memory = new(100);
        memory.Remember("one", [1, 2, 3, 4, 5, 6]);
        memory.Remember("two", [1, 2, 3, 4, 5, 6]);
        _ = memory.Find("one", [1]);
        for (int i = 0; i < 7; i++)
        {
            memory.Remember("three", [7, 8, 9, 10, 11, i]);
        }

        Assert.Equal(0, memory.Find("two", [1, 2]).Agreeing);
        Assert.Equal(2, memory.Find("one", [1, 2]).Agreeing);
        Assert.Equal(2, memory.Find("three", [7, 8]).Agreeing);
        Assert.Equal(2, memory.SaltCount);
    }

    static int[] Following(Passage passage) => passage.Text is null ? [] : [.. passage.Text[passage.Position..]];
}
