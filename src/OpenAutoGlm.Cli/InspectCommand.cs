using System.CommandLine;
using System.Text.Json.Nodes;
using OpenAutoGlm.Cli.Consoles;
using OpenAutoGlm.Models;
using Spectre.Console;

namespace OpenAutoGlm.Cli;

/// <summary>autoglm inspect: what a model is and what it costs, without running it.</summary>
sealed class InspectCommand : AutoGlmCommand
{
    readonly Argument<string?> _name = new("model") { Description = "A GGUF file, a model folder, a name on the hub, or synth:SHAPE.", Arity = ArgumentArity.ZeroOrOne };
    readonly Option<string?> _model = Flags.Model();
    readonly Option<bool> _tensors = Flags.Switch("--tensors", "List every tensor of the files.");
    readonly Option<bool> _plan = Flags.Switch("--plan", "Print the plan that would run: a kernel for every node.");
    readonly Option<bool> _json = Flags.Json();
    readonly EngineFlags _engine = new();

    public InspectCommand(CommandConsole console)
        : base("inspect", "Says what a model is and what it costs, without running it.", console)
    {
        Add(_name);
        AddAll([_model, _tensors, _plan, _json, .. _engine.All]);
    }

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples =>
    [
        ("autoglm inspect glm-4-9b-chat.Q4_K_M.gguf", "Architecture, parameters, memory, formats:"),
        ("autoglm inspect ./GLM-4-9B-0414 --tensors", "Every tensor of a folder's files:"),
        ("autoglm inspect synth:glm4-tiny --plan", "Which kernels would run:"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellation)
    {
        string? name = arguments.GetValue(_name) ?? arguments.GetValue(_model);
        AutoInferenceOptions options = _engine.Read(arguments);
        using ModelPackage model = await OpenModel.PackageAsync(name, options.Hub, Console, cancellation);
        string? plan = null;
        if (arguments.GetValue(_plan))
        {
            await using AutoInferenceEngine engine = await OpenModel.EngineAsync(name, options, Console, cancellation);
            plan = engine.Engine.PrintPlan();
        }

        if (arguments.GetValue(_json))
        {
            Console.WriteJson(ToJson(model, arguments.GetValue(_tensors), plan));
        }
        else
        {
            Print(model, arguments.GetValue(_tensors), plan);
        }

        return ExitCode.Done;
    }

    static JsonNode ToJson(ModelPackage model, bool tensors, string? plan)
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
            page["plan"] = plan;
        }

        return page;
    }

    void Print(ModelPackage model, bool tensors, string? plan)
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

        if (plan is not null)
        {
            Console.Output.WriteLine();
            Console.Output.Write(plan);
        }
    }
}
