using OpenAutoGlm.Benchmarks;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Graph.Formats;

switch (args)
{
    case ["matmul", ..]:
        TensorFormat[] formats = args.Length > 1
            ? [.. args[1].Split(',').Select(Enum.Parse<TensorFormat>)]
            : [TensorFormat.Q8_0, TensorFormat.Q4_0, TensorFormat.Q4_K, TensorFormat.Q6_K, TensorFormat.Q5_0, TensorFormat.BF16, TensorFormat.F16, TensorFormat.F32];
        int threads = args.Length > 2 ? int.Parse(args[2]) : Environment.ProcessorCount;
        InstructionSet set = args.Length > 3 ? Enum.Parse<InstructionSet>(args[3]) : InstructionSets.Best;
        int[] rowCounts = args.Length > 4 ? [.. args[4].Split(',').Select(int.Parse)] : [1, 8, 16, 32, 512];
        MatMulBenchmark.Run(formats, threads, set, rowCounts);
        return 0;
    case ["attention", ..]:
        AttentionBenchmark.Run(args.Length > 1 ? int.Parse(args[1]) : Environment.ProcessorCount, args.Length > 2 ? int.Parse(args[2]) : 4096);
        return 0;
    case ["tile"]:
        TileBenchmark.Matrices();
        TileBenchmark.Run();
        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.Q8_0, TensorFormat.Q4_0, TensorFormat.Q4_K, TensorFormat.Q6_K])
        {
            TileBenchmark.Rows(format);
            TileBenchmark.Strips(format);
        }

        foreach (TensorFormat format in (TensorFormat[])[TensorFormat.Q8_0, TensorFormat.Q4_K, TensorFormat.Q6_K])
        {
            foreach ((int panels, int rows) in ((int, int)[])[(2, 16), (2, 32), (64, 16), (64, 32), (64, 512)])
            {
                TileBenchmark.Parts(format, 2048, rows, panels);
            }
        }

        return 0;
    case ["rounding"]:
        RoundingBenchmark.Run();
        return 0;
    case ["training", ..]:
        TrainingBenchmark.Run(args.Length > 1 ? int.Parse(args[1]) : Environment.ProcessorCount);
        return 0;
    case ["prefix"]:
        PrefixCacheBenchmark.Run();
        PrefixCacheBenchmark.RunStore(Path.Combine(Path.GetTempPath(), $"autoglm-{Environment.ProcessId}.store"));
        return 0;
    case ["constraints", string folder, ..]:
        ConstraintBenchmark.Run(folder, args.ElementAtOrDefault(2) is { Length: > 0 } tokenizer ? tokenizer : null, args.ElementAtOrDefault(3) == "verbose");
        return 0;
    case ["speculation", string model, string tokenizerFolder, string promptFolder, ..]:
        SpeculationBenchmark.Run(model, tokenizerFolder, promptFolder, args.Length > 4 ? int.Parse(args[4]) : 3, args.Length > 5 ? args[5] : null);
        return 0;
    case ["optimizer", string trained, ..]:
        OptimizerBenchmark.Run(trained, args.ElementAtOrDefault(2) is { Length: > 0 } text and not "-" ? text : null, args.Length > 3 ? int.Parse(args[3]) : Environment.ProcessorCount, args.ElementAtOrDefault(4) != "short");
        return 0;
    case ["optimizer-times", string timed, ..]:
        OptimizerTimesBenchmark.Run(timed, args.ElementAtOrDefault(2) is { Length: > 0 } read and not "-" ? read : null, args.Length > 3 ? int.Parse(args[3]) : Environment.ProcessorCount);
        return 0;
    case ["w8a8", string wide, ..]:
        EightBitBenchmark.Run(wide, args.ElementAtOrDefault(2) is { Length: > 0 } words and not "none" ? words : null, args.Length > 3 ? int.Parse(args[3]) : Environment.ProcessorCount, args.Length > 4 ? int.Parse(args[4]) : 9);
        return 0;
    case ["server", string served, ..]:
        await ServerOverheadBenchmark.RunAsync(
            served, args.Length > 2 ? int.Parse(args[2]) : 16, args.Length > 3 ? int.Parse(args[3]) : 64, args.Length > 4 ? int.Parse(args[4]) : 5);
        return 0;
    case ["soak", string server, ..]:
        return await SoakBenchmark.RunAsync(
            new Uri(server), args.Length > 2 ? double.Parse(args[2]) : 60, args.Length > 3 ? int.Parse(args[3]) : 24, args.Length > 4 ? int.Parse(args[4]) : 1);
    case ["pruning", string pruned, string heldOut, ..]:
        PruningBenchmark.Run(pruned, heldOut, args.Length > 3 ? int.Parse(args[3]) : 16, args.Length > 4 ? int.Parse(args[4]) : 128);
        return 0;
    default:
        Console.Error.WriteLine("usage: matmul [formats] [threads] [instruction set] [rows] | attention [threads] [depth] | tile | rounding | training [threads] | prefix | constraints folder [tokenizer folder] [verbose] | speculation model tokenizer-folder prompt-folder [repetitions] [task] | optimizer model [text file, - for text of its own] [threads] [short] | optimizer-times model [text file, - for text of its own] [threads] | w8a8 model [text file, - for text of its own, none for times alone] [threads] [rounds, 0 for losses alone] | server model [clients] [tokens] [rounds] | soak url [minutes] [clients] [seed] | pruning model text [windows] [window-tokens]");
        return 2;
}
