using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OpenAutoGlm.Server.Answers;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server.Models;

/// <summary>What an operator wants done to a model.</summary>
sealed class ModelOrder
{
    const int LongestPath = 4096;

    static readonly BodyField<ModelOrder> Waits =
        new("wait", Treatment.Honoured, "boolean; default true", "Answer when it is done. Otherwise at once, with status 202 where it is not done yet.", (order, value) => order.Wait = value.Bool());

    /// <summary>The body of /load and /unload, which may be left out.</summary>
    public static BodyTable<ModelOrder> Plain { get; } = new("this address", [Waits]);

    /// <summary>The body of /swap.</summary>
    public static BodyTable<ModelOrder> Swap { get; } = new("this address",
    [
        new("path", Treatment.Honoured, "string of 1 … 4096 characters, required", "A file or folder under a folder that models may be swapped from, relative to it or absolute.",
            (order, value) => order.Path = value.String(LongestPath) is { Length: > 0 } path ? path : throw value.Invalid("must not be empty")),
        Waits,
    ]);

    public bool Wait { get; private set; } = true;

    public string? Path { get; private set; }

    /// <exception cref="ApiException">The body is no such order.</exception>
    public static async Task<ModelOrder> ReadAsync(HttpContext context, BodyTable<ModelOrder> table)
    {
        ModelOrder order = new();
        bool hasBody = context.Request.ContentLength > 0 || context.Request.Headers.TransferEncoding.Count > 0;
        if (hasBody || table == Swap)
        {
            using JsonDocument body = await JsonBody.ReadAsync(context.Request, context.RequestAborted);
            table.Read(order, body.RootElement);
        }

        return order;
    }
}
