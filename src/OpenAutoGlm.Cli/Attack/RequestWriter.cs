using System.Globalization;
using System.Text;

namespace OpenAutoGlm.Cli.Attack;

/// <summary>Requests by number: every number is one request, always the same for the same seed, routes and model.</summary>
sealed class RequestWriter(IReadOnlyList<AttackRoute> routes, string model, string host, string? key, int seed)
{
    static readonly string[] StrangePaths = ["/", "/v1", "/v1/", "/V1/models", "/v1/models/..%2f..", "/v1/models/%00", "/%ff%fe", "/v1/chat/completions/", "//v1/models", "/v1/models/" + "a%20", "/openapi.json?x=\u00e9", "/api", "*"];
    static readonly string[] Types = ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "", "/", "application/xml", "image/png"];

    /// <summary>The request of a number.</summary>
    public AttackRequest Write(long number)
    {
        Dice dice = new(seed, number);
        AttackRoute route = routes[dice.Below(routes.Count)];

        // Where no body is read there is little to get wrong, so most of the requests go elsewhere.
        for (int tries = 0; route.Body is null && tries < 2; tries++)
        {
            route = routes[dice.Below(routes.Count)];
        }

        BodyWriter bodies = new(model, dice);
        string name = $"{route.Method} {route.Path}";
        bool hasBody = route.Method is not ("GET" or "HEAD" or "OPTIONS") || dice.OneIn(20);
        string good = hasBody ? bodies.Write(route, wrongs: 0) : "";
        int way = dice.Below(100);
        return way switch
        {
            < 18 => Plain(name, "good", route, dice, Encoding.UTF8.GetBytes(good)),
            < 52 => Plain(name, "wrong value", route, dice, Encoding.UTF8.GetBytes(hasBody ? bodies.Write(route, 1 + dice.Below(3)) : "")),
            < 66 => Plain(name, "no JSON", route, dice, hasBody ? bodies.Mangle(good) : []),
            < 71 => Plain(name, "wrong type", route, dice, Encoding.UTF8.GetBytes(good), contentType: dice.Of<string>(Types)),
            < 75 => Plain(name, "strange headers", route, dice, Encoding.UTF8.GetBytes(good), more: StrangeHeaders(dice)),
            < 78 => Plain(name, "client leaves", route, dice, Encoding.UTF8.GetBytes(good)) with { LeaveAfter = dice.Below(400) },
            < 82 => Plain(name, "client leaves", route, dice, Encoding.UTF8.GetBytes(Streaming(good))) with { LeaveAfter = dice.Below(3000) },
            < 85 => Plain(name, "stream", route, dice, Encoding.UTF8.GetBytes(Streaming(good))),
            < 88 => Chunked(name, route, dice, Encoding.UTF8.GetBytes(good), whole: true),
            < 91 => Chunked(name, route, dice, Encoding.UTF8.GetBytes(good), whole: false),
            < 94 => Cut(Plain(name, "cut off", route, dice, Encoding.UTF8.GetBytes(good)), dice),
            < 96 => Row(name, route, dice, bodies),
            < 98 => Plain(name, "another method", route with { Method = dice.Of("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW") }, dice, Encoding.UTF8.GetBytes(good)),
            98 => Plain("elsewhere", "strange address", route with { Path = dice.Of<string>(StrangePaths) }, dice, Encoding.UTF8.GetBytes(good)) with { IsWhole = false },
            _ => Noise(name, route, dice, Encoding.UTF8.GetBytes(good)),
        };
    }

    static string Streaming(string body) => body.StartsWith('{') && body.Length > 2 ? $"{body[..^1]},\"stream\":true}}" : body;

    AttackRequest Plain(string name, string kind, AttackRoute route, Dice dice, byte[] body, string? contentType = null, string more = "")
    {
        byte[] head = Head(route, dice, $"Content-Length: {body.Length}\r\n{more}", contentType);
        string path = AddressOf(head);
        return new AttackRequest(name, IsNone(path) ? "strange address" : kind, dice.OneIn(6) ? [head, body] : [[.. head, .. body]]) { Path = path, IsHead = route.Method == "HEAD" };
    }

    AttackRequest Chunked(string name, AttackRoute route, Dice dice, byte[] body, bool whole)
    {
        List<byte[]> pieces = [Head(route, dice, "Transfer-Encoding: chunked\r\n")];
        for (int start = 0; start < body.Length;)
        {
            byte[] chunk = body[start..Math.Min(body.Length, start + 1 + dice.Below(200))];
            pieces.Add([.. Encoding.ASCII.GetBytes(chunk.Length.ToString("x", CultureInfo.InvariantCulture)), 13, 10, .. chunk, 13, 10]);
            start += chunk.Length;
        }

        pieces.Add("0\r\n\r\n"u8.ToArray());
        string path = AddressOf(pieces[0]);
        AttackRequest request = new(name, IsNone(path) ? "strange address" : "chunked", pieces) { Path = path, IsHead = route.Method == "HEAD" };
        return whole ? request : Cut(request with { Kind = "chunks cut off" }, dice);
    }

    /// <summary>Ends a request at any byte.</summary>
    static AttackRequest Cut(AttackRequest request, Dice dice)
    {
        byte[] all = [.. request.Pieces.SelectMany(piece => piece)];
        return request with { Pieces = [all[..dice.Below(all.Length)]], IsWhole = false };
    }

    /// <summary>Several requests before the first answer.</summary>
    AttackRequest Row(string name, AttackRoute route, Dice dice, BodyWriter bodies)
    {
        int count = 2 + dice.Below(6);
        AttackRequest[] all = [.. Enumerable.Range(0, count).Select(_ => Plain(name, "in a row", route, dice, Encoding.UTF8.GetBytes(bodies.Write(route, dice.Below(2)))))];
        AttackRequest strangest = all.MaxBy(request => request.Kind, StringComparer.Ordinal)!;
        return strangest with { Pieces = [[.. all.SelectMany(request => request.Pieces).SelectMany(piece => piece)]], Answers = count };
    }

    AttackRequest Noise(string name, AttackRoute route, Dice dice, byte[] body)
    {
        byte[] bytes = dice.Below(5) switch
        {
            0 => dice.Bytes(1 + dice.Below(500)),
            1 => Head(route, dice, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            2 => Head(route, dice, "Content-Length: 5\r\nContent-Length: 6\r\n"),
            3 => [.. Head(route, dice, $"Content-Length: -{body.Length}\r\n"), .. body],
            _ => [.. Head(route, dice, "Transfer-Encoding: chunked\r\n"), .. Encoding.ASCII.GetBytes(dice.Of("zz\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "5\r\nab"))],
        };
        return new AttackRequest(name, "no HTTP", [bytes]) { IsWhole = false, Path = route.Path };
    }

    byte[] Head(AttackRoute route, Dice dice, string headers, string? contentType = null)
    {
        string path = route.Path.Contains('{') ? Fill(route.Path, dice) : route.Path;
        string type = contentType ?? route.BodyType;
        string authorization = key is null ? "" : $"Authorization: Bearer {key}\r\n";
        return Encoding.Latin1.GetBytes($"{route.Method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{(type.Length > 0 ? $"Content-Type: {type}\r\n" : "")}{headers}\r\n");
    }

    /// <summary>Fills the {names} of an address.</summary>
    string Fill(string path, Dice dice)
    {
        StringBuilder filled = new();
        for (int i = 0; i < path.Length; i++)
        {
            if (path[i] != '{')
            {
                filled.Append(path[i]);
                continue;
            }

            i = path.IndexOf('}', i);
            filled.Append(dice.Of(Uri.EscapeDataString(model), "0", "-1", "%00", "a%2Fb", "..%2f", "%F0%9F%98%80", "%ff", new string('x', 300), "file-1", "batch_1", "resp_1"));
        }

        return filled.ToString();
    }

    static string AddressOf(byte[] head) => Encoding.Latin1.GetString(head).Split(' ', 3)[1];

    /// <summary>An address with a NUL is no address: it is refused before anything that knows words has seen it.</summary>
    static bool IsNone(string path) => path.Contains("%00", StringComparison.Ordinal);

    static string StrangeHeaders(Dice dice) => string.Concat(Enumerable.Range(0, 1 + dice.Below(4)).Select(_ => dice.Below(10) switch
    {
        0 => $"X-{dice.Below(1000)}: {new string('v', dice.Below(3000))}\r\n",
        1 => "traceparent: 00-zz-00-01\r\n",
        2 => "X-Request-Id: a\tb\u00ff\r\n",
        3 => "Accept-Encoding: gzip;q=nan, *\r\n",
        4 => "Origin: null\r\n",
        5 => "Expect: 100-continue\r\n",
        6 => "Connection: close\r\n",
        7 => "anthropic-version: 1900-01-01\r\nx-api-key: \r\n",
        8 => "Content-Encoding: gzip\r\n",
        _ => "Range: bytes=0-\r\nIf-None-Match: *\r\nX-Forwarded-For: 127.0.0.1, ::1\r\n",
    }));
}
