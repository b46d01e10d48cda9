namespace OpenAutoGlm.Server.Ollama;

// The bodies of answers, field for field as Ollama's reference has them.

sealed record ErrorBody(string Error);
