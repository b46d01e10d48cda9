// Talks to a server as any program with Anthropic's own client does, and prints what it saw as one line of JSON.
// Usage: node anthropic.mjs ROOT_URL MODEL
import Anthropic from "@anthropic-ai/sdk";
import { heat, prompt, refusal, weather } from "./reporting.mjs";

const [baseURL, model] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey: "EMPTY", maxRetries: 0 });
const greedy = { model, temperature: 0, max_tokens: 24, messages: [{ role: "user", content: prompt }] };
const tools = [{ name: "weather", description: "Tells the weather.", input_schema: weather }];
const seen = {};

const whole = await client.messages.create(greedy);
seen.whole = whole.content[0].text;
seen.role = whole.role;
seen.stop = whole.stop_reason;
seen.usage = whole.usage;
seen.requestId = whole._request_id;

// The client's own way of putting a stream together.
const stream = client.messages.stream(greedy);
seen.pieces = 0;
stream.on("text", () => seen.pieces++);
const final = await stream.finalMessage();
seen.streamed = final.content[0].text;
seen.streamStop = final.stop_reason;
seen.streamUsage = final.usage;

const stopped = await client.messages.create({ ...greedy, stop_sequences: [" girl"] });
seen.stopped = [stopped.content[0].text, stopped.stop_reason, stopped.stop_sequence];

seen.counted = (await client.messages.countTokens({ model, messages: greedy.messages })).input_tokens;

const called = await client.messages.create({ ...greedy, max_tokens: 450, temperature: heat, tools, tool_choice: { type: "tool", name: "weather" } });
seen.call = called.content.find((block) => block.type === "tool_use");
seen.callStop = called.stop_reason;
const streamedCall = await client.messages.stream({ ...greedy, max_tokens: 450, temperature: heat, tools, tool_choice: { type: "any", disable_parallel_tool_use: true } }).finalMessage();
seen.streamedCall = streamedCall.content.find((block) => block.type === "tool_use");

// The way back: the call and what came of it.
const answered = await client.messages.create({
  ...greedy,
  tools,
  tool_choice: { type: "none" },
  messages: [...greedy.messages, { role: "assistant", content: called.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: seen.call.id, content: "Sun" }] }],
});
seen.answered = answered.content[0].type;

const formed = await client.messages.create({ ...greedy, max_tokens: 450, temperature: heat, output_config: { format: { type: "json_schema", schema: weather } } });
seen.formed = JSON.parse(formed.content[0].text);

seen.unknownModel = await refusal(() => client.messages.create({ ...greedy, model: "nobody" }));
seen.badTemperature = await refusal(() => client.messages.create({ ...greedy, temperature: -1 }));
seen.image = await refusal(() => client.messages.create({ ...greedy, messages: [{ role: "user", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } }] }] }));
seen.streamRefused = await refusal(() => client.messages.stream({ ...greedy, max_tokens: 1000000 }).finalMessage());

// Leaving a stream early must leave the server as it was; the test looks at its statistics.
for await (const event of await client.messages.create({ ...greedy, max_tokens: 450, stream: true })) {
  seen.left = event.type;
  break;
}

console.log(JSON.stringify(seen));
