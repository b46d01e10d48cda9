using System.Text;

namespace OpenAutoGlm.Optimization.Training.Nano;

/// <summary>
/// Makes lists of elements of which some are asked for, in another order: the answer is their lines. Nothing teaches as fast
/// to find a name and copy what stands behind it, since every token of the answer is a copy.
/// </summary>
static class FindTasks
{
    const string English = "Find:";
    const string Chinese = "查找：";

    /// <summary>One conversation.</summary>
    public static NanoExample Make(Dice dice, NanoSplit split, NanoLanguage language)
    {
        Names names = new(dice, split);
        List<PhoneElement> elements = [];
        int count = dice.From(3, 9);
        while (elements.Count < count)
        {
            string name = elements.Count > 0 && dice.Percent(15) ? names.Near(elements[^1].Name, language) : names.Element(language);
            if (elements.TrueForAll(other => !other.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
            {
                elements.Add(new PhoneElement(name, dice.From(5, 995), dice.From(5, 995)));
            }
        }

        StringBuilder question = new(language == NanoLanguage.English ? English : Chinese);
        List<PhoneElement> wanted = [.. elements];
        dice.Shuffle(wanted);
        wanted = wanted[..dice.From(2, count)];
        wanted.ForEach(element => question.Append('\n').Append(element.Name));
        string screen = new PhoneScreen(names.App(language), elements).First(question.ToString());
        string answer = string.Join('\n', wanted.Select(element => $"{element.Name} {element.Place}"));
        return new NanoExample("find", language, [new NanoMessage("user", screen), new NanoMessage("assistant", answer)], answer, Thinks: true) { Ability = NanoAbility.Phone };
    }
}
