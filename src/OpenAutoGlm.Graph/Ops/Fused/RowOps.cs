namespace OpenAutoGlm.Graph.Ops.Fused;

/// <summary>
/// A sum of two tensors and the norms around it: sum = a + Post(b), normed = Next(sum). a, b: [.., n]; then the weight
/// [n] of each norm that is there → sum, and normed if there is a Next.
/// </summary>
public sealed record ResidualNorm(RmsNorm? Post, RmsNorm? Next) : FusedOp
{
    /// <summary>Two tensors and a weight for each norm.</summary>
    public int InputCount => 2 + (Post is null ? 0 : 1) + (Next is null ? 0 : 1);

    /// <inheritdoc/>
    public override bool MayOverwrite(int output, int input) => output == 0 && input < 2;

    internal override void Compose(Composition whole)
    {
        (int a, int b) = (whole.Take(), whole.Take());
        Require(whole.Types[a] == whole.Types[b], [.. whole.Types], "the terms must have one type");
        b = Post is null ? b : whole.Apply(Post, b, whole.Take());
        int sum = whole.Apply(new Add(), a, b);
        whole.Output(sum);
        if (Next is not null)
        {
            whole.Output(whole.Apply(Next, sum, whole.Take()));
        }
    }
}

/// <summary>The norm of picked rows: y = Norm(table[ids]). table: [rows, n]; ids: [m] I32; weight: [n] → [m, n].</summary>
public sealed record GatherNorm(RmsNorm Norm) : FusedOp
{
    internal override void Compose(Composition whole) =>
        whole.Output(whole.Apply(Norm, whole.Apply(new GatherRows(), whole.Take(), whole.Take()), whole.Take()));
}
