using System.Collections.Immutable;

namespace OpenAutoGlm.Engine.Sampling;

public class SamplerTests
{
    static readonly float[] Logits = [.. Enumerable.Range(0, 19).Select(i => MathF.Sin(i * 1.7f) * 2.5f)];

    [Fact]
    public void Greedy_takes_the_largest_and_the_lowest_id_among_equals()
    {
        Assert.Equal(2, Choose([1, 2, 3, 3, -1], SamplingOptions.Greedy));
        Assert.Equal(0, Choose([0, 0, 0], SamplingOptions.Greedy));
        Assert.Equal(1, Choose([float.NegativeInfinity, -3e38f, float.NegativeInfinity], SamplingOptions.Greedy));
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(0.5f)]
    [InlineData(2f)]
    public void Draws_follow_the_softmax_at_the_temperature(float temperature) =>
        CheckDistribution(new SamplingOptions { Temperature = temperature }, Softmax(Logits, temperature));

    [Fact]
    public void Top_k_draws_follow_the_softmax_of_the_k_largest()
    {
        double[] expected = Softmax(Logits, 1);
        int[] kept = [.. Enumerable.Range(0, Logits.Length).OrderByDescending(i => Logits[i]).Take(5)];
        CheckDistribution(new SamplingOptions { TopK = 5 }, [.. expected.Select((p, i) => kept.Contains(i) ? p : 0)]);
    }

    [Theory]
    [InlineData(0.05f)]
    [InlineData(0.5f)]
    [InlineData(0.85f)]
    [InlineData(0.999f)]
    public void Top_p_draws_follow_the_softmax_of_the_fewest_that_reach_it(float topP)
    {
        double[] expected = Softmax(Logits, 1.2f);
        double sum = 0;
        foreach (int i in Enumerable.Range(0, Logits.Length).OrderByDescending(i => Logits[i]))
        {
            double p = expected[i];
            expected[i] = sum < topP ? p : 0;
            sum += p;
        }

        CheckDistribution(new SamplingOptions { Temperature = 1.2f, TopP = topP }, expected);
    }

    [Fact]
    public void Min_p_keeps_what_is_likely_enough_beside_the_most_likely()
    {
        double[] expected = Softmax(Logits, 1);
        double floor = 0.2f * expected.Max();
        CheckDistribution(new SamplingOptions { MinP = 0.2f }, [.. expected.Select(p => p >= floor ? p : 0)]);
    }

    [Fact]
    public void Filters_work_one_on_what_the_other_left()
    {
        // Of 0.4, 0.3, 0.2, 0.1 the first three are kept, and then the fewest that reach 0.7 of their 0.9.
        float[] logits = [.. new[] { 0.1, 0.4, 0.2, 0.3 }.Select(p => (float)Math.Log(p))];
        CheckDistribution(new SamplingOptions { TopK = 3, TopP = 0.7f }, [0, 0.4, 0, 0.3], logits);
    }

    [Theory]
    [InlineData(0, 1f, 0f)]
    [InlineData(-1, 1f, 0f)]
    [InlineData(19, 1f, 0f)]
    [InlineData(1000, 1f, 0f)]
    public void Filters_that_are_off_change_nothing(int topK, float topP, float minP) =>
        CheckDistribution(new SamplingOptions { TopK = topK, TopP = topP, MinP = minP }, Softmax(Logits, 1));

    [Fact]
    public void The_tightest_filters_leave_the_most_likely_token()
    {
        int best = Array.IndexOf(Logits, Logits.Max());
        foreach (SamplingOptions options in new SamplingOptions[] { new() { TopK = 1 }, new() { TopP = float.Epsilon }, new() { MinP = 1 }, new() { Temperature = float.Epsilon } })
        {
            Assert.All(Enumerable.Range(0, 50), position => Assert.Equal(best, Choose(Logits, options, position)));
        }
    }

    [Fact]
    public void Among_equals_filters_keep_the_lowest_ids()
    {
        float[] equal = new float[40];
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], Support(equal, new SamplingOptions { TopK = 7 }));
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], Support(equal, new SamplingOptions { TopP = 0.25f }));
        Assert.Equal(40, Support(equal, new SamplingOptions { MinP = 1 }).Length);
    }

    [Fact]
    public void Truncation_keeps_what_sorting_would_keep()
    {
        Random random = new(5);
        Truncation truncation = new();
        for (int round = 0; round < 300; round++)
        {
            float[] weights = new float[random.Next(1, 400)];
            foreach (ref float weight in weights.AsSpan())
            {
                weight = random.Next(4) == 0 ? 0.25f : (float)Math.Exp(-random.NextDouble() * (round % 30));
            }

            int count = random.Next(1, weights.Length + 2);
            float[] most = [.. weights];
            truncation.KeepMost(most, count);
            int[] order = [.. Enumerable.Range(0, weights.Length).OrderByDescending(i => weights[i])]; // stable: lowest ids first
            Assert.Equal(order.Take(count).Order(), Kept(most));

            double mass = random.NextDouble() * weights.Sum(weight => (double)weight);
            float[] heavy = [.. weights];
            truncation.KeepMass(heavy, mass);
            double sum = 0;
            Assert.Equal(order.TakeWhile(i => (sum += weights[i]) - weights[i] < mass).Order(), Kept(heavy));
        }

        static IEnumerable<int> Kept(float[] weights) => Enumerable.Range(0, weights.Length).Where(i => weights[i] > 0);
    }

    [Fact]
    public void Filters_over_a_large_vocabulary_choose_what_filters_over_all_of_it_sorted_would()
    {
        Random random = new(7);
        float[] logits = new float[30_011];
        Sampler sampler = new(logits.Length);
        for (int round = 0; round < 60; round++)
        {
            // From nearly flat, where all tokens matter, to steep, where a few do; some equal, some ruled out.
            double steepness = Math.Pow(2, (round % 10) - 5);
            foreach (ref float logit in logits.AsSpan())
            {
                logit = random.Next(20) switch { 0 => 1, 1 => float.NegativeInfinity, _ => (float)(steepness * Math.Log(random.NextDouble())) };
            }

            SamplingOptions options = new()
            {
                Temperature = random.Next(2) == 0 ? 1 : 0.7f,
                TopK = (round / 10) switch { 0 or 1 => 0, 2 => random.Next(1, 100), _ => random.Next(1, 40_000) },
                TopP = random.Next(3) == 0 ? 1 : 1 - (0.999f * random.NextSingle()),
                MinP = random.Next(3) == 0 ? 0.3f * random.NextSingle() : 0,
            };
            DrawKey key = new(99, round, round);
            Assert.Equal(BySorting(logits, options, key.Uniform()), sampler.Sample(logits, options, null, null, key));
        }
    }

    [Fact]
    public void The_largest_is_found_wherever_it_stands()
    {
        for (int length = 1; length < 40; length++)
        {
            float[] row = [.. Enumerable.Range(0, length).Select(i => -100f - i)];
            for (int place = 0; place < length; place++)
            {
                row[place] = 5;
                row[^1] = Math.Max(row[^1], 5); // an equal one at the end
                Assert.Equal((place, 5), Argmax.Of(row));
                row[place] = row[^1] = -7;
            }
        }

        Assert.Equal((-1, float.NegativeInfinity), Argmax.Of([.. Enumerable.Repeat(float.NegativeInfinity, 33)]));
        Assert.Equal((0, float.MinValue), Argmax.Of([.. Enumerable.Repeat(float.MinValue, 33)]));
    }

    [Fact]
    public void A_token_said_often_loses_even_when_the_choice_is_greedy()
    {
        SamplingOptions options = SamplingOptions.Greedy with { FrequencyPenalty = 0.2f };
        TokenHistory history = new([0]);
        List<int> tokens = [];
        for (int i = 0; i < 6; i++)
        {
            tokens.Add(Choose([1.5f, 1.4f, 0.5f], options, history: history));
            history.Add(tokens[^1]);
        }

        Assert.Equal([0, 1, 0, 1, 0, 1], tokens);
    }

    [Fact]
    public void Presence_counts_a_token_of_the_answer_once_and_the_prompt_not_at_all()
    {
        TokenHistory history = new([2]);
        history.Add(0);
        history.Add(0);
        float[] logits = [1, 1, 1, 1];
        history.Penalise(logits, new SamplingOptions { PresencePenalty = 0.5f });
        Assert.Equal([0.5f, 1, 1, 1], logits);
        history.Penalise(logits, new SamplingOptions { FrequencyPenalty = -0.25f });
        Assert.Equal([1, 1, 1, 1], logits);
    }

    [Fact]
    public void Repetition_counts_the_prompt_too_and_shrinks_logits_of_either_sign()
    {
        TokenHistory history = new([2, 3]);
        history.Add(0);
        float[] logits = [4, 4, -4, 4];
        history.Penalise(logits, new SamplingOptions { RepetitionPenalty = 2 });
        Assert.Equal([2, 4, -8, 2], logits);
        history.Penalise(logits, new SamplingOptions { RepetitionPenalty = float.Epsilon });
        Assert.Equal(float.MaxValue, logits[0]);
    }

    [Fact]
    public void A_bias_moves_a_token_and_minus_100_bans_it()
    {
        ImmutableDictionary<int, float> none = ImmutableDictionary<int, float>.Empty;
        Assert.Equal(1, Choose([3, 1, 2], SamplingOptions.Greedy with { LogitBias = none.Add(1, 2.5f) }));
        SamplingOptions banned = new() { LogitBias = none.Add(0, -100) };
        Assert.Equal([1, 2], Support([300, 1, 2], banned));
    }

    [Fact]
    public void A_mask_rules_tokens_out_and_ruling_out_all_is_an_error()
    {
        Mask onlyTwo = new(2);
        Assert.Equal(2, Choose([3, 1, 2], SamplingOptions.Greedy, mask: onlyTwo));
        Assert.Equal(2, Choose([3, 1, 2], new SamplingOptions(), mask: onlyTwo));
        ArithmeticException error = Assert.Throws<ArithmeticException>(() => Choose([3, 1, 2], new SamplingOptions(), mask: new Mask(-1)));
        Assert.Contains("ruled out", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Logits_that_are_no_numbers_are_an_error_that_names_the_token(float bad)
    {
        foreach (float temperature in new[] { 0f, 1f })
        {
            SamplingOptions options = new() { Temperature = temperature };
            ArithmeticException error = Assert.Throws<ArithmeticException>(() => Choose([1, 2, bad, 3], options));
            Assert.Contains("token 2", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_model_before_penalties_and_temperature()
    {
        Sampler sampler = new(Logits.Length);
        TokenLogprobs logprobs = sampler.Logprobs(Logits, new SamplingOptions { Temperature = 9, Logprobs = 4 }, 7)!;
        double[] expected = Softmax(Logits, 1);
        int[] order = [.. Enumerable.Range(0, Logits.Length).OrderByDescending(i => Logits[i])];
        Assert.Equal(Math.Log(expected[7]), logprobs.Chosen, 1e-5);
        Assert.Equal(order[..4], logprobs.Top.Select(top => top.Token));
        Assert.All(logprobs.Top, top => Assert.Equal(Math.Log(expected[top.Token]), top.Logprob, 1e-5));
        Assert.Empty(sampler.Logprobs(Logits, new SamplingOptions { Logprobs = 0 }, 7)!.Top);
        Assert.Null(sampler.Logprobs(Logits, new SamplingOptions(), 7));
        Assert.Equal([0, 1, 2], new Sampler(5).Logprobs(new float[5], new SamplingOptions { Logprobs = 3 }, 0)!.Top.Select(top => top.Token));
        Assert.Equal(2, new Sampler(2).Logprobs(new float[2], new SamplingOptions { Logprobs = 20 }, 0)!.Top.Length);
    }

    [Theory]
    [InlineData("temperature", -0.1)]
    [InlineData("temperature", double.NaN)]
    [InlineData("temperature", double.PositiveInfinity)]
    [InlineData("top_k", -2)]
    [InlineData("top_p", 0)]
    [InlineData("top_p", 1.01)]
    [InlineData("top_p", double.NaN)]
    [InlineData("min_p", -0.01)]
    [InlineData("min_p", 1.01)]
    [InlineData("repetition_penalty", 0)]
    [InlineData("repetition_penalty", double.PositiveInfinity)]
    [InlineData("presence_penalty", 2.01)]
    [InlineData("frequency_penalty", -2.01)]
    [InlineData("frequency_penalty", double.NaN)]
    [InlineData("top_logprobs", 21)]
    [InlineData("top_logprobs", -1)]
    [InlineData("logit_bias", 100.5)]
    [InlineData("logit_bias", double.NaN)]
    public void Values_out_of_range_are_refused_by_name(string parameter, double value)
    {
        float single = (float)value;
        SamplingOptions options = parameter switch
        {
            "temperature" => new() { Temperature = single },
            "top_k" => new() { TopK = (int)value },
            "top_p" => new() { TopP = single },
            "min_p" => new() { MinP = single },
            "repetition_penalty" => new() { RepetitionPenalty = single },
            "presence_penalty" => new() { PresencePenalty = single },
            "frequency_penalty" => new() { FrequencyPenalty = single },
            "top_logprobs" => new() { Logprobs = (int)value },
            _ => new() { LogitBias = ImmutableDictionary<int, float>.Empty.Add(1, single) },
        };
        RequestRefusedException refusal = Assert.Throws<RequestRefusedException>(options.Validate);
        Assert.Equal((RefusalReason.InvalidParameter, parameter), (refusal.Reason, refusal.Parameter));
        Assert.Equal((double)single, refusal.Value!.Value);
    }

    [Fact]
    public void Values_at_the_edges_of_their_ranges_are_accepted()
    {
        new SamplingOptions { Temperature = 0, TopK = -1, TopP = 1, MinP = 0, PresencePenalty = -2, FrequencyPenalty = 2, Logprobs = 0 }.Validate();
        new SamplingOptions { Temperature = 1e6f, TopK = int.MaxValue, TopP = 1e-9f, MinP = 1, PresencePenalty = 2, FrequencyPenalty = -2, Logprobs = 20 }.Validate();
    }

    static int Choose(float[] logits, SamplingOptions options, int position = 0, TokenHistory? history = null, ITokenMask? mask = null) =>
        new Sampler(logits.Length).Sample(logits, options, history, mask, new DrawKey(99, 0, position));

    /// <summary>The definition: filters over the sorted weights, and a draw over what they leave, in rising ids.</summary>
    static int BySorting(float[] logits, SamplingOptions options, double uniform)
    {
        float[] weights = new float[logits.Length];
        Sampling.Softmax.Exponentiate(logits, logits.Max(), options.Temperature, weights);
        int[] order = [.. Enumerable.Range(0, weights.Length).Where(i => weights[i] > 0).OrderByDescending(i => weights[i])];
        order = options.TopK > 0 ? [.. order.Take(options.TopK)] : order;
        if (options.TopP < 1)
        {
            double enough = options.TopP * order.Sum(i => (double)weights[i]);
            double taken = 0;
            order = [.. order.TakeWhile(i => (taken += weights[i]) - weights[i] < enough)];
        }

        int[] left = [.. order.Where(i => weights[i] >= options.MinP).Order()];
        double target = uniform * left.Sum(i => (double)weights[i]);
        double sum = 0;
        return left.FirstOrDefault(i => (sum += weights[i]) > target, left[^1]);
    }

    static int[] Support(float[] logits, SamplingOptions options) =>
        [.. Enumerable.Range(0, 3000).Select(position => Choose(logits, options, position)).Distinct().Order()];

    static double[] Softmax(float[] logits, float temperature)
    {
        double[] weights = [.. logits.Select(logit => Math.Exp(logit / temperature))];
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    /// <summary>Draws 20,000 times and compares with the given weights: none where they are 0, chi-square elsewhere.</summary>
    static void CheckDistribution(SamplingOptions options, double[] weights, float[]? logits = null)
    {
        const int Draws = 20_000;
        logits ??= Logits;
        Sampler sampler = new(logits.Length);
        int[] counts = new int[logits.Length];
        for (int position = 0; position < Draws; position++)
        {
            counts[sampler.Sample(logits, options, null, null, new DrawKey(4, 0, position))]++;
        }

        double sum = weights.Sum();
        double chiSquare = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            double expected = Draws * weights[i] / sum;
            Assert.True(weights[i] > 0 || counts[i] == 0, $"Token {i} was ruled out, but drawn.");
            chiSquare += expected > 0 ? Math.Pow(counts[i] - expected, 2) / expected : 0;
        }

        // At most 18 degrees of freedom: 42.3 is exceeded once in 1,000, and the draws are fixed.
        Assert.InRange(chiSquare, 0, 42.3);
    }

    sealed class Mask(int allowed) : ITokenMask
    {
        public void Apply(Span<float> logits)
        {
            for (int token = 0; token < logits.Length; token++)
            {
                logits[token] = token == allowed ? logits[token] : float.NegativeInfinity;
            }
        }

        public void Accept(int token)
        {
        }
    }
}
