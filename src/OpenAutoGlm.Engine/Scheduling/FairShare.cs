namespace OpenAutoGlm.Engine.Scheduling;

/// <summary>
/// What every tenant has had of the engine lately, in weighted tokens: whoever has had least is served next. Tenants
/// that come back after a pause start where the least served of the others stands, so that nobody saves up.
/// </summary>
/// <remarks>Source: Sheng et al. 2024, "Fairness in Serving Large Language Models", the virtual token counter.</remarks>
sealed class FairShare
{
    /// <summary>What a generated token counts; one that is read counts 1.</summary>
    internal const int GeneratedWeight = 2;

    const int MostIdle = 4096;

    readonly Dictionary<string, Account> _accounts = new(StringComparer.Ordinal);
    int _active;

    /// <summary>A sequence of a tenant came in.</summary>
    internal void Enter(string? tenant)
    {
        Account account = Of(tenant);
        if (account.Sequences++ == 0)
        {
            // Alone on the engine, a tenant owes nobody anything.
            account.Tokens = _active == 0 ? 0 : Math.Max(account.Tokens, LeastServed());
            _active++;
            account.IsActive = true;
        }
    }

    /// <summary>A sequence of a tenant ended.</summary>
    internal void Leave(string? tenant)
    {
        Account account = Of(tenant);
        if (--account.Sequences == 0)
        {
            account.IsActive = false;
            if (--_active == 0 || _accounts.Count > MostIdle)
            {
                Forget();
            }
        }
    }

    /// <summary>Notes tokens that a tenant had.</summary>
    internal void Charge(string? tenant, int read, int generated) => Of(tenant).Tokens += read + ((long)GeneratedWeight * generated);

    /// <summary>What a tenant has had.</summary>
    internal long Served(string? tenant) => Of(tenant).Tokens;

    Account Of(string? tenant)
    {
        string key = tenant ?? "";
        if (!_accounts.TryGetValue(key, out Account? account))
        {
            account = new Account();
            _accounts.Add(key, account);
        }

        return account;
    }

    long LeastServed()
    {
        long least = long.MaxValue;
        foreach (Account account in _accounts.Values)
        {
            if (account.IsActive)
            {
                least = Math.Min(least, account.Tokens);
            }
        }

        return least;
    }

    void Forget()
    {
        foreach ((string tenant, Account account) in _accounts)
        {
            if (!account.IsActive)
            {
                _accounts.Remove(tenant);
            }
        }
    }

    sealed class Account
    {
        internal long Tokens;
        internal int Sequences;
        internal bool IsActive;
    }
}
