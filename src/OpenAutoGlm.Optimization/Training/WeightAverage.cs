using OpenAutoGlm.Graph.Formats;
using OpenAutoGlm.Graph.Tensors;
using OpenAutoGlm.Optimization.Training.Updates;

namespace OpenAutoGlm.Optimization.Training;

/// <summary>
/// An exponential moving average of the weights: a ← a + (1 − d)(w − a), d rising from 0.1 to the decay asked for, so
/// that the beginning is forgotten. Source: Polyak &amp; Juditsky 1992 (averaging); Izmailov et al. 2018 (in deep nets).
/// </summary>
sealed class WeightAverage
{
    readonly IReadOnlyList<TrainedParameter> _parameters;
    readonly ParameterPieces _pieces;
    readonly Tensor[] _averages;
    readonly double _decay;
    readonly Action<ParameterPieces.Piece> _update;
    readonly Action<ParameterPieces.Piece> _exchange;
    float _share;

    public WeightAverage(double decay, IReadOnlyList<TrainedParameter> parameters, ParameterPieces pieces)
    {
        (_decay, _parameters, _pieces) = (decay, parameters, pieces);
        _averages = [.. parameters.Select(parameter => Tensor.Allocate(TensorFormat.F32, parameter.Weight.Shape.Dims.AsSpan()))];
        for (int i = 0; i < _averages.Length; i++)
        {
            parameters[i].Weight.View.Floats.CopyTo(_averages[i].View.Floats);
        }

        _update = piece =>
        {
            Span<float> average = Average(piece);
            ReadOnlySpan<float> weight = _pieces.Weight(piece);
            for (int i = 0; i < average.Length; i++)
            {
                average[i] += _share * (weight[i] - average[i]);
            }
        };
        _exchange = piece =>
        {
            Span<float> average = Average(piece);
            Span<float> weight = _pieces.Weight(piece);
            for (int i = 0; i < average.Length; i++)
            {
                (average[i], weight[i]) = (weight[i], average[i]);
            }
        };
    }

    /// <summary>The averages, by names that a checkpoint keeps.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State => _parameters.Zip(_averages, (parameter, average) => ($"ema/{parameter.Name}", average));

    /// <summary>Takes the weights after an update into the average.</summary>
    public void Update(long step)
    {
        _share = (float)(1 - Math.Min(_decay, (1.0 + step) / (10.0 + step)));
        _pieces.ForEach(_update);
    }

    /// <summary>Puts the averages in place of the weights, and back when called again.</summary>
    public void Exchange() => _pieces.ForEach(_exchange);

    Span<float> Average(ParameterPieces.Piece piece) => _averages[piece.Parameter].View.Floats.Slice(piece.Start, piece.Length);
}
