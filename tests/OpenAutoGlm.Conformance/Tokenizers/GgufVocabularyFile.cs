using System.Text;
using OpenAutoGlm.Models.Tokenizers.Loading;

namespace OpenAutoGlm.Conformance.Tokenizers;

/// <summary>Reads the tokenizer keys of a trusted GGUF file; only for comparing with the reference data.</summary>
static class GgufVocabularyFile
{
    public static GgufVocabulary Read(string path)
    {
        using BinaryReader reader = new(File.OpenRead(path));
        reader.ReadBytes(16);
        ulong count = reader.ReadUInt64();
        Dictionary<string, object> values = [];
        for (ulong i = 0; i < count; i++)
        {
            values.Add(ReadString(reader), ReadValue(reader, reader.ReadUInt32()));
        }

        T? Get<T>(string key)
            where T : class => values.GetValueOrDefault("tokenizer.ggml." + key) as T;
        long? Id(string key) => values.TryGetValue($"tokenizer.ggml.{key}_token_id", out object? id) ? Convert.ToInt64(id) : null;
        bool? Flag(string key) => values.TryGetValue("tokenizer.ggml." + key, out object? flag) ? (bool)flag : null;
        return new GgufVocabulary
        {
            File = path,
            Model = Get<string>("model")!,
            Pre = Get<string>("pre"),
            Tokens = Array.ConvertAll(Get<object[]>("tokens")!, token => (string)token),
            Scores = Get<object[]>("scores") is { } scores ? Array.ConvertAll(scores, Convert.ToSingle) : null,
            TokenTypes = Get<object[]>("token_type") is { } types ? Array.ConvertAll(types, Convert.ToInt32) : null,
            Merges = Get<object[]>("merges") is { } merges ? Array.ConvertAll(merges, merge => (string)merge) : null,
            BosId = Id("bos"),
            EosId = Id("eos"),
            EndOfTurnId = Id("eot"),
            PadId = Id("padding"),
            UnknownId = Id("unknown"),
            AddBos = Flag("add_bos_token"),
            AddEos = Flag("add_eos_token"),
            AddSpacePrefix = Flag("add_space_prefix"),
        };
    }

    static object ReadValue(BinaryReader reader, uint type) => type switch
    {
        0 => reader.ReadByte(),
        1 => reader.ReadSByte(),
        2 => reader.ReadUInt16(),
        3 => reader.ReadInt16(),
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadBoolean(),
        8 => ReadString(reader),
        9 => ReadArray(reader),
        10 => reader.ReadUInt64(),
        11 => reader.ReadInt64(),
        12 => reader.ReadDouble(),
        _ => throw new InvalidDataException($"GGUF value type {type}"),
    };

    static object[] ReadArray(BinaryReader reader)
    {
        uint type = reader.ReadUInt32();
        object[] values = new object[reader.ReadUInt64()];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ReadValue(reader, type);
        }

        return values;
    }

    static string ReadString(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));
}
