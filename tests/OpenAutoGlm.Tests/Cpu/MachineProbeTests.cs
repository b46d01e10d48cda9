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
    [InlineData("0", "0")]
    [InlineData("0-3", "0 1 2 3")]
    [InlineData("0-1,8,10-11", "0 1 8 10 11")]
    [InlineData("", "")]
    [InlineData("nonsense", "")]
    [InlineData("5-2", "")]
    [InlineData("-5", "")]
    [InlineData("0-99999999", "")]
    public void Lists_of_numbers_are_read(string list, string numbers) => Assert.Equal(numbers, string.Join(' ', NumberList.Of(list)));

    [Theory]
    [InlineData("0-7", "0 1")]
    [InlineData("0-3", "0")]
    [InlineData("5", "1")]
    [InlineData("9", "")]
    public void Weights_go_to_nodes_that_have_cores_of_ours(string cores, string nodes)
    {
        string[] coresOf = ["0-3", "4-7", ""]; // the last has memory only
        Assert.Equal(nodes, string.Join(' ', MemoryNodes.Among([0, 1, 2], NumberList.Of(cores).ToHashSet(), node => coresOf[node])));
    }

    [Theory]
    [InlineData("model name : AMD EPYC|model name : AMD EPYC", "AMD EPYC")]
    [InlineData("CPU implementer\t: 0x41|CPU part\t: 0xd0c|CPU implementer\t: 0x41|CPU part\t: 0xd0c", "Neoverse-N1")]
    [InlineData("CPU implementer : 0x41|CPU part : 0xd80|CPU part : 0xd81|CPU part : 0xd81|CPU part : 0xd82", "Cortex-A720 and Cortex-A520 and Cortex-X4")]
    [InlineData("CPU implementer : 0x41|CPU part : 0xd08|Model : Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi 4 Model B Rev 1.4, Cortex-A72")]
    [InlineData("CPU implementer : 0x99|CPU part : 0x001", "Arm core 0x99:0x001")]
    [InlineData("Model : a board", "a board")]
    [InlineData("CPU part : nonsense", "Arm core 0x00:0x000")]
    [InlineData("", "unknown")]
    public void A_processor_is_called_what_its_system_says(string cpuInfo, string name) => Assert.Equal(name, MachineProbe.NameIn(cpuInfo.Split('|')));

    [Fact]
    public void A_measurement_gives_speeds()
    {
        MachineSpeed speed = MachineProbe.Measure(threads: 1, bytes: 8 << 20);
        Assert.Equal(1, speed.Threads);
        Assert.True(speed.ReadBytesPerSecond > 1e7 && speed.ReadBytesPerSecondOneThread > 1e7, $"{speed}");
        Assert.True(speed.FloatOperationsPerSecond > 1e6 && speed.ByteOperationsPerSecond > 1e6, $"{speed}");
    }
}
