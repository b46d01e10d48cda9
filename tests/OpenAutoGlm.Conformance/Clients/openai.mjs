// Talks to a server as any program with OpenAI's own client does, and prints what it saw as one line of JSON.
// Usage: node openai.mjs BASE_URL MODEL
import OpenAI, { APIError } from "openai";
import { heat, weather } from "./reporting.mjs";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "EMPTY", maxRetries: 0 });
const messages = [{ role: "user", content: "Once upon a time" }];
const greedy = { model, temperature: 0, max_tokens: 24 };

async function refusal(action) {
  try {
    await action();
    return null;
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    return { status: error.status, code: error.code, param: error.param, type: error.type, requestId: error.requestID };
  }
}

const seen = {};
seen.models = (await client.models.list()).data.map((entry) => entry.id);
seen.model = (await client.models.retrieve(model)).id;

const whole = await client.chat.completions.create({ ...greedy, messages });
seen.whole = whole.choices[0].message.content;
seen.role = whole.choices[0].message.role;
seen.finish = whole.choices[0].finish_reason;
seen.usage = whole.usage;
seen.requestId = whole._request_id;

const stream = await client.chat.completions.create({ ...greedy, messages, stream: true, stream_options: { include_usage: true } });
seen.streamed = "";
for await (const chunk of stream) {
  seen.streamed += chunk.choices[0]?.delta?.content ?? "";
  seen.streamFinish = chunk.choices[0]?.finish_reason ?? seen.streamFinish;
  seen.streamUsage = chunk.usage ?? seen.streamUsage;
}

// The client's own way of putting a stream together, which checks roles, indices and finish reasons.
const gathered = await client.chat.completions.stream({ ...greedy, messages, n: 2, seed: 1, logprobs: true, top_logprobs: 2 }).finalChatCompletion();
seen.gathered = gathered.choices.map((choice) => choice.message.content);
seen.logprobs = gathered.choices[0].logprobs.content.length;

const text = await client.completions.create({ ...greedy, prompt: ["Once upon a time", "The dog"], logprobs: 1 });
seen.texts = text.choices.map((choice) => choice.text);
seen.textLogprobs = text.choices[0].logprobs.tokens.length;

seen.unknownModel = await refusal(() => client.chat.completions.create({ ...greedy, model: "nobody", messages }));
seen.badTemperature = await refusal(() => client.chat.completions.create({ ...greedy, temperature: -1, messages }));

const tools = [{ type: "function", function: { name: "weather", parameters: weather } }];
const called = await client.chat.completions.create({ ...greedy, max_tokens: 450, temperature: heat, messages, tools, tool_choice: "required", parallel_tool_calls: false });
seen.call = called.choices[0].message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)])[0];

// Asked for nothing, the client asks for base64 and gives floats.
const embedded = await client.embeddings.create({ model, input: ["Once upon a time", "The dog"] });
const plain = await client.embeddings.create({ model, input: "Once upon a time", encoding_format: "float" });
seen.embeddings = { count: embedded.data.length, width: embedded.data[0].embedding.length, same: embedded.data[0].embedding.every((x, i) => x === Math.fround(plain.data[0].embedding[i])), usage: embedded.usage };

const request = { custom_id: "one", method: "POST", url: "/v1/chat/completions", body: { ...greedy, messages } };
const file = await client.files.create({ purpose: "batch", file: new File([JSON.stringify(request) + "\n"], "requests.jsonl") });
let batch = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h", metadata: { who: "me" } });
while (["validating", "in_progress", "finalizing"].includes(batch.status)) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  batch = await client.batches.retrieve(batch.id);
}
const result = JSON.parse(await (await client.files.content(batch.output_file_id)).text());
seen.batch = { status: batch.status, counts: batch.request_counts, text: result.response.body.choices[0].message.content, who: batch.metadata.who };
seen.batches = [];
for await (const one of client.batches.list({ limit: 1 })) seen.batches.push(one.id === batch.id);
seen.files = [];
for await (const one of client.files.list({ limit: 1 })) seen.files.push(one.purpose);
seen.deleted = (await client.files.delete(file.id)).deleted;
seen.cancelled = await refusal(() => client.batches.cancel(batch.id));
seen.noFile = await refusal(() => client.files.retrieve("file-0"));

// Leaving a stream early must leave the server as it was; the test looks at its statistics.
for await (const chunk of await client.chat.completions.create({ ...greedy, max_tokens: 400, messages, stream: true })) {
  seen.left = chunk.object;
  break;
}

console.log(JSON.stringify(seen));
