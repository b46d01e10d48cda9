using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;
using static OpenAutoGlm.Server.OpenAi.Requests.Treatment;

namespace OpenAutoGlm.Server.Batches;

/// <summary>What a client asks for when it makes a batch.</summary>
sealed class BatchDraft
{
    const int LongestKey = 64;
    const int LongestValue = 512;
    const int MostHours = 168;

    public static BodyTable<BatchDraft> Table { get; } = new("/v1/batches",
    [
        new("input_file_id", Honoured, "string, required", "A file of requests, one line of JSON each: custom_id, method, url, body.", (draft, value) => draft.InputFileId = value.String()),
        new("endpoint", Honoured, "\"/v1/chat/completions\", \"/v1/completions\" or \"/v1/embeddings\"; required", "The route of all requests.", (draft, value) => draft.Endpoint = ReadEndpoint(value)),
        new("completion_window", Honoured, "string, required", "How long the batch may take, 1h to 168h; usually 24h. What is not done by then expires.", (draft, value) => draft.SetWindow(value)),
        new("metadata", Honoured, "object of at most 16 strings", "Labels, given back with the batch.", (draft, value) => draft.Metadata = ReadMetadata(value)),
    ]);

    public string? InputFileId { get; private set; }

    public string? Endpoint { get; private set; }

    public string? Window { get; private set; }

    public int Hours { get; private set; }

    public IReadOnlyDictionary<string, string>? Metadata { get; private set; }

    /// <exception cref="ApiException">The body cannot be honoured as it stands.</exception>
    public static BatchDraft Read(JsonElement body)
    {
        BatchDraft draft = new();
        Table.Read(draft, body);
        foreach ((string name, string? value) in new[] { ("input_file_id", draft.InputFileId), ("endpoint", draft.Endpoint), ("completion_window", draft.Window) })
        {
            if (value is null)
            {
                throw new ApiException(ApiError.Missing(name));
            }
        }

        return draft;
    }

    static string ReadEndpoint(RequestValue value) => value.String() is "/v1/chat/completions" or "/v1/completions" or "/v1/embeddings"
        ? value.String()
        : throw value.Invalid("must be /v1/chat/completions, /v1/completions or /v1/embeddings");

    static Dictionary<string, string> ReadMetadata(RequestValue value)
    {
        Dictionary<string, string> labels = [];
        foreach ((string name, RequestValue label) in value.Properties(16))
        {
            labels[name.Length <= LongestKey ? name : throw label.Invalid($"has a name of more than {LongestKey} characters")] = label.String(LongestValue);
        }

        return labels;
    }

    void SetWindow(RequestValue value)
    {
        string text = value.String(LongestKey);
        bool isWindow = text.EndsWith('h') && int.TryParse(text[..^1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int hours) && hours is >= 1 and <= MostHours;
        Window = isWindow ? text : throw value.Invalid($"must be 1h to {MostHours}h, such as 24h");
        Hours = int.Parse(text[..^1], System.Globalization.CultureInfo.InvariantCulture);
    }
}

/// <summary>/v1/batches: work that has time.</summary>
sealed class BatchRoutes(BatchStore batches, BatchRunner runner, FileStore files, Admission admission, ServerOptions options)
{
    public const int MostListed = 100;
    public const int UsuallyListed = 20;
    const int MostRequests = 50_000;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/batches", CreateAsync);
        routes.MapGet("/v1/batches", context =>
        {
            ListQuery query = ListQuery.Read(context.Request, MostListed, UsuallyListed, hasPurpose: false);
            return WireJson.WriteAsync(context.Response, query.Cut(batches.List(), batch => batch.Id), BatchJson.Wire.BatchPage, context.RequestAborted);
        });
        routes.MapGet("/v1/batches/{id}", context => WriteAsync(context, batches.Find(Id(context))));
        routes.MapPost("/v1/batches/{id}/cancel", async context => await WriteAsync(context, await runner.CancelAsync(Id(context))));
    }

    static string Id(HttpContext context) => (string?)context.GetRouteValue("id") ?? "";

    static Task WriteAsync(HttpContext context, Batch batch) => WireJson.WriteAsync(context.Response, batch, BatchJson.Wire.Batch, context.RequestAborted);

    async Task CreateAsync(HttpContext context)
    {
        using IDisposable stay = admission.Enter();
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, admission.CutOff);
        BatchDraft draft;
        using (JsonDocument body = await JsonBody.ReadAsync(context.Request, cancellation.Token))
        {
            draft = BatchDraft.Read(body.RootElement);
        }

        StoredFile input = files.Find(draft.InputFileId!);
        int total = await CountAsync(input, draft.Endpoint!, cancellation.Token);
        long now = options.TimeProvider.GetUtcNow().ToUnixTimeSeconds();
        Batch batch = new(BatchStore.NewId(), draft.Endpoint!, input.Id, draft.Window!, now, now + (draft.Hours * 3600L))
        {
            RequestCounts = new RequestCounts(total, 0, 0),
            Metadata = draft.Metadata,
        };
        await runner.AddAsync(batch);
        await WriteAsync(context, batches.Find(batch.Id));
    }

    /// <summary>Checks every line of the input before any runs.</summary>
    async Task<int> CountAsync(StoredFile input, string endpoint, CancellationToken cancellation)
    {
        if (input.Purpose != "batch")
        {
            throw new ApiException(ApiError.Invalid("input_file_id", $"input_file_id is a file of the purpose {input.Purpose}; it must be batch."));
        }

        HashSet<string> ids = new(StringComparer.Ordinal);
        await foreach ((int number, byte[] text) in LineReader.ReadAsync(files.Open(input), options.MaxBodyBytes, cancellation))
        {
            BatchLine line = BatchLine.Read(number, text, endpoint);
            if (!ids.Add(line.CustomId))
            {
                throw new ApiException(ApiError.Invalid("input_file_id", $"Line {number}: the custom_id '{ApiError.Clip(line.CustomId)}' was there before.", "invalid_batch_line"));
            }

            if (ids.Count > MostRequests)
            {
                throw new ApiException(ApiError.Invalid("input_file_id", $"Line {number}: a batch has at most {MostRequests} requests.", "invalid_batch_line"));
            }
        }

        return ids.Count > 0 ? ids.Count : throw new ApiException(ApiError.Invalid("input_file_id", "The file has no requests."));
    }
}
