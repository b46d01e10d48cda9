// Talks to a server as any program with Ollama's own client does, and prints what it saw as one line of JSON.
// Usage: node ollama.mjs ROOT_URL MODEL
import { Ollama } from "ollama";
import { heat, prompt, refusal, weather } from "./reporting.mjs";

const [host, model] = process.argv.slice(2);
const client = new Ollama({ host });
const messages = [{ role: "user", content: prompt }];
const options = { temperature: 0, num_predict: 24 };
const seen = {};

seen.models = (await client.list()).models.map((entry) => entry.name);
seen.shown = (await client.show({ model })).model_info["general.basename"];
seen.running = (await client.ps()).models.length;

const whole = await client.chat({ model, messages, options });
seen.whole = whole.message.content;
seen.done = [whole.done, whole.done_reason, whole.eval_count];
seen.streamed = "";
for await (const part of await client.chat({ model: `${model}:latest`, messages, options, stream: true })) {
  seen.streamed += part.message.content;
  seen.streamDone = [part.done, part.done_reason, part.eval_count];
}

seen.generated = (await client.generate({ model, prompt, options })).response;
seen.generatedStream = "";
for await (const part of await client.generate({ model, prompt, raw: true, options, stream: true })) seen.generatedStream += part.response;

const formed = await client.chat({ model, messages, format: weather, options: { ...options, num_predict: 450, temperature: heat } });
seen.formed = JSON.parse(formed.message.content);
const tools = [{ type: "function", function: { name: "weather", description: "Tells the weather.", parameters: weather } }];
seen.offered = (await client.chat({ model, messages, tools, options })).message.role;
const answered = await client.chat({
  model,
  options,
  messages: [...messages, { role: "assistant", content: "", tool_calls: [{ function: { name: "weather", arguments: { city: "Rome" } } }] }, { role: "tool", tool_name: "weather", content: "Sun" }],
});
seen.answered = answered.message.role;

seen.unknownModel = await refusal(() => client.chat({ model: "nobody", messages }));
seen.badOption = await refusal(() => client.chat({ model, messages, options: { mirostat: 1 } }));
for await (const part of await client.chat({ model, messages, options: { ...options, num_predict: 450 }, stream: true })) {
  seen.left = part.done;
  break;
}

console.log(JSON.stringify(seen));
process.exit(0); // A stream that was left keeps this client's connection, and with it the process, alive.
