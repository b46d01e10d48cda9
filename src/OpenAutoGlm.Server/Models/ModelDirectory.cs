using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.OpenAi.Responses;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>The served models by all their names, who lends them out, and the routes that list them.</summary>
sealed class ModelDirectory
{
    readonly FrozenDictionary<string, ModelSlot> _byName;
    readonly CancellationToken _cutOff;

    /// <param name="pool">The models.</param>
    /// <param name="cutOff">Fires when requests must leave because the server ends.</param>
    /// <exception cref="ArgumentException">There is no model, or two have the same name.</exception>
    public ModelDirectory(ModelPool pool, CancellationToken cutOff)
    {
        if (pool.Slots.IsEmpty)
        {
            throw new ArgumentException("At least one model must be served.");
        }

        Dictionary<string, ModelSlot> byName = new(StringComparer.Ordinal);
        foreach ((ModelSlot slot, string name) in pool.Slots.SelectMany(slot => slot.Names.Select(name => (slot, name))))
        {
            if (!byName.TryAdd(name, slot))
            {
                throw new ArgumentException($"The name '{name}' belongs to two models or twice to one.");
            }
        }

        Pool = pool;
        _cutOff = cutOff;
        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        Names = [.. pool.Slots.SelectMany(slot => slot.Names)];
    }

    public ModelPool Pool { get; }

    /// <summary>Every name, ids before their aliases.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>What is told of every name that the caller's key is good for, in the same order.</summary>
    public ImmutableArray<ModelEntry> Entries => [.. Pool.Snapshot().Where(status => RequestRecord.Current?.Caller?.MayUse(status.Id) ?? true).SelectMany(status => status.Names.Select(name => Entry(status, name)))];

    /// <summary>Lends a model for the time of one request, waiting for it to be loaded where it is not.</summary>
    /// <param name="name">Any of its names.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="ApiException">No model has this name (404), the key is not good for it (403), or it cannot be had now (429, 503).</exception>
    /// <exception cref="OperationCanceledException">The client went while it waited.</exception>
    public async ValueTask<ModelLease> RentAsync(string name, CancellationToken cancellation)
    {
        ModelSlot slot = Find(name);

        // A key that is not good for a model must not have it loaded either.
        RequestRecord.Current?.Caller?.CheckModel(slot.Id);
        try
        {
            return await Pool.RentAsync(slot, cancellation);
        }
        catch (OperationCanceledException) when (_cutOff.IsCancellationRequested)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }

    /// <exception cref="ApiException">No model has this name.</exception>
    public ModelSlot Find(string name) => _byName.GetValueOrDefault(name) ?? throw new ApiException(ApiError.ModelNotFound(name, Names));

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", context => WireJson.WriteAsync(context.Response, new ModelList(Entries), WireJson.Wire.ModelList, context.RequestAborted));
        routes.MapGet("/v1/models/{**id}", context =>
        {
            string name = NameOf((string?)context.GetRouteValue("id"));
            ModelSlot slot = Find(name);
            RequestRecord.Current?.Caller?.CheckModel(slot.Id);
            return WireJson.WriteAsync(context.Response, Entry(Pool.Snapshot(slot), name), WireJson.Wire.ModelEntry, context.RequestAborted);
        });
    }

    /// <summary>A name as a route has it: slashes may be plain or %2F, which the server leaves encoded.</summary>
    public static string NameOf(string? routeValue) => (routeValue ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    static ModelEntry Entry(ModelStatus status, string name) => new(name, status.Created.ToUnixTimeSeconds(), status.Id, status.ContextLength, AdminModel.NameOf(status.State));
}
