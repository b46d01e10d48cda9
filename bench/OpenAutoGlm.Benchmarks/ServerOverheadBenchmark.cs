using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Generation;
using OpenAutoGlm.Engine.Sampling;
using OpenAutoGlm.Server;

namespace OpenAutoGlm.Benchmarks;

/// <summary>
/// What the wire costs: the same requests given to the engine directly and through the server, in turn and in one
/// process. The clients' own work (sockets, lines of the stream) runs on the same cores and counts against the server.
/// </summary>
static class ServerOverheadBenchmark
{
    const int PromptTokens = 16;
    const int FirstTokenTries = 40;

    internal static async Task RunAsync(string model, int clients, int tokens, int rounds)
    {
        await using AutoInferenceEngine engine = await AutoInferenceEngine.FromPretrainedAsync(
            model, new AutoInferenceOptions { Engine = new EngineOptions { MaxSequences = clients } });
        await using AutoGlmServer server = new(new ServerOptions { Port = 0 }, engine.Served("model"));
        await server.StartAsync();
        using HttpClient http = new() { BaseAddress = new Uri(server.Urls.First()), Timeout = Timeout.InfiniteTimeSpan };
        int seed = 0;

        await DirectAsync(engine, Prompt(seed++), tokens);
        await WireAsync(http, Prompt(seed++), tokens);

        double[] ratios = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            double direct = await RateAsync(() => DirectAsync(engine, Prompt(Interlocked.Increment(ref seed)), tokens));
            double wire = await RateAsync(() => WireAsync(http, Prompt(Interlocked.Increment(ref seed)), tokens));
            ratios[round] = wire / direct;
            Console.WriteLine($"round {round + 1}: engine {direct:N1} tokens/s, server {wire:N1} tokens/s, {ratios[round]:P1}");
        }

        Array.Sort(ratios);
        Console.WriteLine($"{clients} clients, {tokens} tokens each: the server reaches {ratios[rounds / 2]:P1} of the engine (median; {ratios[0]:P1} to {ratios[^1]:P1})");

        double[] first = new double[FirstTokenTries];
        double[] firstByWire = new double[FirstTokenTries];
        for (int i = 0; i < FirstTokenTries; i++)
        {
            first[i] = await DirectAsync(engine, Prompt(Interlocked.Increment(ref seed)), 1);
            firstByWire[i] = await WireAsync(http, Prompt(Interlocked.Increment(ref seed)), 1);
        }

        Array.Sort(first);
        Array.Sort(firstByWire);
        Console.WriteLine(
            $"first token of {PromptTokens}: engine {first[FirstTokenTries / 2] * 1e3:N2} ms, server {firstByWire[FirstTokenTries / 2] * 1e3:N2} ms, "
            + $"{(firstByWire[FirstTokenTries / 2] - first[FirstTokenTries / 2]) * 1e3:N2} ms more (medians of {FirstTokenTries})");

        async Task<double> RateAsync(Func<Task> request)
        {
            long start = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(request)));
            return clients * tokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    /// <summary>Seconds to the first token.</summary>
    static async Task<double> DirectAsync(AutoInferenceEngine engine, ImmutableArray<int> prompt, int tokens)
    {
        long start = Stopwatch.GetTimestamp();
        double first = 0;
        await using TextGeneration generation = engine.Generator.Start(new GenerationRequest
        {
            Prompt = new GenerationPrompt.Tokens(prompt),
            MaxTokens = tokens,
            IgnoreEndOfTurn = true,
            Sampling = new SamplingOptions { Temperature = 0 },
        });
        await foreach (GenerationEvent next in generation.ReadAllAsync())
        {
            first = first == 0 ? Stopwatch.GetElapsedTime(start).TotalSeconds : first;
        }

        return first;
    }

    /// <inheritdoc cref="DirectAsync"/>
    static async Task<double> WireAsync(HttpClient http, ImmutableArray<int> prompt, int tokens)
    {
        string body = string.Create(CultureInfo.InvariantCulture,
            $"{{\"model\":\"model\",\"prompt\":[{string.Join(',', prompt)}],\"max_tokens\":{tokens},\"ignore_eos\":true,\"temperature\":0,\"stream\":true}}");
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions")
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        long start = Stopwatch.GetTimestamp();
        double first = 0;
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        bool done = false;
        while (await lines.ReadLineAsync() is { } line)
        {
            first = first == 0 && line.Length > 0 ? Stopwatch.GetElapsedTime(start).TotalSeconds : first;
            done |= line == "data: [DONE]";
        }

        return done ? first : throw new InvalidDataException("The stream broke off.");
    }

    // Prompts share no prefix, so that none finds what another left behind.
    static ImmutableArray<int> Prompt(int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, PromptTokens).Select(_ => random.Next(100, 400))];
    }
}
