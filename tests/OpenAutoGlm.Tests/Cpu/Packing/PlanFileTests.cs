using System.Runtime.InteropServices;
using OpenAutoGlm.Models;

namespace OpenAutoGlm.Cpu.Packing;

public sealed class PlanFileTests : IDisposable
{
    const string Machine = "build 1, scalar";

    readonly TemporaryFolder _folder = new();

    string Plan => _folder.File("model.autoglm-plan");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_second_start_maps_what_the_first_one_packed_and_packs_nothing()
    {
        (PlanFileReport first, int packed) = Start();
        Assert.Equal((PlanFileOutcome.Written, Plan, 3, null), (first.Outcome, first.Path, packed, first.Reason));

        (PlanFileReport second, packed) = Start();
        Assert.Equal((PlanFileOutcome.Mapped, Plan, 0), (second.Outcome, second.Path, packed));
        Assert.Single(Directory.GetFiles(_folder.Root));
    }

    [Fact]
    public void A_file_for_another_model_or_another_build_is_replaced()
    {
        Start();
        (PlanFileReport report, int packed) = Start(machine: "build 2, scalar");
        Assert.Equal((PlanFileOutcome.Written, 3), (report.Outcome, packed));
        Assert.Contains("made for another build", report.Reason, StringComparison.Ordinal);

        (report, packed) = Start(model: "another", machine: "build 2, scalar");
        Assert.Equal((PlanFileOutcome.Written, 3), (report.Outcome, packed));
        Assert.Contains("made for another model", report.Reason, StringComparison.Ordinal);
        Assert.Equal(PlanFileOutcome.Mapped, Start(model: "another", machine: "build 2, scalar").Report.Outcome);
    }

    [Fact]
    public void A_file_that_lacks_a_weight_is_used_for_the_others_and_replaced()
    {
        Start();
        (PlanFileReport report, int packed) = Start(weights: 4);
        Assert.Equal((PlanFileOutcome.Written, 1), (report.Outcome, packed));
        Assert.Contains("lacks", report.Reason, StringComparison.Ordinal);
        Assert.Equal((PlanFileOutcome.Mapped, 0), (Start(weights: 4).Report.Outcome, Start(weights: 4).Packed));
    }

    [Fact]
    public void A_file_cut_or_lengthened_anywhere_is_replaced()
    {
        Start();
        byte[] good = File.ReadAllBytes(Plan);
        int table = (int)TableAt(good);
        int data = (int)PlanFileHeader.DataOffset;
        int head = PlanFileHeader.HeadBytes;
        int[] lengths = [good.Length + 4096, good.Length + 1, .. Enumerable.Range(table, good.Length - table).Reverse(), table - 1, data + 1, data, data - 1, 4096, head, head - 1, 64, 63, 16, 12, 8, 7, 1, 0];
        foreach (int length in lengths)
        {
            using (FileStream file = File.OpenWrite(Plan))
            {
                file.SetLength(length);
            }

            Assert.True(IsRefused(), $"cut to {length} of {good.Length}");
        }
    }

    [Fact]
    public void Every_flipped_bit_of_head_and_table_and_any_of_the_data_is_found()
    {
        Start();
        byte[] good = File.ReadAllBytes(Plan);
        Random random = new(1);
        long[] places =
        [
            .. Enumerable.Range(0, PlanFileHeader.HeadBytes),
            .. Enumerable.Range((int)TableAt(good), good.Length - (int)TableAt(good)),
            .. Enumerable.Range(0, 40).Select(_ => random.NextInt64(PlanFileHeader.DataOffset, TableAt(good))),
        ];
        using FileStream file = new(Plan, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        foreach (long place in places)
        {
            Put(place, (byte)(good[place] ^ (1 << random.Next(8))));
            Assert.True(IsRefused(), $"a bit of byte {place}");
            Put(place, good[place]);
        }

        Assert.False(IsRefused());

        void Put(long place, byte value)
        {
            file.Position = place;
            file.WriteByte(value);
            file.Flush();
        }
    }

    [Fact]
    public void A_table_with_a_right_checksum_and_wrong_content_is_refused()
    {
        PackedKey fine = new("w", "rows", 4096);
        ulong[] sums = [1, 2];
        (string Fault, PlanFileHeader Header)[] wrong =
        [
            ("is not within", new("key", [new PlanFileEntry(fine with { Bytes = (2 * PlanFileHeader.BlockBytes) + 1 }, 0)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine with { Bytes = long.MaxValue }, 0)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine with { Bytes = 0 }, 0)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine with { Bytes = -1 }, 0)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine, -4096)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine, 64)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine, 2 * PlanFileHeader.BlockBytes)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine, long.MaxValue & -4096)], sums)),
            ("is not within", new("key", [new PlanFileEntry(fine, 0)], [])),
        ];
        foreach ((string fault, PlanFileHeader header) in wrong)
        {
            Assert.Contains(fault, Refusal(header, table => table), StringComparison.Ordinal);
        }

        PlanFileHeader good = new("key", [new PlanFileEntry(fine, 0)], sums);
        Assert.Null(Refusal(good, table => table));
        Assert.Contains("another length", Refusal(good, table => [.. table, 0]), StringComparison.Ordinal);
        Assert.Contains("claims", Refusal(good, table => Patched(table, 0, int.MaxValue)), StringComparison.Ordinal);
        Assert.Contains("claims", Refusal(good, table => Patched(table, 0, -1)), StringComparison.Ordinal);
        Assert.NotNull(Refusal(good, table => Patched(table, 7, int.MaxValue)));
        Assert.NotNull(Refusal(good, table => Patched(table, 7, -1)));
        Assert.NotNull(Refusal(good, table => table[..^1]));
    }

    [Fact]
    public void Damaged_data_that_kernels_have_already_been_given_are_packed_anew()
    {
        Start();
        byte[] bytes = File.ReadAllBytes(Plan);
        bytes[PlanFileHeader.DataOffset + 5000] ^= 1;
        File.WriteAllBytes(Plan, bytes);
        (PlanFileReport report, int packed) = Start();
        Assert.Equal((PlanFileOutcome.Written, 3), (report.Outcome, packed));
        Assert.Contains("damaged in the 2 MiB from byte 2097152 on", report.Reason, StringComparison.Ordinal);
        Assert.Equal(PlanFileOutcome.Mapped, Start().Report.Outcome);
    }

    [Fact]
    public void Another_version_of_the_format_is_refused_by_its_number()
    {
        Start();
        byte[] bytes = File.ReadAllBytes(Plan);
        bytes[8] = 77;
        File.WriteAllBytes(Plan, bytes);
        Assert.False(PlanFile.TryOpen(Plan, "key", out _, out string? reason));
        Assert.Contains("version 77", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_copies_of_every_kind_never_do_harm()
    {
        Start();
        byte[] good = File.ReadAllBytes(Plan);
        Random random = new(3);
        for (int i = 0; i < 60; i++)
        {
            File.WriteAllBytes(Plan, Mutation.Of(good, head: 200, random));
            Assert.NotEqual(PlanFileOutcome.Failed, Start().Report.Outcome);
        }
    }

    [Fact]
    public async Task Two_who_write_at_once_leave_one_good_file()
    {
        for (int round = 0; round < 5; round++)
        {
            File.Delete(Plan);
            (PlanFileReport Report, int Packed)[] starts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Start())));
            Assert.All(starts, start => Assert.Contains(start.Report.Outcome, new[] { PlanFileOutcome.Written, PlanFileOutcome.Mapped }));
            Assert.Equal(PlanFileOutcome.Mapped, Start().Report.Outcome);
            Assert.Single(Directory.GetFiles(_folder.Root));
        }
    }

    [Fact]
    public void What_a_killed_writer_left_is_removed_and_what_is_being_written_is_not()
    {
        string left = _folder.Write("model.autoglm-plan.1-2.partial", "half a plan");
        string busy = _folder.File("model.autoglm-plan.3-4.partial");
        using (new FileStream(busy, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            Start();
            Assert.False(File.Exists(left));
            Assert.True(File.Exists(busy));
        }
    }

    [Fact]
    public void Where_the_first_place_cannot_be_written_to_the_second_one_is_taken_and_found_again()
    {
        string blocked = Path.Combine(_folder.Write("file", "no folder"), "model.autoglm-plan");
        PlanCache cache = new([blocked, Plan], "model") { LeastBytes = 0 };
        (PlanFileReport report, _) = Start(cache);
        Assert.Equal((PlanFileOutcome.Written, Plan), (report.Outcome, report.Path));
        Assert.Contains(blocked, report.Reason, StringComparison.Ordinal);
        Assert.Equal((PlanFileOutcome.Mapped, Plan), (Start(cache).Report.Outcome, Start(cache).Report.Path));
    }

    [Fact]
    public void Where_nothing_can_be_written_the_weights_are_packed_and_the_reason_is_told()
    {
        string blocked = Path.Combine(_folder.Write("file", "no folder"), "model.autoglm-plan");
        (PlanFileReport report, int packed) = Start(new PlanCache([blocked], "model") { LeastBytes = 0 });
        Assert.Equal((PlanFileOutcome.Failed, 3), (report.Outcome, packed));
        Assert.Contains(blocked, report.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_in_the_place_of_the_file_is_replaced_and_what_it_points_to_is_left_alone()
    {
        string precious = _folder.Write("precious", "do not touch");
        File.CreateSymbolicLink(Plan, precious);
        Assert.Equal(PlanFileOutcome.Written, Start().Report.Outcome);
        Assert.Equal("do not touch", File.ReadAllText(precious));
        Assert.Null(new FileInfo(Plan).LinkTarget);
        Assert.Equal(PlanFileOutcome.Mapped, Start().Report.Outcome);
    }

    [Fact]
    public void A_folder_or_a_pipe_in_the_place_of_the_file_stops_nobody()
    {
        Directory.CreateDirectory(Plan);
        Assert.Equal((PlanFileOutcome.Failed, 3), (Start().Report.Outcome, Start().Packed));
        Directory.Delete(Plan);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(0, Pipe(Plan, 0b110_000_000));
            Assert.Equal(PlanFileOutcome.Written, Start().Report.Outcome);
        }
    }

    [Fact]
    public void A_cache_that_is_only_read_is_never_written_and_used_where_it_has_everything()
    {
        PlanCache cache = new([Plan], "model") { LeastBytes = 0, IsReadOnly = true };
        Assert.Equal((PlanFileOutcome.None, 3), (Start(cache).Report.Outcome, Start(cache).Packed));
        Assert.False(File.Exists(Plan));
        Start();
        Assert.Equal((PlanFileOutcome.Mapped, 0), (Start(cache).Report.Outcome, Start(cache).Packed));
        byte[] before = File.ReadAllBytes(Plan);
        Assert.Equal((PlanFileOutcome.None, 1), (Start(cache, weights: 4).Report.Outcome, Start(cache, weights: 4).Packed));
        Assert.Equal(before, File.ReadAllBytes(Plan));
    }

    [Fact]
    public void Little_is_not_kept_unless_somebody_named_a_file()
    {
        (PlanFileReport report, _) = Start(new PlanCache([Plan], "model"));
        Assert.Equal(PlanFileOutcome.None, report.Outcome);
        Assert.False(File.Exists(Plan));
    }

    [Fact]
    public void A_disposed_plan_leaves_no_mapping()
    {
        Start();
        Start();
        Assert.Equal(0, _folder.OpenMappings);
    }

    static long TableAt(byte[] file) => PlanFileHeader.DataOffset + (BitConverter.ToInt64(file, 24) * PlanFileHeader.BlockBytes);

    static byte[] Patched(byte[] bytes, int at, int value)
    {
        byte[] patched = [.. bytes];
        BitConverter.TryWriteBytes(patched.AsSpan(at), value);
        return patched;
    }

    static string? Refusal(PlanFileHeader header, Func<byte[], byte[]> change)
    {
        (byte[] head, byte[] table) = header.Write(change);
        long bytes = PlanFileHeader.DataOffset + header.DataBytes + table.Length;
        try
        {
            PlanFileHeader.Read(bytes, (offset, count) => offset == 0 ? head[..count] : table[^count..]);
            return null;
        }
        catch (PlanFileException error)
        {
            return error.Message;
        }
    }

    bool IsRefused()
    {
        if (!PlanFile.TryOpen(Plan, $"model model, {Machine}", out PlanFile? file, out string? reason))
        {
            return reason is not null;
        }

        using (file)
        {
            return file.Damage() is not null;
        }
    }

    (PlanFileReport Report, int Packed) Start(string model = "model", string machine = Machine, int weights = 3) =>
        Start(new PlanCache([Plan], model) { LeastBytes = 0 }, machine, weights);

    /// <summary>Does what a backend does while it lowers a graph, and checks every byte that it is given.</summary>
    static (PlanFileReport Report, int Packed) Start(PlanCache cache, string machine = Machine, int weights = 3)
    {
        try
        {
            return Start(new WeightStore(cache, machine), weights);
        }
        catch (PlanFileException damage)
        {
            return Start(new WeightStore(cache, machine, damage.Message), weights);
        }
    }

    static unsafe (PlanFileReport Report, int Packed) Start(WeightStore opened, int weights)
    {
        int packed = 0;
        using WeightStore store = opened;
        for (int i = 0; i < weights; i++)
        {
            int bytes = 1000 + (i * 1_500_000);
            byte value = (byte)(i + 1);
            store.Get($"blk.{i}", "rows", bytes, [], destination =>
            {
                packed++;
                new Span<byte>(destination, bytes).Fill(value);
            });
        }

        store.Keep();
        for (int i = 0; i < weights; i++)
        {
            int bytes = 1000 + (i * 1_500_000);
            byte* place = store.Get($"blk.{i}", "rows", bytes, [], _ => packed++);
            Assert.False(new ReadOnlySpan<byte>(place, bytes).ContainsAnyExcept((byte)(i + 1)));
        }

        return (store.Report, packed);
    }

    [DllImport("libc", EntryPoint = "mkfifo", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    static extern int Pipe(string path, uint mode);
}
