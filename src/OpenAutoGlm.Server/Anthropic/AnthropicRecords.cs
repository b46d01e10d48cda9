namespace OpenAutoGlm.Server.Anthropic;

// The bodies of answers, field for field as Anthropic's reference has them.

sealed record ErrorBody(ErrorDetail Error, string RequestId)
{
    public string Type => "error";
}

sealed record ErrorDetail(string Type, string Message);
