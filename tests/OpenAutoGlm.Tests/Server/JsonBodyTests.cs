using System.Text;
using FsCheck;
using FsCheck.Fluent;
using OpenAutoGlm.Server.OpenAi.Requests;
using OpenAutoGlm.Server.Wire;

namespace OpenAutoGlm.Server;

public class JsonBodyTests
{
    [Theory]
    [InlineData("", "empty")]
    [InlineData("   ", "line 1")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("5", "must be a JSON object")]
    [InlineData("{\"a\": 1", "line 1")]
    [InlineData("{\n\"a\": 1,\n  \"b\": x}", "line 3, byte 8")]
    [InlineData("{\"a\": NaN}", "line 1, byte 7")]
    [InlineData("{\"a\": Infinity}", "line 1, byte 7")]
    [InlineData("{\"a\": 01}", "line 1")]
    [InlineData("{\"a\": 1,}", "line 1")]
    [InlineData("{\"a\": 1} {}", "line 1")]
    [InlineData("{'a': 1}", "line 1")]
    [InlineData("{\"a\": 1 /* why */}", "line 1")]
    [InlineData("{\"a\": \"line\nbreak\"}", "line 1")]
    [InlineData("{\"a\": \"\0\"}", "line 1")]
    [InlineData("{\"a\": 1, \"a\": 2}", "'a' at offset 9 is there twice")]
    [InlineData("{\"a\": 1, \"\\u0061\": 2}", "is there twice")]
    [InlineData("{\"x\": [{\"b\": {}, \"b\": {}}]}", "'b' at offset 17 is there twice")]
    [InlineData("{\"a\": \"\\ud800\"}", "half a surrogate pair")]
    [InlineData("{\"a\": \"\\udc00\\ud800\"}", "half a surrogate pair")]
    [InlineData("{\"\\ud800\": 1}", "half a surrogate pair")]
    [InlineData("{\"a\": \"x\\u0000\"}", "U+0000")]
    [InlineData("{\"a\\u0000\": 1}", "U+0000")]
    public void A_body_that_is_no_good_is_refused_with_the_place(string body, string expected) =>
        Assert.Contains(expected, Refusal(Encoding.UTF8.GetBytes(body)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_parameter_in_which_the_body_breaks_is_named() =>
        Assert.Equal("temperature", Refusal("{\"model\": \"m\", \"temperature\": NaN}"u8.ToArray()).Param);

    [Theory]
    [InlineData(0)]
    [InlineData(5000)]
    public void Invalid_utf8_is_refused_with_its_byte(int offset)
    {
        byte[] body = [.. "{\"a\": \""u8, .. Encoding.UTF8.GetBytes(new string('é', offset)), 0xC3, 0x28, .. "\"}"u8];
        Assert.Contains($"at offset {7 + (2 * offset)}.", Refusal(body).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_nesting_is_refused()
    {
        Assert.Contains("depth", Refusal(Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 2000) + new string(']', 2000) + "}")).Message, StringComparison.Ordinal);
        Assert.Contains("depth", Refusal(Encoding.UTF8.GetBytes(new StringBuilder().Insert(0, "{\"a\":", 2000).ToString())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_names_are_refused() =>
        Assert.Contains("4096", Refusal(Encoding.UTF8.GetBytes("{" + string.Join(",", Enumerable.Range(0, 5000).Select(name => $"\"{name}\":0")) + "}")).Message, StringComparison.Ordinal);

    [Fact]
    public void Escapes_and_pairs_of_surrogates_are_read()
    {
        using var body = JsonBody.Parse("{\"\\u0061\": \"\\ud83d\\ude00 \\u4f60\\n 好\"}"u8.ToArray());
        Assert.Equal("😀 你\n 好", body.RootElement.GetProperty("a").GetString());
    }

    [Fact]
    public void A_body_cut_anywhere_or_with_any_byte_changed_is_read_or_refused()
    {
        byte[] whole = """{"model":"tiny","messages":[{"role":"user","content":[{"type":"text","text":"é\ud83d\ude00"}]}],"stop":["a"],"logit_bias":{"1":2},"temperature":0.5}"""u8.ToArray();
        for (int length = 0; length < whole.Length; length++)
        {
            Refusal(whole[..length]);
        }

        Prop.ForAll(Gen.Choose(0, whole.Length - 1).SelectMany(place => Gen.Choose(0, 255).Select(value => (place, value))).ToArbitrary(), change =>
        {
            byte[] changed = [.. whole];
            changed[change.place] = (byte)change.value;
            try
            {
                using var body = JsonBody.Parse(changed);
                ParameterTable.Read(Routes.Chat, body.RootElement);
            }
            catch (ApiException exception)
            {
                Assert.Equal(400, exception.Error.Status);
            }
        }).QuickCheckThrowOnFailure();
    }

    static ApiError Refusal(byte[] body)
    {
        ApiError error = Assert.Throws<ApiException>(() => JsonBody.Parse(body)).Error;
        Assert.Equal((400, "invalid_json"), (error.Status, error.Code));
        return error;
    }
}
