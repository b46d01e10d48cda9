using System.Buffers.Binary;
using System.Text;
using OpenAutoGlm.Models.Tokenizers.Merging;
using OpenAutoGlm.Models.Tokenizers.Normalization;

namespace OpenAutoGlm.Models.Tokenizers.Saving;

/// <summary>The bytes of a tokenizer.model. Source: sentencepiece_model.proto for the field numbers.</summary>
static class SentencePieceModel
{
    /// <summary>A tokenizer in SentencePiece's own form.</summary>
    /// <exception cref="ModelFormatException">It is none of SentencePiece's, or has a character map, whose source is no longer there.</exception>
    public static byte[] Of(TokenizerParts parts)
    {
        Vocabulary vocabulary = parts.Vocabulary;
        SentencePieceNormalizer? normalizer = parts.Normalizers.OfType<SentencePieceNormalizer>().FirstOrDefault();
        int algorithm = parts.Encoder switch
        {
            UnigramEncoder => 1,
            TokenRankEncoder { IsById: false } => 2,
            _ => throw new ModelFormatException(vocabulary.File, "tokenizer", $"{parts.Encoder.Name} over characters cannot be written as a tokenizer.model; take the tokenizer's files from the original folder."),
        };
        if (normalizer?.HasMap ?? false)
        {
            throw new ModelFormatException(vocabulary.File, "tokenizer", "its character map cannot be written; take tokenizer.model from the original folder.");
        }

        using MemoryStream model = new();
        for (int id = 0; id < vocabulary.Count; id++)
        {
            Message(model, 1, Piece(vocabulary, id));
        }

        Message(model, 2, Trainer(parts, algorithm));
        Message(model, 3, Normalizer(normalizer));
        return model.ToArray();
    }

    static byte[] Piece(Vocabulary vocabulary, int id)
    {
        using MemoryStream piece = new();
        string text = vocabulary.Kind(id) switch
        {
            TokenKind.Byte => $"<0x{vocabulary.Bytes(id)[0]:X2}>",
            TokenKind.Normal or TokenKind.UserDefined => Encoding.UTF8.GetString(vocabulary.Bytes(id)).Replace(' ', '▁'),
            _ => Encoding.UTF8.GetString(vocabulary.Bytes(id)),
        };
        Message(piece, 1, Encoding.UTF8.GetBytes(text));
        piece.WriteByte((2 << 3) | 5);
        Span<byte> score = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(score, vocabulary.Score(id));
        piece.Write(score);
        Number(piece, 3, (int)vocabulary.Kind(id));
        return piece.ToArray();
    }

    static byte[] Trainer(TokenizerParts parts, int algorithm)
    {
        using MemoryStream trainer = new();
        Number(trainer, 3, algorithm);
        Number(trainer, 4, parts.Vocabulary.Count);
        Number(trainer, 35, parts.Vocabulary.ByteToken(0) >= 0 ? 1 : 0);
        Number(trainer, 40, parts.UnknownId ?? 0);
        Number(trainer, 41, parts.BosId ?? -1);
        Number(trainer, 42, parts.EosId ?? -1);
        Number(trainer, 43, parts.PadId ?? -1);
        return trainer.ToArray();
    }

    static byte[] Normalizer(SentencePieceNormalizer? normalizer)
    {
        using MemoryStream spec = new();
        Message(spec, 1, "identity"u8);
        Number(spec, 3, normalizer is not null && normalizer.Prefix != SpacePrefix.None ? 1 : 0);
        Number(spec, 4, normalizer?.CollapsesSpaces ?? false ? 1 : 0);
        Number(spec, 5, 1);
        return spec.ToArray();
    }

    static void Message(MemoryStream stream, int field, ReadOnlySpan<byte> bytes)
    {
        Varint(stream, (ulong)(field << 3) | 2);
        Varint(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    static void Number(MemoryStream stream, int field, int value)
    {
        Varint(stream, (ulong)(field << 3));
        Varint(stream, (ulong)value);
    }

    static void Varint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }
}
