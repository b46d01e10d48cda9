using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Server.Models;
using OpenAutoGlm.Server.Operations;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Answers;

/// <summary>What a request asks of a model, once its body is read.</summary>
interface IModelRequest
{
    /// <summary>The name the client calls the model by; null for the first that is served.</summary>
    string? Model { get; }

    /// <summary>Where its text stood, for errors.</summary>
    string TextName { get; }
}

/// <summary>A request on its way.</summary>
/// <param name="Context">Where the answer goes.</param>
/// <param name="Model">The model that was asked for.</param>
/// <param name="Tools">What that does.</param>
/// <param name="Request">The request.</param>
/// <param name="Cancellation">Fires when the client goes or the server ends.</param>
sealed record ModelCall<T>(HttpContext Context, ServedModel Model, ITextTools Tools, T Request, CancellationToken Cancellation)
{
    public RequestRecord Record => RequestRecord.Of(Context);
}

/// <summary>
/// The way of every request that asks a model for something else than text: in by admission, read, its model rented, answered
/// in one body. What the engine refuses becomes an error in the client's words.
/// </summary>
sealed class ModelFlow(ModelDirectory models, Admission admission)
{
    /// <summary>A route's handler.</summary>
    /// <param name="read">Reads a body, or refuses it by an <see cref="ApiException"/>.</param>
    /// <param name="answer">Computes and writes the answer.</param>
    public RequestDelegate Handle<T>(Func<JsonElement, T> read, Func<ModelCall<T>, Task> answer)
        where T : IModelRequest => context => HandleAsync(context, read, answer);

    async Task HandleAsync<T>(HttpContext context, Func<JsonElement, T> read, Func<ModelCall<T>, Task> answer)
        where T : IModelRequest
    {
        using IDisposable stay = admission.Enter();
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, admission.CutOff);
        string textName = "prompt";
        try
        {
            T request;
            using (JsonDocument body = await JsonBody.ReadAsync(context.Request, cancellation.Token))
            {
                request = read(body.RootElement);
            }

            textName = request.TextName;
            await using ModelLease lease = await models.RentAsync(request.Model ?? models.Names[0], cancellation.Token);
            RequestRecord.Of(context).Model = lease.Model.Id;
            ITextTools tools = lease.Model.Source.Tools ?? throw new ApiException(ApiError.Unsupported("model", $"The model '{lease.Model.Id}' only writes text."));
            await answer(new ModelCall<T>(context, lease.Model, tools, request, cancellation.Token));
        }
        catch (RequestRefusedException refusal)
        {
            throw new ApiException(ApiError.From(refusal, textName));
        }
        catch (SequenceCancelledException cancelled) when (cancelled.Reason == CancellationReason.EngineStopped)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
        catch (OperationCanceledException) when (admission.CutOff.IsCancellationRequested)
        {
            throw new ApiException(ApiError.ShuttingDown());
        }
    }
}
