using System.Collections.Frozen;
using System.Collections.Immutable;
using OpenAutoGlm.Server.Anthropic;
using OpenAutoGlm.Server.Batches;
using OpenAutoGlm.Server.Embeddings;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Models;
using OpenAutoGlm.Server.Ollama;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.OpenAi.ResponsesApi;
using OpenAutoGlm.Server.Tokens;

namespace OpenAutoGlm.Server.OpenApi;

/// <summary>
/// Every route in the words of its reader. The fields come from the tables by which the routes read; a test walks all routes
/// that are mapped and fails for one that is missing here.
/// </summary>
static class RouteDocuments
{
    static readonly ImmutableArray<DocumentedField> Upload =
    [
        new("file", "string, required", "The bytes, with a file name."),
        new("purpose", "\"batch\"; required", "What it is for."),
        new("expires_after[anchor]", "\"created_at\"", "From when on its time counts."),
        new("expires_after[seconds]", "integer 3600 … 2592000", "How long it is kept."),
    ];

    static readonly ImmutableArray<string> TextOrEvents = ["application/json", "text/event-stream"];
    static readonly ImmutableArray<string> TextOrLines = ["application/json", "application/x-ndjson"];

    static readonly FrozenDictionary<string, RouteDocument> All = new Dictionary<string, RouteDocument>
    {
        ["POST /v1/chat/completions"] = new("OpenAI", "Answers a conversation.") { Body = DocumentedField.Of(Routes.Chat), Answers = TextOrEvents },
        ["POST /v1/completions"] = new("OpenAI", "Continues prompts.") { Body = DocumentedField.Of(Routes.Completions), Answers = TextOrEvents },
        ["POST /v1/embeddings"] = new("OpenAI", "Turns texts into vectors.") { Body = DocumentedField.Of(EmbeddingBody.Table) },
        ["GET /v1/models"] = new("OpenAI", "Lists the served models."),
        ["GET /v1/models/{id}"] = new("OpenAI", "Tells about a served model."),
        ["GET /health"] = new("Operations", "Says whether requests are taken: 200, or 503 while the server stops.") { IsOpen = true },
        ["HEAD /health"] = new("Operations", "The same without a body.") { IsOpen = true },
        ["GET /version"] = new("Operations", "Says what this is."),
        ["HEAD /version"] = new("Operations", "The same without a body."),
        ["GET /openapi.json"] = new("Operations", "This document."),
        ["GET /ready"] = new("Operations", "Says whether models are ready.") { IsOpen = true },
        ["HEAD /ready"] = new("Operations", "The same without a body.") { IsOpen = true },
        ["GET /metrics"] = new("Operations", "Counters and histograms in Prometheus' text.") { Answers = ["text/plain"] },
        ["GET /admin/status"] = new("Admin", "What the server is doing."),
        ["GET /admin/requests"] = new("Admin", "The requests that are being worked on."),
        ["POST /admin/requests/{id}/cancel"] = new("Admin", "Ends a request."),
        ["POST /admin/machine/measure"] = new("Admin", "Measures the machine's limits."),
        ["GET /admin/models"] = new("Admin", "The models, what they take and what they do."),
        ["GET /admin/models/{id}"] = new("Admin", "What becomes of a model."),
        ["POST /admin/models/{id}/load"] = new("Admin", "Loads a model.") { Body = DocumentedField.Of(ModelOrder.Plain) },
        ["POST /admin/models/{id}/unload"] = new("Admin", "Unloads a model after its last request.") { Body = DocumentedField.Of(ModelOrder.Plain) },
        ["POST /admin/models/{id}/swap"] = new("Admin", "Exchanges what a model is loaded from.") { Body = DocumentedField.Of(ModelOrder.Swap) },
        ["GET /admin/models/{owner}/{id}"] = new("Admin", "What becomes of a model."),
        ["POST /admin/models/{owner}/{id}/load"] = new("Admin", "Loads a model.") { Body = DocumentedField.Of(ModelOrder.Plain) },
        ["POST /admin/models/{owner}/{id}/unload"] = new("Admin", "Unloads a model after its last request.") { Body = DocumentedField.Of(ModelOrder.Plain) },
        ["POST /admin/models/{owner}/{id}/swap"] = new("Admin", "Exchanges what a model is loaded from.") { Body = DocumentedField.Of(ModelOrder.Swap) },
        ["POST /v1/files"] = new("Files", "Uploads a file.") { Body = Upload, BodyType = "multipart/form-data" },
        ["GET /v1/files"] = new("Files", "Lists files.") { Query = [.. ListQuery.Fields(FileRoutes.MostListed, FileRoutes.MostListed, hasPurpose: true)] },
        ["GET /v1/files/{id}"] = new("Files", "Tells about a file."),
        ["GET /v1/files/{id}/content"] = new("Files", "The bytes of a file.") { Answers = ["application/octet-stream"] },
        ["DELETE /v1/files/{id}"] = new("Files", "Deletes a file."),
        ["POST /v1/batches"] = new("Batches", "Begins a batch over a file of requests.") { Body = DocumentedField.Of(BatchDraft.Table) },
        ["GET /v1/batches"] = new("Batches", "Lists batches.") { Query = [.. ListQuery.Fields(BatchRoutes.MostListed, BatchRoutes.UsuallyListed, hasPurpose: false)] },
        ["GET /v1/batches/{id}"] = new("Batches", "Tells how far a batch is."),
        ["POST /v1/batches/{id}/cancel"] = new("Batches", "Ends a batch early; what is done stays."),
        ["POST /tokenize"] = new("Tokens", "The tokens of a text or a conversation.") { Body = DocumentedField.Of(PromptBody.TextOrConversation) },
        ["POST /detokenize"] = new("Tokens", "The text of tokens.") { Body = DocumentedField.Of(TokensBody.Table) },
        ["POST /apply-template"] = new("Tokens", "A conversation as the model reads it.") { Body = DocumentedField.Of(PromptBody.Conversation) },
        ["POST /v1/tokenize"] = new("Tokens", "The tokens of a text or a conversation.") { Body = DocumentedField.Of(PromptBody.TextOrConversation) },
        ["POST /v1/detokenize"] = new("Tokens", "The text of tokens.") { Body = DocumentedField.Of(TokensBody.Table) },
        ["POST /v1/apply-template"] = new("Tokens", "A conversation as the model reads it.") { Body = DocumentedField.Of(PromptBody.Conversation) },
        ["POST /v1/messages"] = new("Anthropic", "Answers a conversation.") { Body = DocumentedField.Of(MessagesTable.Messages), Answers = TextOrEvents },
        ["POST /v1/messages/count_tokens"] = new("Anthropic", "Counts the tokens of a conversation.") { Body = DocumentedField.Of(MessagesTable.CountTokens) },
        ["POST /v1/responses"] = new("OpenAI", "Answers items, and keeps the response.") { Body = DocumentedField.Of(ResponsesTable.Create), Answers = TextOrEvents },
        ["GET /v1/responses/{id}"] = new("OpenAI", "Tells a stored response."),
        ["DELETE /v1/responses/{id}"] = new("OpenAI", "Forgets a stored response."),
        ["GET /v1/responses/{id}/input_items"] = new("OpenAI", "Lists what led to a stored response.")
        {
            Query = [new("limit", "integer 1 … 100; default 20", "How many."), new("order", "\"asc\" or \"desc\"; default \"desc\"", "Which first."), new("after", "string", "The item after which to begin.")],
        },
        ["POST /api/chat"] = new("Ollama", "Answers a conversation.") { Body = DocumentedField.Of(OllamaTables.Chat), Answers = TextOrLines },
        ["POST /api/generate"] = new("Ollama", "Answers a prompt.") { Body = DocumentedField.Of(OllamaTables.Generate), Answers = TextOrLines },
        ["GET /api/tags"] = new("Ollama", "Lists the served models."),
        ["GET /api/ps"] = new("Ollama", "Lists the loaded models."),
        ["GET /api/version"] = new("Ollama", "The version of Ollama's API that is spoken here."),
        ["POST /api/show"] = new("Ollama", "Tells about a served model.") { Body = DocumentedField.Of(OllamaRoutes.ShowTable) },
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether an address is a page for people and no part of the API.</summary>
    public static bool IsPage(string address) => address == "/" || address.StartsWith("/dashboard/", StringComparison.Ordinal);

    /// <summary>What is known of a route; null for nothing.</summary>
    /// <param name="method">GET, POST, …</param>
    /// <param name="address">The address as OpenAPI writes it: /v1/models/{id}.</param>
    public static RouteDocument? Of(string method, string address) => All.GetValueOrDefault($"{method} {address}");
}
