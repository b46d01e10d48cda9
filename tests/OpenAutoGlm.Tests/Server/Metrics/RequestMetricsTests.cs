namespace OpenAutoGlm.Server.Metrics;

public sealed class RequestMetricsTests
{
    [Fact]
    public async Task They_are_read_in_order_while_new_routes_come()
    {
        // Where an entry comes between two steps of a read is luck: in a hundred rounds some dozen do.
        const int Rounds = 100, Routes = 2_000;
        for (int round = 0; round < Rounds; round++)
        {
            RequestMetrics metrics = new();
            Task counting = Task.Run(
                () =>
                {
                    for (int i = 0; i < Routes; i++)
                    {
                        metrics.Count($"/{i:D5}", "GET", 200, $"code {i:D5}", "-", TimeSpan.FromTicks(1));
                    }
                },
                TestContext.Current.CancellationToken);
            do
            {
                string[] read = [.. metrics.Requests.Select(request => request.Key.Route)];
                Assert.Equal(read.Order(StringComparer.Ordinal), read);
                Assert.True(metrics.Durations.Count() <= Routes && metrics.Errors.Count() <= Routes);
            }
            while (!counting.IsCompleted);
            await counting;
            Assert.Equal(Routes, metrics.Requests.Count());
            Assert.Equal(Routes, metrics.ErrorCount);
        }
    }
}
