using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>What must hold between the fields of a configuration, from whatever file.</summary>
static class ConfigRules
{
    /// <summary>The configuration, if it can be.</summary>
    public static ModelConfig Checked(ModelConfig config, ConfigFields fields, string kvHeadsField, string headDimField, string ropeField)
    {
        if (config.Heads % config.KvHeads != 0)
        {
            throw fields.Error(kvHeadsField, $"is {config.KvHeads}, which does not divide the {config.Heads} query heads.");
        }

        if ((long)config.Heads * config.HeadDim > ConfigFields.MaxInner)
        {
            throw fields.Error(headDimField, $"is {config.HeadDim}; {config.Heads} such heads are wider than {ConfigFields.MaxInner}.");
        }

        if (config.Rope.Dims % 2 != 0 || config.Rope.Dims < 2 || config.Rope.Dims > config.HeadDim)
        {
            throw fields.Error(ropeField, $"makes {config.Rope.Dims} elements of a head of {config.HeadDim} turn; it must be an even number of them, from 2 on.");
        }

        return config;
    }

    /// <summary>The experts, if they can be.</summary>
    public static ExpertsConfig Checked(ExpertsConfig experts, ConfigFields fields, string usedField)
    {
        if (experts.Used > experts.Count)
        {
            throw fields.Error(usedField, $"is {experts.Used}, more than the {experts.Count} experts there are.");
        }

        return experts;
    }
}
