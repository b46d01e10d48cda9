using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using OpenAutoGlm.Cli.Load.Shape;

namespace OpenAutoGlm.Cli;

/// <summary>
/// How flags are made: name, doc and parsing in one place, and refusals that name the flag, the value and what is
/// allowed. Flags that several commands have are here too, so that they read and mean the same everywhere.
/// </summary>
static class Flags
{
    public static Option<bool> Json() => Switch("--json", "Print one JSON object instead of text.");

    public static Option<string?> Model() => Text("--model", "model", "A GGUF file, a model folder, a name on the hub (organisation/model), or synth:SHAPE for random weights. Default: autoglm-nano, the built-in model.", "-m");

    public static Option<string?> Cache() =>
        Text("--cache", "folder", "Folder for models that were fetched or made. Default: $AUTOGLM_CACHE, else open-autoglm in the user's cache folder.");

    public static Option<int?> Threads() => Int("--threads", "Threads that compute. Default: one on every core.", 1, 1024, "-t");

    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    public static Option<string?> Text(string name, string helpName, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = helpName };

    public static Option<int?> Int(string name, string description, int least, int most, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = "n",
        CustomParser = result => int.TryParse(Only(result), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : Refuse<int?>(result, name, most == int.MaxValue ? $"a whole number of at least {least}" : $"a whole number from {least} to {most}"),
    };

    public static Option<ulong?> Seed() => new("--seed")
    {
        Description = "Makes the random draws repeatable. Default: another seed every time.",
        HelpName = "n",
        CustomParser = result => ulong.TryParse(Only(result), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : Refuse<ulong?>(result, "--seed", "a whole number from 0 to 18446744073709551615"),
    };

    public static Option<float?> Number(string name, string description, float least, float most, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = "x",
        CustomParser = result => float.TryParse(Only(result), NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && value >= least && value <= most
            ? value
            : Refuse<float?>(result, name, most == float.MaxValue ? $"a number of at least {Text(least)}" : $"a number from {Text(least)} to {Text(most)}"),
    };

    public static Option<long?> Bytes(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "size",
        CustomParser = result => ByteSize.TryParse(Only(result), out long value)
            ? value
            : Refuse<long?>(result, name, "a size such as 512M, 4G or 6.5GiB"),
    };

    public static Option<int[]?> Ids(string name, string description) => List(name, description, "token ids with commas between them");

    public static Option<int[]?> Counts(string name, string description, params string[] aliases) => List(name, description, "whole numbers with commas between them", aliases);

    /// <summary>Numbers above 0, or from 0, with commas between them.</summary>
    public static Option<double[]?> Numbers(string name, string description, bool orZero = false) => new(name)
    {
        Description = description,
        HelpName = "1,2,4",
        CustomParser = result =>
        {
            string[] parts = Only(result).Split(',', StringSplitOptions.TrimEntries);
            double[] values = new double[parts.Length];
            for (int i = 0; i < parts.Length; i++)
            {
                if (!double.TryParse(parts[i], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out values[i]) || values[i] is not (>= 0 and <= 1e6) || (values[i] == 0 && !orZero))
                {
                    return Refuse<double[]?>(result, name, $"numbers {(orZero ? "from" : "above")} 0 with commas between them");
                }
            }

            return values;
        },
    };

    /// <summary>A time such as 250ms, 30s, 1.5m or 2h.</summary>
    public static Option<TimeSpan?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = result => Durations.TryParse(Only(result), out TimeSpan value) ? value : Refuse<TimeSpan?>(result, name, "a time such as 250ms, 30s, 1.5m or 2h"),
    };

    /// <summary>What a parser of its own reads; null for what it does not take.</summary>
    public static Option<T?> Parsed<T>(string name, string helpName, string description, string wanted, Func<string, T?> parse) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result => parse(Only(result)) is { } value ? value : Refuse<T?>(result, name, wanted),
    };

    static Option<int[]?> List(string name, string description, string wanted, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = "1,2,3",
        CustomParser = result =>
        {
            string[] parts = Only(result).Split(',', StringSplitOptions.TrimEntries);
            int[] values = new int[parts.Length];
            for (int i = 0; i < parts.Length; i++)
            {
                if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out values[i]))
                {
                    return Refuse<int[]?>(result, name, wanted);
                }
            }

            return values;
        },
    };

    public static Option<string?> OneOf(string name, string description, params string[] values)
    {
        Option<string?> option = new(name)
        {
            Description = description,
            HelpName = string.Join('|', values),
            CustomParser = result => values.Contains(Only(result)) ? Only(result) : Refuse<string?>(result, name, string.Join(" or ", values)),
        };
        option.CompletionSources.Add(values);
        return option;
    }

    /// <summary>Some of a set of names, with commas between them.</summary>
    public static Option<string[]?> Names(string name, string helpName, string description, IReadOnlyCollection<string> allowed)
    {
        Option<string[]?> option = new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result =>
            {
                string[] names = Only(result).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                return names.Length > 0 && names.All(allowed.Contains) ? names : Refuse<string[]?>(result, name, $"names with commas between them, out of {string.Join(", ", allowed)}");
            },
        };
        option.CompletionSources.Add([.. allowed]);
        return option;
    }

    static string Only(ArgumentResult result) => result.Tokens.Count == 1 ? result.Tokens[0].Value : "";

    static string Text(float value) => value.ToString(CultureInfo.InvariantCulture);

    static T? Refuse<T>(ArgumentResult result, string name, string wanted)
    {
        result.AddError($"{name} takes {wanted}, and '{Only(result)}' is none");
        return default;
    }
}
