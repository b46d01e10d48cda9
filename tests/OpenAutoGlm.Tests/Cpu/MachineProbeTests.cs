namespace OpenAutoGlm.Cpu.Machine;

public class MachineProbeTests
{
    [Fact]
    public void The_report_makes_sense()
    {
        MachineReport report = MachineProbe.Look();
        Assert.NotEmpty(report.Model);
        Assert.InRange(report.Cores, 1, 100_000);
        Assert.InRange(report.UsableCores, 0.01, report.Cores);
        Assert.InRange(report.Memory.Available, 1, report.Memory.Total);
        Assert.Equal(InstructionSets.Best, report.InUse);
        Assert.All(report.Caches, cache => Assert.True(cache.Level is >= 1 and <= 4 && cache.Bytes > 0 && cache.SharedBy > 0));
    }

    [Theory]
    [InlineData("0", 1)]
    [InlineData("0-3", 4)]
    [InlineData("0-3,8,10-11", 7)]
    [InlineData("", 1)]
    [InlineData("nonsense", 1)]
    [InlineData("5-2", 1)]
    public void Lists_of_cores_are_counted(string list, int cores) => Assert.Equal(cores, MachineProbe.CoresIn(list));

    [Fact]
    public void A_measurement_gives_speeds()
    {
        MachineSpeed speed = MachineProbe.Measure(threads: 1, bytes: 8 << 20);
        Assert.Equal(1, speed.Threads);
        Assert.True(speed.ReadBytesPerSecond > 1e7 && speed.ReadBytesPerSecondOneThread > 1e7, $"{speed}");
        Assert.True(speed.FloatOperationsPerSecond > 1e6 && speed.ByteOperationsPerSecond > 1e6, $"{speed}");
    }
}
