using System.Collections.Immutable;
using OpenAutoGlm.Cli.Load.Shape;
using OpenAutoGlm.Engine.Traces;

namespace OpenAutoGlm.Cli.Load.Prompts;

/// <summary>What is asked. The same index and seed always give the same conversation.</summary>
interface IWorkload
{
    /// <summary>How many there are; null without end.</summary>
    int? Count { get; }

    /// <summary>One of them.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <param name="seed">Another seed makes other lengths.</param>
    /// <param name="salt">Another salt makes other tokens, so that nothing is known to a server from an earlier point of a sweep.</param>
    Conversation At(int index, int seed, int salt);
}

/// <summary>Made-up prompts with drawn lengths. All of them may begin with the same tokens.</summary>
sealed record MadeUpWorkload(Lengths PromptTokens, Lengths OutputTokens, int SharedPrefix, int Turns, int PrefixSeed) : IWorkload
{
    public int? Count => null;

    public Conversation At(int index, int seed, int salt)
    {
        Random random = new(HashOf(seed, index));
        var turns = ImmutableArray.CreateBuilder<Turn>(Turns);
        for (int turn = 0; turn < Turns; turn++)
        {
            PromptPart own = new(PromptPart.Mix(PromptPart.Mix((ulong)salt, (ulong)index), (ulong)turn), PromptTokens.Draw(random));
            turns.Add(new Turn(null, turn == 0 && SharedPrefix > 0 ? [new PromptPart(PromptPart.Mix(0x5AFE, (ulong)PrefixSeed), SharedPrefix), own] : [own], OutputTokens.Draw(random)));
        }

        return new Conversation([], turns.MoveToImmutable());
    }

    static int HashOf(int seed, int index) => (int)(PromptPart.Mix((ulong)seed, (ulong)index) >> 33);
}

/// <summary>Requests of a trace, with made-up tokens that repeat where the trace's did.</summary>
sealed record TraceWorkload(Trace Trace) : IWorkload
{
    public int? Count => Trace.Requests.Length;

    public Conversation At(int index, int seed, int salt) => Conversation.Of(new Turn(null, Trace.Prompt(index, (ulong)salt), Trace.Requests[index].OutputTokens));
}

/// <summary>Conversations of a file, over and over.</summary>
sealed record FileWorkload(ImmutableArray<Conversation> Conversations) : IWorkload
{
    public int? Count => null;

    public Conversation At(int index, int seed, int salt) => Conversations[index % Conversations.Length];
}
