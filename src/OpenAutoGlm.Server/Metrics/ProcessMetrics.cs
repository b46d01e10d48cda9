using System.Diagnostics;

namespace OpenAutoGlm.Server.Metrics;

/// <summary>What Prometheus' client libraries say of every process, under their names.</summary>
static class ProcessMetrics
{
    const string OpenFiles = "/proc/self/fd";

    public static void Write(PrometheusText page)
    {
        One(page, "process_cpu_seconds_total", "counter", "Processor time of the process.", Environment.CpuUsage.TotalTime.TotalSeconds);
        One(page, "process_resident_memory_bytes", "gauge", "Memory of the process, mapped weights included where they are resident.", Environment.WorkingSet);
        One(page, "process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.", Started);
        if (Directory.Exists(OpenFiles))
        {
            One(page, "process_open_fds", "gauge", "Open files and connections.", Directory.EnumerateFileSystemEntries(OpenFiles).Count());
        }

        One(page, "dotnet_gc_heap_size_bytes", "gauge", "Managed memory.", GC.GetTotalMemory(forceFullCollection: false));
        page.Family("dotnet_gc_collections_total", "counter", "Garbage collections.");
        for (int generation = 0; generation <= GC.MaxGeneration; generation++)
        {
            page.Sample(PrometheusText.Labels(("generation", $"{generation}")), GC.CollectionCount(generation));
        }

        One(page, "dotnet_threadpool_queue_length", "gauge", "Work that waits for a thread.", ThreadPool.PendingWorkItemCount);
    }

    static double Started { get; } = ReadStart();

    static double ReadStart()
    {
        using Process process = Process.GetCurrentProcess();
        return new DateTimeOffset(process.StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000.0;
    }

    static void One(PrometheusText page, string name, string type, string help, double value)
    {
        page.Family(name, type, help);
        page.Sample("", value);
    }
}
