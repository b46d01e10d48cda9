namespace OpenAutoGlm.Graph.Ops.Fused;

/// <summary>
/// The choice of experts from the rows themselves: Router(x' · wᵀ (, bias)) with x' = Prologue(…) or x. The prologue's
/// results come out first, the normed rows too, because the experts read them → …, chosen, weights.
/// </summary>
public sealed record FusedRouter(Op? Prologue, Router Router, bool Bias) : FusedOp
{
    /// <summary>Inputs before the weight of the router.</summary>
    public int PrologueInputs => FusedMatMul.InputsOf(Prologue);

    /// <summary>Results of the prologue, which come out before the choice.</summary>
    public int PrologueOutputs => Prologue is null ? 0 : Prologue is ResidualNorm ? 2 : 1;

    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) =>
        output < PrologueOutputs - 1 && input < PrologueInputs && Prologue!.MayOverwrite(output, input);

    internal override void Compose(Composition whole)
    {
        int x = FusedMatMul.Before(Prologue, whole, keep: true);
        int logits = whole.Apply(new MatMul(), x, whole.Take());
        var routed = Bias ? whole.ApplyMany(Router, logits, whole.Take()) : whole.ApplyMany(Router, logits);
        whole.Output(routed[0]);
        whole.Output(routed[1]);
    }
}

/// <summary>
/// The gated half of the experts: y = Gate(x · w_gateᵀ) · (x · w_upᵀ) for each chosen expert. x: [tokens, in];
/// w_gate, w_up: [experts, out, in] in any formats; chosen: [tokens, used] I32 → y: [tokens, used, out].
/// </summary>
public sealed record GatedExpertMatMul(Activation Gate) : FusedOp
{
    internal override void Compose(Composition whole)
    {
        (int x, int gateWeight, int upWeight, int chosen) = (whole.Take(), whole.Take(), whole.Take(), whole.Take());
        int gate = whole.Apply(new ExpertMatMul(), x, gateWeight, chosen);
        int up = whole.Apply(new ExpertMatMul(), x, upWeight, chosen);
        whole.Output(whole.Apply(new Multiply(), whole.Apply(new Activate(Gate), gate), up));
    }
}

/// <summary>
/// The experts' answers computed and put together: y = Σ_j weights[t, j] · (x[t (, j)] · w[chosen[t, j]]ᵀ), in rising j,
/// plus Sums tensors of y's shape. x: [tokens, in] or [tokens, used, in]; w: [experts, out, in]; chosen: [tokens, used]
/// I32; weights: [tokens, used]; then the tensors → y: [tokens, out].
/// </summary>
public sealed record CombinedExpertMatMul(int Sums) : FusedOp
{
    /// <summary>Inputs before the tensors that are added.</summary>
    public const int FirstSum = 4;

    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => input >= FirstSum;

    internal override void Compose(Composition whole)
    {
        (int x, int weight, int chosen, int shares) = (whole.Take(), whole.Take(), whole.Take(), whole.Take());
        int y = whole.Apply(new CombineExperts(), whole.Apply(new ExpertMatMul(), x, weight, chosen), shares);
        for (int i = 0; i < Sums; i++)
        {
            y = whole.Apply(new Add(), y, whole.Take());
        }

        whole.Output(y);
    }
}
