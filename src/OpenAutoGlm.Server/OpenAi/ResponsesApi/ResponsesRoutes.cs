using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.OpenAi.ResponsesApi;

/// <summary>/v1/responses and what can be asked of a stored response.</summary>
sealed class ResponsesRoutes(ResponseStore store)
{
    const int DefaultListed = 20;
    const int MostListed = 100;

    public void Map(IEndpointRouteBuilder routes, TextFlow flow)
    {
        routes.MapPost("/v1/responses", flow.Handle(Read));
        routes.MapGet("/v1/responses/{id}", ShowAsync);
        routes.MapDelete("/v1/responses/{id}", RemoveAsync);
        routes.MapGet("/v1/responses/{id}/input_items", ListAsync);
    }

    ResponsesRequest Read(HttpContext context, JsonElement body)
    {
        ResponsesDraft draft = new();
        ResponsesTable.Create.Read(draft, body);
        return draft.Complete(store, OwnerOf(context));
    }

    Task ShowAsync(HttpContext context)
    {
        CheckQuery(context);
        return WireJson.WriteAsync(context.Response, Find(context).Body, ResponsesJson.Wire.JsonElement, context.RequestAborted);
    }

    Task RemoveAsync(HttpContext context)
    {
        CheckQuery(context);
        string id = Id(context);
        return store.Remove(OwnerOf(context), id)
            ? WireJson.WriteAsync(context.Response, new DeletedBody(id), ResponsesJson.Wire.DeletedBody, context.RequestAborted)
            : throw new ApiException(ApiError.ResponseNotFound(id));
    }

    Task ListAsync(HttpContext context)
    {
        CheckQuery(context, "limit", "order", "after");
        IQueryCollection query = context.Request.Query;
        int limit = DefaultListed;
        if (query["limit"].ToString() is { Length: > 0 } number
            && (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostListed))
        {
            throw new ApiException(ApiError.Invalid("limit", $"limit must be a whole number from 1 to {MostListed}."));
        }

        IEnumerable<JsonElement> items = query["order"].ToString() switch
        {
            "" or "desc" => Find(context).Input.Reverse(),
            "asc" => Find(context).Input,
            _ => throw new ApiException(ApiError.Invalid("order", "order must be \"asc\" or \"desc\".")),
        };
        if (query["after"].ToString() is { Length: > 0 } after)
        {
            items = items.SkipWhile(item => StoredResponse.IdOf(item) != after).Skip(1);
        }

        JsonElement[] all = [.. items];
        JsonElement[] page = [.. all.Take(limit)];
        ItemList list = new(page, page.Length > 0 ? StoredResponse.IdOf(page[0]) : null, page.Length > 0 ? StoredResponse.IdOf(page[^1]) : null, all.Length > page.Length);
        return WireJson.WriteAsync(context.Response, list, ResponsesJson.Wire.ItemList, context.RequestAborted);
    }

    StoredResponse Find(HttpContext context) =>
        store.Find(OwnerOf(context), Id(context)) ?? throw new ApiException(ApiError.ResponseNotFound(Id(context)));

    static string Id(HttpContext context) => (string?)context.GetRouteValue("id") ?? "";

    /// <summary>Refuses parameters after the question mark that are not known, and known ones that are there twice.</summary>
    static void CheckQuery(HttpContext context, params string[] known)
    {
        foreach ((string name, var values) in context.Request.Query)
        {
            if (!known.Contains(name) || values.Count > 1)
            {
                throw new ApiException(ApiError.Unknown(ApiError.Clip(name), $"'{ApiError.Clip(name)}' is not supported here, or is there twice."));
            }
        }
    }

    /// <summary>Whoever shows the same key sees the same responses. The key itself is not kept.</summary>
    static string OwnerOf(HttpContext context)
    {
        string shown = $"{context.Request.Headers.Authorization}\n{context.Request.Headers["x-api-key"]}";
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(shown)));
    }
}
