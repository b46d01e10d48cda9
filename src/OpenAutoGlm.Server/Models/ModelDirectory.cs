using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpenAutoGlm.Server.Wire;
using OpenAutoGlm.Server.OpenAi.Responses;

namespace OpenAutoGlm.Server.Models;

/// <summary>The served models by all their names, and the routes that list them.</summary>
sealed class ModelDirectory
{
    readonly FrozenDictionary<string, ServedModel> _byName;
    readonly ImmutableArray<ModelEntry> _entries;

    /// <exception cref="ArgumentException">There is no model, or two have the same name.</exception>
    public ModelDirectory(IReadOnlyList<ServedModel> models)
    {
        if (models.Count == 0)
        {
            throw new ArgumentException("At least one model must be served.", nameof(models));
        }

        Dictionary<string, ServedModel> byName = new(StringComparer.Ordinal);
        foreach ((ServedModel model, string name) in models.SelectMany(model => model.Names.Select(name => (model, name))))
        {
            if (!byName.TryAdd(name, model))
            {
                throw new ArgumentException($"The name '{name}' belongs to two models or twice to one.", nameof(models));
            }
        }

        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        _entries = [.. models.SelectMany(model => model.Names.Select(name => Describe(model, name)))];
        Names = [.. _entries.Select(entry => entry.Id)];
    }

    /// <summary>Every name, ids before their aliases.</summary>
    public ImmutableArray<string> Names { get; }

    /// <summary>What is told of every name, in the same order.</summary>
    public ImmutableArray<ModelEntry> Entries => _entries;

    /// <summary>Lends a model for the time of one request, waiting for it to be loaded where it is not.</summary>
    /// <param name="name">Any of its names.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="ApiException">No model has this name (404), or it cannot be had now (429, 503).</exception>
    /// <exception cref="OperationCanceledException">The client went while it waited.</exception>
    public ValueTask<ModelLease> RentAsync(string name, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new ModelLease(Find(name)));
    }

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", context => WireJson.WriteAsync(context.Response, new ModelList(_entries), WireJson.Wire.ModelList, context.RequestAborted));
        routes.MapGet("/v1/models/{**id}", context =>
        {
            // A name may have slashes, plain or as %2F, which the server leaves encoded.
            string name = ((string?)context.GetRouteValue("id") ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
            return WireJson.WriteAsync(context.Response, Describe(Find(name), name), WireJson.Wire.ModelEntry, context.RequestAborted);
        });
    }

    ServedModel Find(string name) => _byName.GetValueOrDefault(name) ?? throw new ApiException(ApiError.ModelNotFound(name, Names));

    static ModelEntry Describe(ServedModel model, string name) => new(name, model.Created.ToUnixTimeSeconds(), model.Id, model.ContextLength);
}
