using OpenAutoGlm.Engine.Simulation;

namespace OpenAutoGlm.Cli.Replay;

/// <summary>A step as it was measured.</summary>
/// <param name="Tokens">Tokens in it.</param>
/// <param name="Sequences">Sequences in it.</param>
/// <param name="Attended">Pairs of a token and a position that it attends to.</param>
/// <param name="Seconds">What it took.</param>
readonly record struct MeasuredStep(double Tokens, double Sequences, double Attended, double Seconds);

/// <summary>
/// The costs that measured steps come nearest to: least squares of relative errors, no cost below nothing. Reading the
/// weights and a step's fixed part cannot be told apart by steps that all read the weights, so both are Floor. Which steps
/// are bound by their tokens and which by the weights is guessed, solved for, and guessed anew until it stays.
/// </summary>
static class CostFit
{
    const int Rounds = 50;
    const int Sweeps = 20_000;
    const int Parameters = 4; // floor, token, sequence, context

    /// <summary>The costs, and the greatest relative error with them.</summary>
    public static (StepCosts Costs, double WorstError) Of(IReadOnlyList<MeasuredStep> steps)
    {
        // Steps of more tokens than this are bound by them, at first by guess.
        double most = steps.Max(step => step.Tokens);
        bool[] byTokens = [.. steps.Select(step => step.Tokens > Math.Max(1, most / 8))];
        StepCosts best = new();
        double least = double.PositiveInfinity;
        for (int round = 0; round < Rounds; round++)
        {
            StepCosts costs = Solve(steps, byTokens);
            double error = steps.Sum(step => Math.Pow(Error(costs, step), 2));
            if (error < least)
            {
                (best, least) = (costs, error);
            }

            bool[] now = [.. steps.Select(step => costs.Token * step.Tokens > costs.Floor)];
            if (now.SequenceEqual(byTokens))
            {
                break;
            }

            byTokens = now;
        }

        return (best, steps.Max(step => Math.Abs(Error(best, step))));
    }

    static double Error(StepCosts costs, MeasuredStep step)
    {
        double seconds = costs.Step + Math.Max(costs.Floor, costs.Token * step.Tokens) + (costs.Sequence * step.Sequences) + (costs.Context * step.Attended);
        return (seconds / step.Seconds) - 1;
    }

    /// <summary>Coordinate descent: each cost in turn takes its best value at or above nothing, the others held.</summary>
    static StepCosts Solve(IReadOnlyList<MeasuredStep> steps, bool[] byTokens)
    {
        double[][] rows =
        [
            .. steps.Select((step, i) => (double[])
            [
                (byTokens[i] ? 0 : 1) / step.Seconds,
                (byTokens[i] ? step.Tokens : 0) / step.Seconds,
                step.Sequences / step.Seconds,
                step.Attended / step.Seconds,
            ]),
        ];
        double[] values = new double[Parameters];
        for (int sweep = 0; sweep < Sweeps; sweep++)
        {
            double moved = 0;
            for (int parameter = 0; parameter < Parameters; parameter++)
            {
                double along = 0;
                double square = 0;
                foreach (double[] row in rows)
                {
                    double others = 0;
                    for (int other = 0; other < Parameters; other++)
                    {
                        others += other == parameter ? 0 : row[other] * values[other];
                    }

                    along += row[parameter] * (1 - others);
                    square += row[parameter] * row[parameter];
                }

                double value = square > 0 ? Math.Max(0, along / square) : 0;
                moved = Math.Max(moved, Math.Abs(value - values[parameter]) * Math.Sqrt(square));
                values[parameter] = value;
            }

            if (moved < 1e-12)
            {
                break;
            }
        }

        return new StepCosts { Floor = values[0], Token = values[1], Sequence = values[2], Context = values[3] };
    }
}
