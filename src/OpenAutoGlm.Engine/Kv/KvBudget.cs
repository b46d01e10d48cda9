namespace OpenAutoGlm.Engine.Kv;

/// <summary>How much memory keys and values may take where nobody says.</summary>
public static class KvBudget
{
    /// <summary>
    /// Half of the memory that is available to this process (the control group's limit counts), but no more than
    /// <paramref name="wantedBytes"/>, and no more than 4 GiB.
    /// </summary>
    public static long Default(long wantedBytes) => throw new NotSupportedException();
}
