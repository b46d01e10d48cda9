namespace OpenAutoGlm.Models.Templates;

/// <summary>
/// What one rendering has spent of its limits. Everything that can grow asks here before it grows, so that a template
/// cannot make the process slow or large whatever it computes.
/// </summary>
sealed class Budget(TemplateLimits limits, CancellationToken cancellation)
{
    const int StepsBetweenCancellationChecks = 1 << 12;
    const int CharactersPerStep = 64;
    const int ReferenceBytes = 8;
    const int EntryBytes = 64;
    const int ObjectBytes = 48;

    long _steps;
    long _nextCancellationCheck = StepsBetweenCancellationChecks;
    long _bytes;
    int _depth;

    public TemplateLimits Limits => limits;

    public void Step(long count = 1)
    {
        _steps += count;
        if (_steps < _nextCancellationCheck) return;
        cancellation.ThrowIfCancellationRequested();
        _nextCancellationCheck = _steps + StepsBetweenCancellationChecks;
        if (_steps > limits.Steps) throw TemplateFault.Limit($"The template takes more than {limits.Steps} steps.");
    }

    /// <summary>Pays for reading through a text once.</summary>
    public void Scan(long characters) => Step((characters / CharactersPerStep) + 1);

    /// <summary>Pays for a string about to be made.</summary>
    public void Characters(long count)
    {
        if (count > limits.StringCharacters) throw TemplateFault.Limit($"A string of {count} characters is longer than the {limits.StringCharacters} allowed.");
        Bytes((count * sizeof(char)) + ObjectBytes);
        Scan(count);
    }

    /// <summary>Pays for a list about to be made.</summary>
    public void Elements(long count)
    {
        if (count > limits.Elements) throw TemplateFault.Limit($"A list of {count} elements is longer than the {limits.Elements} allowed.");
        Bytes((count * ReferenceBytes) + ObjectBytes);
        Step(count + 1);
    }

    /// <summary>Pays for a map about to be made.</summary>
    public void Entries(long count)
    {
        if (count > limits.Elements) throw TemplateFault.Limit($"A map of {count} entries is larger than the {limits.Elements} allowed.");
        Bytes((count * EntryBytes) + ObjectBytes);
        Step(count + 1);
    }

    /// <summary>Pays for a number or another small value.</summary>
    public void Object() => Bytes(ObjectBytes);

    /// <summary>Pays for the digits of an integer with this many bits.</summary>
    public void Bits(long count)
    {
        if (count > PythonNumber.MaxBits) throw TemplateFault.Limit($"An integer of {count} bits is larger than the {PythonNumber.MaxBits} allowed.");
        Bytes((count / 8) + ObjectBytes);
        Step((count / 64) + 1);
    }

    /// <summary>One evaluation deeper. The machine's stack is asked too, for callers with a small one.</summary>
    public void Enter()
    {
        if (++_depth > limits.Depth || !System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw TemplateFault.Limit($"The template evaluates deeper than {Math.Min(_depth, limits.Depth)} levels.");
        }
    }

    public void Leave() => _depth--;

    void Bytes(long count)
    {
        _bytes += count;
        if (_bytes > limits.ValueBytes) throw TemplateFault.Limit($"The template makes values of more than {limits.ValueBytes} bytes.");
    }
}
