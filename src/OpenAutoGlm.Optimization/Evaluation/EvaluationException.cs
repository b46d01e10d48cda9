namespace OpenAutoGlm.Optimization.Evaluation;

/// <summary>
/// A model that cannot be measured, or data that it cannot be measured with: too little text, logits that are no numbers, a task
/// file that says nothing sensible. The message says where, and what to do.
/// </summary>
public sealed class EvaluationException(string message, Exception? inner = null) : Exception(message, inner);
