namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// Draws names of apps, elements and texts: words, words put together, and sounds that mean nothing, so that a model has to
/// copy what it reads. A name belongs to one split by its hash.
/// </summary>
sealed class Names(Dice dice, NanoSplit split)
{
    /// <summary>A name of an app.</summary>
    public string App(NanoLanguage language) => Draw(() => dice.Percent(15) ? dice.Pick(NameWords.Apps) : Plain(language));

    /// <summary>A name of something on the screen.</summary>
    public string Element(NanoLanguage language) => Draw(() => Plain(language));

    /// <summary>A name that shares a part with another.</summary>
    public string Near(string other, NanoLanguage language) => Draw(() =>
    {
        bool isEnglish = other.All(char.IsAscii);
        string[] words = other.Split(' ');
        string kept = isEnglish ? words[dice.Below(words.Length)] : other[..Math.Max(1, other.Length / 2)];
        string added = isEnglish ? EnglishWord() : ChineseWord();
        return isEnglish ? (dice.Percent(50) ? $"{kept} {added}" : $"{added} {kept}") : (dice.Percent(50) ? kept + added : added + kept);
    });

    /// <summary>Something to type.</summary>
    public string Text(NanoLanguage language) => Draw(() => dice.Below(10) switch
    {
        0 => Number(),
        1 => $"{Sounds()}{Number()}",
        2 => $"{Sounds().ToLowerInvariant()}@{Sounds().ToLowerInvariant()}.com",
        < 6 => Plain(language) + (language == NanoLanguage.English ? " " : "") + Plain(language),
        _ => Plain(language),
    });

    /// <summary>A button that spends money.</summary>
    public string Payment(NanoLanguage language) => Draw(() => split == NanoSplit.Train && dice.Percent(35) ? Spending(language) : language == NanoLanguage.English
        ? dice.Below(5) switch
        {
            0 => dice.Pick("Pay", "Transfer", "Pay now", "Confirm payment", "Transfer now", "Confirm transfer"),
            1 => $"Pay {dice.From(1, 999)}",
            2 => $"Pay {EnglishWord()}",
            3 => $"{EnglishWord()} payment",
            _ => $"Transfer {EnglishWord()}",
        }
        : dice.Below(5) switch
        {
            0 => dice.Pick("支付", "付款", "转账", "立即支付", "确认支付", "确认付款", "立即付款", "确认转账"),
            1 => $"支付{dice.From(1, 999)}元",
            2 => $"支付{ChineseWord()}",
            3 => $"{ChineseWord()}付款",
            _ => $"转账{ChineseWord()}",
        });

    /// <summary>More ways to spend money, for training: the word that tells stands anywhere.</summary>
    string Spending(NanoLanguage language) => language == NanoLanguage.English
        ? dice.Below(5) switch
        {
            0 => $"Confirm {dice.Pick("transfer", "payment", "pay")} {dice.From(1, 999)}",
            1 => $"Confirm {EnglishWord()} {dice.Pick("transfer", "payment")}",
            2 => $"{EnglishWord()} transfer",
            3 => $"{dice.Pick("Send", "Start", "Finish", "Complete", "Approve", "Make")} {dice.Pick("transfer", "the transfer", "payment", "the payment")}",
            _ => $"{EnglishWord()} {dice.Pick("pay", "transfer")} {dice.From(1, 99)}",
        }
        : dice.Below(3) switch
        {
            0 => $"{dice.Pick("确认", "立即", "马上", "开始", "完成")}{dice.Pick("转账", "支付", "付款")}{dice.From(1, 999)}元",
            1 => $"{dice.Pick("确认", "立即", "继续", "同意")}{dice.Pick("转账", "支付", "付款")}{ChineseWord()}",
            _ => $"{ChineseWord()}{dice.Pick("转账", "支付")}",
        };

    string Plain(NanoLanguage language)
    {
        bool isEnglish = language == NanoLanguage.English ? !dice.Percent(6) : dice.Percent(12);
        bool isStrange = split == NanoSplit.Train && dice.Percent(20);
        return isEnglish ? (isStrange ? EnglishPieces() : English()) : (isStrange ? AnyCharacters(dice.From(2, 4)) : Chinese());
    }

    string English() => dice.Below(10) switch
    {
        < 3 => EnglishWord(),
        < 5 => $"{EnglishWord()} {EnglishWord()}",
        < 6 => $"{EnglishWord()} {EnglishWord().ToLowerInvariant()}",
        < 8 => Sounds(),
        8 => $"{Sounds()} {EnglishWord()}",
        _ => $"{EnglishWord()} {dice.From(1, 99)}",
    };

    /// <summary>The beginning of one word and the end of another: so training sees the parts of words that it never sees whole.</summary>
    string EnglishPieces()
    {
        string first = dice.Pick(NameWords.AllEnglish);
        string second = dice.Pick(NameWords.AllEnglish);
        return first[..dice.From(1, first.Length)] + second[dice.Below(second.Length)..];
    }

    string Chinese() => dice.Below(10) switch
    {
        < 3 => ChineseWord(),
        < 5 => ChineseWord() + ChineseWord(),
        < 8 => Characters(dice.From(2, 4)),
        8 => Characters(dice.From(1, 2)) + ChineseWord(),
        _ => ChineseWord() + dice.From(1, 99),
    };

    string Draw(Func<string> next)
    {
        while (true)
        {
            string name = next();
            if (Dice.SplitOf(name) == split)
            {
                return name;
            }
        }
    }

    string Number() => string.Concat(Enumerable.Range(0, dice.From(2, 6)).Select(_ => dice.Below(10).ToString(System.Globalization.CultureInfo.InvariantCulture)));

    string EnglishWord() => dice.Pick(NameWords.EnglishWords);

    string ChineseWord() => dice.Pick(NameWords.ChineseWords);

    string Characters(int count) => string.Concat(Enumerable.Range(0, count).Select(_ => NameWords.Characters[dice.Below(NameWords.Characters.Length)]));

    string AnyCharacters(int count) => string.Concat(Enumerable.Range(0, count).Select(_ => dice.Pick(NameWords.AllCharacters)));

    string Sounds()
    {
        string sounds = string.Concat(Enumerable.Range(0, dice.From(2, 3)).Select(_ => dice.Pick(NameWords.Syllables)));
        return char.ToUpperInvariant(sounds[0]) + sounds[1..];
    }
}
