using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using OpenAutoGlm.Server.Files;
using OpenAutoGlm.Server.Operations;

namespace OpenAutoGlm.Server.Batches;

/// <summary>Files and batches of a server, and the one who runs them.</summary>
sealed class OfflineWork : IAsyncDisposable
{
    readonly IBlobs _blobs;
    readonly FileRoutes _fileRoutes;
    readonly BatchRoutes _batchRoutes;
    readonly BatchRunner _runner;

    /// <exception cref="IOException">The files folder cannot be made, or another server uses it.</exception>
    public OfflineWork(ServerOptions options, Admission admission, ILogger logger, Func<IEnumerable<RouteEndpoint>> endpoints)
    {
        _blobs = options.FilesFolder is { } folder ? new FolderBlobs(folder) : new MemoryBlobs();
        FileStore files = new(_blobs, options);
        BatchStore batches = new(_blobs);
        _runner = new BatchRunner(batches, files, new RouteCall(endpoints, logger, options), admission, options, logger);
        _fileRoutes = new FileRoutes(files, admission, options);
        _batchRoutes = new BatchRoutes(batches, _runner, files, admission, options);
    }

    public void Map(IEndpointRouteBuilder routes)
    {
        _fileRoutes.Map(routes);
        _batchRoutes.Map(routes);
    }

    public void Start() => _runner.Start();

    /// <summary>Stops the batches; what is not done is left for the next server.</summary>
    public ValueTask StopAsync() => _runner.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await _runner.DisposeAsync();
        _blobs.Dispose();
    }
}
