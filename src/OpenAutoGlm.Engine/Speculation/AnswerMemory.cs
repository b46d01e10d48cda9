using System.Runtime.InteropServices;

namespace OpenAutoGlm.Engine.Speculation;

/// <summary>A place in a text, what stands there being a guess of what comes next.</summary>
/// <param name="Text">The text; null for no place.</param>
/// <param name="Position">Of the first guess.</param>
/// <param name="Agreeing">How many tokens before it agree with the last ones.</param>
readonly record struct Passage(List<int>? Text, int Position, int Agreeing);

/// <summary>
/// The latest answers, findable by any of their tokens: people who use one server ask for things that resemble each other, and one model
/// says them in its own way. Answers to requests with another salt are never found, for how soon an answer comes would tell what others were told.
/// </summary>
/// <remarks>
/// Source: Oliaro et al. 2024, "SuffixDecoding"; He et al. 2023, "REST". Memory is about 130 bytes a token. An answer stands in the younger of
/// two volumes of its salt; when that is full, the older one is forgotten. Many salts share what one may have, and the one that was longest
/// not used is forgotten first.
/// </remarks>
sealed class AnswerMemory(int capacity)
{
    /// <summary>What a salt counts for beside its answers, for that is about what it takes: many salts with little each cost no more memory than one with much.</summary>
    internal const int SaltTokens = 16;

    readonly Dictionary<string, Shelf> _shelves = new(StringComparer.Ordinal);
    readonly Shelf _nobodys = new();
    long _clock;

    /// <summary>Tokens that are remembered, ends of answers and <see cref="SaltTokens"/> among them: no more than may be.</summary>
    internal int Count { get; private set; }

    /// <summary>Salts of which something is remembered, none not counted.</summary>
    internal int SaltCount => _shelves.Count;

    /// <summary>Remembers an answer, or the end of one that is longer than a volume.</summary>
    internal void Remember(string? salt, ReadOnlySpan<int> answer)
    {
        int most = (capacity / 2) - 1;
        answer = answer[^Math.Min(answer.Length, Math.Max(0, most))..];
        if (answer.Length < 2)
        {
            return;
        }

        if (ShelfOf(salt) is not { } shelf)
        {
            _shelves.Add(salt!, shelf = new Shelf());
            Count += SaltTokens;
        }

        shelf.UsedAt = ++_clock;
        if (shelf.Younger.Text.Count + answer.Length + 1 > capacity / 2)
        {
            Count -= shelf.Older.Text.Count;
            (shelf.Older, shelf.Younger) = (shelf.Younger, new Volume());
        }

        shelf.Younger.Add(answer);
        Count += answer.Length + 1;
        while (Count > capacity)
        {
            ForgetSome();
        }
    }

    /// <summary>Finds where the last of some tokens stand in answers with a salt: most of them, in the latest among equals.</summary>
    internal Passage Find(string? salt, ReadOnlySpan<int> tokens)
    {
        if (ShelfOf(salt) is not { } shelf)
        {
            return default;
        }

        shelf.UsedAt = ++_clock;
        Passage younger = shelf.Younger.Find(tokens);
        Passage older = shelf.Older.Find(tokens);
        return older.Agreeing > younger.Agreeing ? older : younger;
    }

    Shelf? ShelfOf(string? salt) => salt is null ? _nobodys : _shelves.GetValueOrDefault(salt);

    /// <summary>Forgets the older volume of the salt that was longest not used, or all of it where it has but one.</summary>
    void ForgetSome()
    {
        (string? salt, Shelf shelf) = (null, _nobodys);
        foreach ((string other, Shelf candidate) in _shelves)
        {
            if (shelf.Count == 0 || candidate.UsedAt < shelf.UsedAt)
            {
                (salt, shelf) = (other, candidate);
            }
        }

        if (shelf.Older.Text.Count == 0)
        {
            (shelf.Older, shelf.Younger) = (shelf.Younger, new Volume());
        }

        Count -= shelf.Older.Text.Count;
        shelf.Older = new Volume();
        if (salt is not null && shelf.Count == 0)
        {
            _shelves.Remove(salt);
            Count -= SaltTokens;
        }
    }

    /// <summary>The answers to requests with one salt.</summary>
    sealed class Shelf
    {
        internal Volume Younger { get; set; } = new();

        internal Volume Older { get; set; } = new();

        internal long UsedAt { get; set; }

        internal int Count => Younger.Text.Count + Older.Text.Count;
    }

    /// <summary>Answers one behind the other, each with an end.</summary>
    sealed class Volume
    {
        readonly NgramIndex _index = new();

        internal List<int> Text { get; } = [];

        internal void Add(ReadOnlySpan<int> answer)
        {
            Text.AddRange(answer);
            Text.Add(NgramIndex.End);
            _index.Enter(CollectionsMarshal.AsSpan(Text));
        }

        internal Passage Find(ReadOnlySpan<int> tokens)
        {
            EarlierPlace place = _index.Find(CollectionsMarshal.AsSpan(Text), tokens);
            return place.Agreeing > 0 ? new Passage(Text, place.Position, place.Agreeing) : default;
        }
    }
}
