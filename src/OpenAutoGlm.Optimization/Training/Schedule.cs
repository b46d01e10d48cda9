using System.Globalization;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>How the learning rate goes over a run.</summary>
public enum ScheduleForm
{
    /// <summary>1 throughout.</summary>
    Constant,

    /// <summary>Number^⌊step / Every⌋: falls by a factor at regular steps.</summary>
    Step,

    /// <summary>Number^progress: falls to Number of the peak at the end.</summary>
    Exponential,

    /// <summary>Number + (1 − Number)·(1 + cos(π·progress))/2. Source: Loshchilov &amp; Hutter 2017, §3.</summary>
    Cosine,

    /// <summary>1 − (1 − Number)·progress.</summary>
    Linear,

    /// <summary>1, and over the last share Number of the run down to 0, as 1 − √. Source: Hägele et al. 2024, §3.</summary>
    WarmUpStableDecay,
}

/// <summary>
/// A learning-rate schedule: a factor on the peak rate for every step. Whatever the form, the first
/// <paramref name="WarmUp"/> steps also rise to it: times (step + 1) / WarmUp.
/// </summary>
/// <param name="Form">The form.</param>
/// <param name="Number">What the form calls Number: a factor, a floor, or a share.</param>
/// <param name="Every">Steps between falls, for <see cref="ScheduleForm.Step"/>.</param>
/// <param name="WarmUp">Steps of linear warm-up; 0 for none.</param>
public readonly record struct Schedule(ScheduleForm Form, double Number = 0, long Every = 0, long WarmUp = 0)
{
    /// <summary>How schedules are written.</summary>
    public const string Spelling = "constant, cosine[:FLOOR], linear[:FLOOR], wsd[:DECAY-SHARE], exponential[:LAST], step:EVERY[:FACTOR]";

    /// <summary>The factor on the peak learning rate.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="progress">Share of the run that is done, 0 to 1.</param>
    public double At(long step, double progress)
    {
        progress = Math.Clamp(progress, 0, 1);
        double factor = Form switch
        {
            ScheduleForm.Step => Math.Pow(Number, step / Every),
            ScheduleForm.Exponential => Math.Pow(Number, progress),
            ScheduleForm.Cosine => Number + ((1 - Number) * (1 + Math.Cos(Math.PI * progress)) / 2),
            ScheduleForm.Linear => 1 - ((1 - Number) * progress),
            ScheduleForm.WarmUpStableDecay => progress <= 1 - Number ? 1 : 1 - Math.Sqrt((progress - (1 - Number)) / Number),
            _ => 1,
        };
        return step < WarmUp ? factor * (step + 1) / WarmUp : factor;
    }

    /// <summary>Reads what <see cref="Spelling"/> says.</summary>
    public static bool TryParse(string text, out Schedule schedule)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        schedule = default;
        (ScheduleForm Form, double Number, double Most)? form = parts[0] switch
        {
            "constant" => (ScheduleForm.Constant, 0, 0),
            "cosine" => (ScheduleForm.Cosine, 0.1, 1),
            "linear" => (ScheduleForm.Linear, 0, 1),
            "wsd" => (ScheduleForm.WarmUpStableDecay, 0.2, 1),
            "exponential" => (ScheduleForm.Exponential, 0.1, 1),
            "step" => (ScheduleForm.Step, 0.5, 1),
            _ => null,
        };
        int numbers = parts[0] switch { "constant" => 0, "step" => 2, _ => 1 };
        if (form is not { } found || parts.Length - 1 > numbers || (found.Form == ScheduleForm.Step && parts.Length < 2))
        {
            return false;
        }

        (double number, long every) = (found.Number, 0);
        int next = 1;
        if (found.Form == ScheduleForm.Step && !(long.TryParse(parts[next++], NumberStyles.None, CultureInfo.InvariantCulture, out every) && every > 0))
        {
            return false;
        }

        if (next < parts.Length && !double.TryParse(parts[next], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number))
        {
            return false;
        }

        bool positive = found.Form is ScheduleForm.WarmUpStableDecay or ScheduleForm.Exponential or ScheduleForm.Step;
        if (number > found.Most && found.Form != ScheduleForm.Constant || (positive && number <= 0))
        {
            return false;
        }

        schedule = new Schedule(found.Form, number, every);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(Form switch
    {
        ScheduleForm.Step => (FormattableString)$"step:{Every}:{Number}",
        ScheduleForm.Exponential => $"exponential:{Number}",
        ScheduleForm.Cosine => $"cosine:{Number}",
        ScheduleForm.Linear => $"linear:{Number}",
        ScheduleForm.WarmUpStableDecay => $"wsd:{Number}",
        _ => $"constant",
    });
}
