using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace OpenAutoGlm.Server.Dashboard;

/// <summary>The page at /, and what it is made of. It comes out of the assembly: nothing is built, fetched or installed for it.</summary>
static class DashboardPage
{
    /// <summary>
    /// Nothing but what this server sends: no inline script or style, no other host, no frame around it, and no way from
    /// text to markup. Source: W3C Content Security Policy Level 3; W3C Trusted Types.
    /// </summary>
    public const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    const string Resources = "OpenAutoGlm.Server.Dashboard.";
    const string Start = "index.html";

    static readonly string[] Reading = ["GET", "HEAD"];

    /// <summary>The names of all files.</summary>
    public static IEnumerable<string> Names => typeof(DashboardPage).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Resources, StringComparison.Ordinal))
        .Select(name => name[Resources.Length..]);

    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (string name in Names)
        {
            DashboardFile file = new(name, Read(name));
            routes.MapMethods(name == Start ? "/" : "/dashboard/" + name, Reading, file.SendAsync);
        }
    }

    internal static byte[] Read(string name)
    {
        using Stream stream = typeof(DashboardPage).Assembly.GetManifestResourceStream(Resources + name)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
