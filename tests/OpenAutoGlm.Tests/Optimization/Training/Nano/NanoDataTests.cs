using System.Reflection;
using System.Text;
using OpenAutoGlm.Optimization.Evaluation.Tasks;

namespace OpenAutoGlm.Optimization.Training.Nano;

public sealed class NanoDataTests
{
    const int Many = 3000;

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        Assert.Equal(Written(3), Written(3));
        Assert.NotEqual(Written(3), Written(4));
    }

    [Fact]
    public void Both_languages_and_all_abilities_come_in_their_shares()
    {
        NanoExample[] examples = [.. NanoData.Generate(1, NanoSplit.Train, new NanoMix(50, 30, 5)).Take(Many)];
        Assert.InRange(examples.Count(example => example.Language == NanoLanguage.Chinese) / (double)Many, 0.45, 0.55);
        Assert.InRange(examples.Count(example => example.Ability == NanoAbility.Phone) / (double)Many, 0.51, 0.59);
        Assert.InRange(examples.Count(example => example.Ability == NanoAbility.Arithmetic) / (double)Many, 0.26, 0.34);
        Assert.All(examples, example => Assert.Equal("assistant", example.Messages[^1].Role));
    }

    [Fact]
    public void No_question_is_in_both_splits()
    {
        HashSet<string> learnt = Questions(NanoSplit.Train);
        Assert.DoesNotContain(Questions(NanoSplit.HeldOut), learnt.Contains);
    }

    [Fact]
    public void Phrasings_that_are_held_out_are_not_learnt()
    {
        Bilingual[] all = [.. Fields<Bilingual>(typeof(PhonePhrases)), .. Fields<Bilingual>(typeof(ArithmeticPhrases)), .. Fields<Bilingual>(typeof(TalkPhrases)), .. TalkPhrases.Topics.Select(topic => topic.Questions)];
        Assert.True(all.Length > 30);
        Assert.All(all.SelectMany(both => new[] { both.English, both.Chinese }), phrases =>
        {
            Assert.NotEmpty(phrases.HeldOut);
            Assert.Empty(phrases.HeldOut.Where(phrase => phrase != "{x}").Intersect(phrases.Train));
        });
    }

    [Fact]
    public void A_name_belongs_to_one_split()
    {
        Names learnt = new(new Dice(1), NanoSplit.Train);
        Names heldOut = new(new Dice(1), NanoSplit.HeldOut);
        HashSet<string> known = [.. Enumerable.Range(0, Many).SelectMany(_ => Drawn(learnt))];
        Assert.DoesNotContain(Enumerable.Range(0, Many).SelectMany(_ => Drawn(heldOut)), known.Contains);

        static string[] Drawn(Names names) => [names.App(NanoLanguage.English), names.Element(NanoLanguage.Chinese), names.Text(NanoLanguage.English), names.Payment(NanoLanguage.Chinese)];
    }

    [Theory]
    [InlineData("phone")]
    [InlineData("arithmetic")]
    [InlineData("arithmetic-silent")]
    [InlineData("talk")]
    public void Tasks_are_read_by_the_evaluation(string name)
    {
        using MemoryStream stream = new();
        NanoTasks.Write(stream, NanoTasks.Questions(name).Take(50));
        TaskFile task = TaskFile.Parse($"{name}.jsonl", Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Equal(50, task.Items.Length);
        Assert.Equal(25, task.Items.Count(item => item.Group.EndsWith(" zh", StringComparison.Ordinal)));
        Assert.All(task.Items, item => Assert.Single(Assert.IsType<GenerateItem>(item).Answers));
    }

    [Fact]
    public void A_task_of_another_name_is_refused_with_all_names() =>
        Assert.Contains("phone, arithmetic, arithmetic-silent, talk", Assert.Throws<ArgumentException>(() => NanoTasks.Questions("chess").First()).Message);

    static string Written(ulong seed)
    {
        using MemoryStream stream = new();
        NanoData.Write(stream, NanoData.Generate(seed, NanoSplit.Train, NanoMix.Default).Take(200));
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    static HashSet<string> Questions(NanoSplit split) => [.. NanoData.Generate(9, split, NanoMix.Default).Take(Many).Select(example => string.Join('\n', example.Messages.Where(message => message.Role == "user").Select(message => message.Content)))];

    static IEnumerable<T> Fields<T>(Type type) => type.GetFields(BindingFlags.Static | BindingFlags.Public).Select(field => field.GetValue(null)).OfType<T>();
}
