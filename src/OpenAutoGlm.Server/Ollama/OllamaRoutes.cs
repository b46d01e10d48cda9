using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Models;
using OpenAutoGlm.Server.OpenAi.Responses;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.Ollama;

/// <summary>Those routes of Ollama's API that tools need which speak nothing else.</summary>
sealed class OllamaRoutes(ModelDirectory models, TimeProvider time)
{
    const string Tag = ":latest";

    /// <summary>The version of the API that is spoken here: clients look at it for what they may ask for.</summary>
    const string ApiVersion = "0.9.0";

    /// <summary>Never, as a date that every client can read.</summary>
    static readonly DateTimeOffset Never = new(2318, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static BodyTable<ShowDraft> ShowTable { get; } = new("/api/show",
    [
        new("model", Honoured, "string, required", "Id or alias.", (draft, value) => draft.Model = value.String()),
        new("name", Honoured, "string", "The older name of model.", (draft, value) => draft.Model = value.String()),
        new("verbose", Accepted, "boolean", "There is no more to show.", (_, value) => value.Bool()),
    ]);

    readonly DateTimeOffset _started = time.GetUtcNow();

    public void Map(IEndpointRouteBuilder routes, TextFlow flow)
    {
        routes.MapPost("/api/chat", flow.Handle((_, body) => Read(OllamaTables.Chat, body).CompleteChat()));
        routes.MapPost("/api/generate", flow.Handle((_, body) => Read(OllamaTables.Generate, body).CompleteGenerate()));
        routes.MapGet("/api/tags", context => WireJson.WriteAsync(context.Response, new TagList([.. models.Entries.Select(Describe)]), OllamaJson.Wire.TagList, context.RequestAborted));
        routes.MapGet("/api/ps", context => WireJson.WriteAsync(context.Response, new TagList([.. models.Entries.Where(entry => entry.Id == entry.Root).Select(DescribeLoaded)]), OllamaJson.Wire.TagList, context.RequestAborted));
        routes.MapGet("/api/version", context => WireJson.WriteAsync(context.Response, new VersionBody(ApiVersion), OllamaJson.Wire.VersionBody, context.RequestAborted));
        routes.MapPost("/api/show", ShowAsync);
    }

    /// <summary>The name that the directory knows: the tag is left away where the model has none.</summary>
    string Resolve(string name) => name.EndsWith(Tag, StringComparison.Ordinal) && !models.Names.Contains(name) ? name[..^Tag.Length] : name;

    OllamaDraft Read(BodyTable<OllamaDraft> table, JsonElement body)
    {
        OllamaDraft draft = new();
        table.Read(draft, body);
        if (draft.Model is { } asked)
        {
            (draft.Asked, draft.Model) = (asked, Resolve(asked));
        }

        return draft;
    }

    async Task ShowAsync(HttpContext context)
    {
        using JsonDocument body = await JsonBody.ReadAsync(context.Request, context.RequestAborted);
        ShowDraft draft = new();
        ShowTable.Read(draft, body.RootElement);
        string name = Resolve(draft.Model ?? throw new ApiException(ApiError.Missing("model")));
        ModelEntry entry = models.Entries.FirstOrDefault(one => one.Id == name) ?? throw new ApiException(ApiError.ModelNotFound(name, models.Names));
        ShowBody shown = new("", "", "", new ModelDetails(), new ShowInfo("autoglm", entry.Root, entry.MaxModelLen), ["completion", "tools", "thinking"], ModifiedAt(entry));
        await WireJson.WriteAsync(context.Response, shown, OllamaJson.Wire.ShowBody, context.RequestAborted);
    }

    TagEntry Describe(ModelEntry entry)
    {
        string name = entry.Id.Contains(':', StringComparison.Ordinal) ? entry.Id : entry.Id + Tag;
        string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(entry.Root)));
        return new TagEntry(name, name, ModifiedAt(entry), 0, digest, new ModelDetails());
    }

    TagEntry DescribeLoaded(ModelEntry entry) => Describe(entry) with { ExpiresAt = Never, SizeVram = 0, ContextLength = entry.MaxModelLen };

    DateTimeOffset ModifiedAt(ModelEntry entry) => entry.Created > 0 ? DateTimeOffset.FromUnixTimeSeconds(entry.Created) : _started;
}

/// <summary>A request to /api/show.</summary>
sealed class ShowDraft
{
    public string? Model { get; set; }
}
