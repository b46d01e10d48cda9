using Microsoft.AspNetCore.Http;

namespace OpenAutoGlm.Server.Wire;

/// <summary>
/// How errors look outside a stream. Metadata of a route; for addresses without a route (404, 405, or a request that
/// was turned away before routing) <see cref="ErrorForms"/> goes by the beginning of the address.
/// </summary>
interface IErrorForm
{
    /// <summary>Writes the body; the status is set.</summary>
    Task WriteAsync(HttpContext context, ApiError error);
}
