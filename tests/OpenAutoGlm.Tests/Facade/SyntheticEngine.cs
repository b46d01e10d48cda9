using OpenAutoGlm.Cpu;
using OpenAutoGlm.Engine;
using OpenAutoGlm.Models.Hub;

namespace OpenAutoGlm.Facade;

/// <summary>Options for small models of random weights, kept in a folder of the test.</summary>
static class SyntheticEngine
{
    public static AutoInferenceOptions In(string folder) => new()
    {
        Hub = new HubOptions { CacheFolder = folder, IsOffline = true },
        Cpu = new CpuOptions { Threads = 1 },
        Engine = new EngineOptions { ContextLength = 256, MaxTokensPerStep = 64 },
    };
}
