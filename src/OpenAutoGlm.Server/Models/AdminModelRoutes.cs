using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>/admin/models: what is in memory, and the operator's levers. Who may come here is decided before.</summary>
sealed class AdminModelRoutes(ModelDirectory models, ModelLimits limits)
{
    readonly SwapFolders _folders = new(limits.SwapFolders);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/admin/models", ListAsync);

        // The names of most models have no slash, those of the hub have one, and some clients encode it and some do not.
        foreach (string id in new[] { "{id}", "{owner}/{id}" })
        {
            routes.MapGet($"/admin/models/{id}", context => WriteAsync(context, Slot(context), StatusCodes.Status200OK));
            routes.MapPost($"/admin/models/{id}/load", LoadAsync);
            routes.MapPost($"/admin/models/{id}/unload", UnloadAsync);
            routes.MapPost($"/admin/models/{id}/swap", SwapAsync);
        }
    }

    Task ListAsync(HttpContext context)
    {
        AdminModel[] entries = [.. models.Pool.Snapshot().Select(status => AdminModel.Of(status, !_folders.IsEmpty))];
        AdminModels body = new(new AdminMemory(limits.MemoryBytes, models.Pool.UsedBytes), limits.IdleUnload?.TotalSeconds, entries);
        return WireJson.WriteAsync(context.Response, body, ModelsJson.Wire.AdminModels, context.RequestAborted);
    }

    async Task LoadAsync(HttpContext context)
    {
        ModelSlot slot = Slot(context);
        ModelOrder order = await ModelOrder.ReadAsync(context, ModelOrder.Plain);
        await ObeyAsync(context, slot, order, models.Pool.LoadAsync(slot, keep: !order.Wait, order.Wait ? context.RequestAborted : CancellationToken.None));
    }

    async Task UnloadAsync(HttpContext context)
    {
        ModelSlot slot = Slot(context);
        ModelOrder order = await ModelOrder.ReadAsync(context, ModelOrder.Plain);
        await ObeyAsync(context, slot, order, models.Pool.UnloadAsync(slot).WaitAsync(order.Wait ? context.RequestAborted : CancellationToken.None));
    }

    async Task SwapAsync(HttpContext context)
    {
        ModelSlot slot = Slot(context);
        ModelOrder order = await ModelOrder.ReadAsync(context, ModelOrder.Swap);
        string path = _folders.Resolve(order.Path ?? throw new ApiException(ApiError.Missing("path")));
        IModelLoader loader = slot.Loader?.At(path) ?? throw new ApiException(ApiError.ModelIsFixed(slot.Id));
        await ObeyAsync(context, slot, order, models.Pool.SwapAsync(slot, loader, keep: !order.Wait, order.Wait ? context.RequestAborted : CancellationToken.None));
    }

    async Task ObeyAsync(HttpContext context, ModelSlot slot, ModelOrder order, Task work)
    {
        if (!order.Wait && !work.IsCompleted)
        {
            await WriteAsync(context, slot, StatusCodes.Status202Accepted);
            return;
        }

        try
        {
            await work;
        }
        catch (Exception error) when (error is not ApiException && !context.RequestAborted.IsCancellationRequested)
        {
            // Whoever may order this may also know why it did not work.
            throw new ApiException(ApiError.ModelFailed(slot.Id, error.Message));
        }

        await WriteAsync(context, slot, StatusCodes.Status200OK);
    }

    ModelSlot Slot(HttpContext context)
    {
        string id = ModelDirectory.NameOf((string?)context.GetRouteValue("id"));
        return models.Find(context.GetRouteValue("owner") is string owner ? $"{owner}/{id}" : id);
    }

    Task WriteAsync(HttpContext context, ModelSlot slot, int status)
    {
        context.Response.StatusCode = status;
        AdminModel body = AdminModel.Of(models.Pool.Snapshot(slot), !_folders.IsEmpty);
        return WireJson.WriteAsync(context.Response, body, ModelsJson.Wire.AdminModel, context.RequestAborted);
    }
}
