namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// The fields of an object within a request, each to be taken once. null counts as absent; what nobody took is refused
/// by <see cref="End"/> with its path.
/// </summary>
sealed class RequestFields
{
    readonly RequestValue _value;
    readonly Dictionary<string, RequestValue> _fields = new(StringComparer.Ordinal);

    public RequestFields(RequestValue value)
    {
        _value = value;
        foreach ((string name, RequestValue field) in value.Properties())
        {
            if (!field.IsNull)
            {
                _fields.Add(name, field);
            }
        }
    }

    public RequestValue? Take(string name) => _fields.Remove(name, out RequestValue field) ? field : null;

    /// <exception cref="ApiException">It is absent.</exception>
    public RequestValue Need(string name) => Take(name) ?? throw new ApiException(ApiError.Missing($"{_value.Path}.{name}"));

    public string? TakeString(string name, int longest = int.MaxValue) => Take(name)?.String(longest);

    /// <summary>Refuses a field that is known and not supported.</summary>
    public void Refuse(string name, string problem)
    {
        if (Take(name) is { } field)
        {
            throw field.Unsupported(problem);
        }
    }

    /// <summary>Refuses what is left.</summary>
    /// <param name="what">What the object is: a text block.</param>
    public void End(string what)
    {
        foreach (RequestValue field in _fields.Values)
        {
            throw new ApiException(ApiError.Unknown(field.Path, $"{field.Path} is not a field of {what}."));
        }
    }
}
