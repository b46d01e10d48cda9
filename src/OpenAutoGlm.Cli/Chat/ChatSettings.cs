using System.Globalization;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Engine.Sampling;

namespace OpenAutoGlm.Cli.Chat;

/// <summary>What /set changes: each setting with its name, its doc and its parsing.</summary>
sealed class ChatSettings(SamplingOptions sampling, int? maxTokens)
{
    static readonly Setting[] All =
    [
        new("temperature", "0 always takes the likeliest token", (settings, value) => settings.Sampling = settings.Sampling with { Temperature = Float(value) }, settings => settings.Sampling.Temperature),
        new("top-p", "fewest tokens whose probabilities add up to this", (settings, value) => settings.Sampling = settings.Sampling with { TopP = Float(value) }, settings => settings.Sampling.TopP),
        new("top-k", "as many of the likeliest tokens; 0 for all", (settings, value) => settings.Sampling = settings.Sampling with { TopK = Int(value) }, settings => settings.Sampling.TopK),
        new("min-p", "tokens at least this many times as likely as the likeliest", (settings, value) => settings.Sampling = settings.Sampling with { MinP = Float(value) }, settings => settings.Sampling.MinP),
        new("repetition-penalty", "over 1 avoids what was said", (settings, value) => settings.Sampling = settings.Sampling with { RepetitionPenalty = Float(value) }, settings => settings.Sampling.RepetitionPenalty),
        new("seed", "makes answers repeatable; 'none' for another every time", (settings, value) => settings.Sampling = settings.Sampling with { Seed = value == "none" ? null : ULong(value) }, settings => settings.Sampling.Seed),
        new("max-tokens", "longest answer; 'none' for the rest of the context", (settings, value) => settings.MaxTokens = value == "none" ? null : Int(value), settings => settings.MaxTokens),
        new("thinking", "on or off, for models that can do both; 'none' leaves it to the model", (settings, value) => settings.Thinking = Switch(value), settings => settings.Thinking is { } on ? on ? "on" : "off" : null),
    ];

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; private set; } = sampling;

    /// <summary>Longest answer.</summary>
    public int? MaxTokens { get; private set; } = maxTokens;

    /// <summary>The template's enable_thinking; null leaves it out.</summary>
    public bool? Thinking { get; private set; }

    /// <summary>All settings with their values, one a line.</summary>
    public IEnumerable<string> Describe() =>
        All.Select(setting => string.Create(CultureInfo.InvariantCulture, $"{setting.Name,-20}{setting.Read(this) ?? "none",-8} {setting.Meaning}"));

    /// <summary>Changes one.</summary>
    /// <exception cref="CommandFailedException">There is no such setting, or it cannot have this value; nothing changed.</exception>
    public void Set(string name, string value)
    {
        Setting setting = All.FirstOrDefault(setting => setting.Name == name.Replace('_', '-'))
            ?? throw new CommandFailedException($"'{name}' is no setting; there are {string.Join(", ", All.Select(setting => setting.Name))}.");
        (SamplingOptions sampling, int? maxTokens) = (Sampling, MaxTokens);
        try
        {
            setting.Write(this, value);
            Sampling.Validate();
            if (MaxTokens < 1)
            {
                throw new FormatException();
            }
        }
        catch (Exception exception) when (exception is FormatException or OverflowException or RequestRefusedException)
        {
            (Sampling, MaxTokens) = (sampling, maxTokens);
            throw new CommandFailedException(exception is RequestRefusedException ? exception.Message : $"{setting.Name} cannot be '{value}'.", inner: exception);
        }
    }

    static float Float(string value) => float.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture);

    static int Int(string value) => int.Parse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    static ulong ULong(string value) => ulong.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture);

    static bool? Switch(string value) => value switch
    {
        "on" => true,
        "off" => false,
        "none" => null,
        _ => throw new FormatException(),
    };

    sealed record Setting(string Name, string Meaning, Action<ChatSettings, string> Write, Func<ChatSettings, object?> Read);
}
