using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Cli.Plans;
using OpenAutoGlm.Cpu;
using OpenAutoGlm.Cpu.Machine;
using OpenAutoGlm.Engine.Measuring;
using OpenAutoGlm.Graph;
using OpenAutoGlm.Models;
using Spectre.Console;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm inspect: what a model is and what it costs, without running it.</summary>
sealed class InspectCommand : AutoGlmCommand
{
    readonly Argument<string?> _name = new("model") { Description = "A GGUF file, a model folder, a name on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<bool> _tensors = Flags.Switch("--tensors", "List every tensor of the files.");
    readonly Option<bool> _plan = Flags.Switch("--plan", "Print the plan: kernel, shapes, bytes, estimated and measured time of every step for one token.");
    readonly Option<bool> _disassemble = Flags.Switch("--disassemble", "With --plan: list the machine code that was assembled for this processor.");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public InspectCommand(CommandConsole console)
        : base("inspect", "Says what a model is and what it costs.", console)
    {
        Add(_name);
        AddAll([_model, _tensors, _plan, _disassemble, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm inspect glm-4-9b-chat.Q4_K_M.gguf", "Architecture, parameters, memory, formats:"),
        ("autoglm inspect ./GLM-4-9B-0414 --tensors", "Every tensor of a folder's files:"),
        ("autoglm inspect synth:glm4-tiny --plan", "Which kernels run, and how long each takes:"),
        ("autoglm inspect synth:llama-3.2-1b:Q4_0 --plan --disassemble", "And the code that was written for them:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string? name = arguments.GetValue(_name) ?? arguments.GetValue(_model);
        AutoInferenceOptions options = _engine.Read(arguments);
        using ModelPackage model = await OpenModel.PackageAsync(name, options.Hub, Console, cancellation);
        bool disassemble = arguments.GetValue(_disassemble);
        if (disassemble && !arguments.GetValue(_plan))
        {
            throw CommandFailedException.Usage("--disassemble lists what --plan needs: give both.");
        }

        PlanReport? plan = arguments.GetValue(_plan) ? Measure(model, options, cancellation) : null;

        if (arguments.GetValue(_json))
        {
            Console.WriteJson(ToJson(model, arguments.GetValue(_tensors), plan, disassemble));
        }
        else
        {
            Print(model, arguments.GetValue(_tensors));
            plan?.Print(Console, disassemble);
        }

        return ExitCode.Done;
    }

    static PlanReport Measure(ModelPackage model, AutoInferenceOptions options, CancellationToken cancellation)
    {
        using IBackend backend = AutoInferenceEngine.CreateBackend(model, options);
        using ModelMeter meter = new(model.Config, model.Weights, backend, new MeterLimits(1, 1, 1) { KvFormat = options.Engine.KvFormat });
        MachineSpeed machine = MachineProbe.Measure(options.Cpu.Threads);
        return PlanReport.Measure(meter, machine, backend is CpuBackend cpu ? cpu.EmittedCode : [], cancellation);
    }

    static JsonNode ToJson(ModelPackage model, bool tensors, PlanReport? plan, bool disassemble)
    {
        JsonNode page = JsonNode.Parse(model.Summarize().ToJson())!;
        if (tensors)
        {
            page["tensors"] = new JsonArray([.. model.Weights.Stored.Select(tensor => (JsonNode)new JsonObject
            {
                ["name"] = tensor.Name,
                ["type"] = tensor.TypeName,
                ["extents"] = new JsonArray([.. tensor.Extents.Select(extent => (JsonNode)extent)]),
                ["bytes"] = tensor.Bytes,
            })]);
        }

        if (plan is not null)
        {
            page["plan"] = plan.Plan.Print();
            page["steps"] = plan.StepsToJson();
            if (disassemble)
            {
                page["code"] = plan.CodeToJson();
            }
        }

        return page;
    }

    void Print(ModelPackage model, bool tensors)
    {
        Console.Output.Write(model.Describe());
        if (tensors)
        {
            Console.Output.WriteLine();
            Table table = new Table().Border(TableBorder.None).AddColumn("tensor").AddColumn("type").AddColumn("extents");
            table.AddColumn(new TableColumn("size").RightAligned());
            foreach (TensorInfo tensor in model.Weights.Stored)
            {
                table.AddRow(Markup.Escape(tensor.Name), tensor.TypeName, string.Join(" × ", tensor.Extents), Units.Bytes(tensor.Bytes));
            }

            Console.Page().Write(table);
        }
    }
}
