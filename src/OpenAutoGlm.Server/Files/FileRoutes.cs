using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Files;

/// <summary>/v1/files: what batches read and write.</summary>
sealed class FileRoutes(FileStore files, Admission admission, ServerOptions options)
{
    public const int MostListed = 10_000;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/files", UploadAsync);
        routes.MapGet("/v1/files", context =>
        {
            ListQuery query = ListQuery.Read(context.Request, MostListed, MostListed, hasPurpose: true);
            StoredFile[] all = [.. files.List().Where(file => query.Purpose is null || file.Purpose == query.Purpose)];
            return WireJson.WriteAsync(context.Response, query.Cut(all, file => file.Id), FilesJson.Wire.FilePage, context.RequestAborted);
        });
        routes.MapGet("/v1/files/{id}", context => WireJson.WriteAsync(context.Response, files.Find(Id(context)), FilesJson.Wire.StoredFile, context.RequestAborted));
        routes.MapGet("/v1/files/{id}/content", SendAsync);
        routes.MapDelete("/v1/files/{id}", context =>
        {
            string id = Id(context);
            files.Delete(id);
            return WireJson.WriteAsync(context.Response, new DeletedFile(id), FilesJson.Wire.DeletedFile, context.RequestAborted);
        });
    }

    static string Id(HttpContext context) => (string?)context.GetRouteValue("id") ?? "";

    async Task UploadAsync(HttpContext context)
    {
        using IDisposable stay = admission.Enter();
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, admission.CutOff);
        try
        {
            StoredFile file = await new FileUpload(files, options).ReadAsync(context, cancellation.Token);
            await WireJson.WriteAsync(context.Response, file, FilesJson.Wire.StoredFile, cancellation.Token);
        }
        catch (OperationCanceledException) when (admission.CutOff.IsCancellationRequested)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }

    async Task SendAsync(HttpContext context)
    {
        StoredFile file = files.Find(Id(context));
        await using Stream content = files.Open(file);
        context.Response.ContentType = "application/octet-stream";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentLength = content.Length;
        await content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
