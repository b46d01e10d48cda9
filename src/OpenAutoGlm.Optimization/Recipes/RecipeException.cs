namespace OpenAutoGlm.Optimization.Recipes;

/// <summary>A recipe that cannot be followed: the message names the file, the line, the field, and what would be right.</summary>
public sealed class RecipeException(string message, Exception? inner = null) : Exception(message, inner);
