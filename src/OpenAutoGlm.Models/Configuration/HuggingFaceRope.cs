using OpenAutoGlm.Graph.Ops;
using OpenAutoGlm.Models.Architectures;

namespace OpenAutoGlm.Models.Configuration;

/// <summary>Reads rotary settings: rope_theta and rope_scaling as they were until 2025, or rope_parameters, which joins them.</summary>
static class HuggingFaceRope
{
    const float DefaultBase = 10000;

    public static RopeConfig Read(JsonFields fields, RopePairing pairing, int headDim, float defaultPartial)
    {
        JsonFields? joined = fields.Object("rope_parameters");
        JsonFields? scaling = joined ?? fields.Object("rope_scaling");
        ConfigFields theta = joined is not null && joined.Has("rope_theta") ? joined : fields;
        ConfigFields partial = joined is not null && joined.Has("partial_rotary_factor") ? joined : fields;
        float share = partial.Positive("partial_rotary_factor", 1, defaultPartial);
        RopeConfig rope = new(pairing, (int)(headDim * share), theta.Positive("rope_theta", ConfigFields.MaxRopeBase, DefaultBase));
        return scaling is null ? rope : Scale(rope, scaling);
    }

    static RopeConfig Scale(RopeConfig rope, JsonFields scaling)
    {
        string field = scaling.Has("rope_type") ? "rope_type" : "type";
        switch (scaling.Text(field))
        {
            // mrope tells time, height and width apart; for text all three are the position.
            case null or "default" or "mrope":
                return rope;
            case "linear":
                return rope with { PositionScale = 1 / scaling.Positive("factor", ConfigFields.MaxFactor) };
            case "llama3":
                Llama3RopeScaling llama3 = new(
                    scaling.Positive("factor", ConfigFields.MaxFactor),
                    scaling.Positive("low_freq_factor", ConfigFields.MaxFactor),
                    scaling.Positive("high_freq_factor", ConfigFields.MaxFactor),
                    scaling.Count("original_max_position_embeddings", ConfigFields.MaxContext));
                return llama3.HighFactor > llama3.LowFactor
                    ? rope with { Llama3 = llama3 }
                    : throw scaling.Error("high_freq_factor", $"is {llama3.HighFactor}, which must be above low_freq_factor, {llama3.LowFactor}.");
            case string other:
                throw scaling.Error(field, $"'{other}' is not supported; supported are default, linear, llama3 and mrope.");
        }
    }
}
