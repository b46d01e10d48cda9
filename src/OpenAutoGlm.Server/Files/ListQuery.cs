using System.Globalization;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.OpenApi;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Files;

/// <summary>Which part of a list is wanted: limit, after, order, and what a list adds to these. Anything else is refused by name.</summary>
sealed record ListQuery(int Limit, string? After, bool Ascending, string? Purpose)
{
    public static DocumentedField[] Fields(int most, int usual, bool hasPurpose)
    {
        DocumentedField[] common =
        [
            new("limit", $"integer 1 … {most}; default {usual}", "Most entries of the answer."),
            new("after", "string", "The id after which the list goes on."),
            new("order", "\"asc\" or \"desc\"; default \"desc\"", "By the time of creation."),
        ];
        return hasPurpose ? [.. common, new("purpose", "string", "Files of this purpose only.")] : common;
    }

    /// <exception cref="ApiException">A parameter is unknown, there twice, or has a value that it cannot have.</exception>
    public static ListQuery Read(HttpRequest request, int most, int usual, bool hasPurpose)
    {
        ListQuery query = new(usual, null, Ascending: false, null);
        foreach ((string name, var values) in request.Query)
        {
            string value = values.Count == 1 ? values[0]! : throw new ApiException(ApiError.Invalid(ApiError.Clip(name), $"'{ApiError.Clip(name)}' is there {values.Count} times."));
            query = name switch
            {
                "limit" => query with
                {
                    Limit = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit >= 1 && limit <= most
                        ? limit
                        : throw new ApiException(ApiError.Invalid("limit", $"limit must be a whole number from 1 to {most}.")),
                },
                "after" => query with { After = value },
                "order" => query with { Ascending = value switch { "asc" => true, "desc" => false, _ => throw new ApiException(ApiError.Invalid("order", "order must be asc or desc.")) } },
                "purpose" when hasPurpose => query with { Purpose = value },
                _ => throw new ApiException(ApiError.Unknown(ApiError.Clip(name), $"'{ApiError.Clip(name)}' is not a parameter of this list.")),
            };
        }

        return query;
    }

    /// <summary>The part of a list that is wanted.</summary>
    /// <param name="newestFirst">The whole list.</param>
    /// <param name="idOf">The id of an entry.</param>
    public Page<T> Cut<T>(IReadOnlyList<T> newestFirst, Func<T, string> idOf)
    {
        T[] all = Ascending ? [.. newestFirst.Reverse()] : [.. newestFirst];
        int start = After is null ? 0 : Array.FindIndex(all, entry => idOf(entry) == After) + 1;
        if (After is not null && start == 0)
        {
            throw new ApiException(ApiError.Invalid("after", $"after is '{ApiError.Clip(After)}', which is not in the list."));
        }

        T[] page = [.. all.Skip(start).Take(Limit)];
        return new Page<T>(page, page.Length > 0 ? idOf(page[0]) : null, page.Length > 0 ? idOf(page[^1]) : null, start + page.Length < all.Length);
    }
}
