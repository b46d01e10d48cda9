// Talks to /v1/responses as any program with OpenAI's own client does, and prints what it saw as one line of JSON.
// Usage: node responses.mjs BASE_URL MODEL
import OpenAI from "openai";
import { heat, prompt, refusal, weather } from "./reporting.mjs";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "EMPTY", maxRetries: 0 });
const greedy = { model, temperature: 0, max_output_tokens: 24, input: prompt };
const tools = [{ type: "function", name: "weather", description: "Tells the weather.", parameters: weather, strict: true }];
const seen = {};

const whole = await client.responses.create(greedy);
seen.whole = whole.output_text;
seen.status = [whole.status, whole.incomplete_details.reason];
seen.usage = whole.usage;

// The client's own way of putting a stream together, which checks indices and kinds.
const stream = client.responses.stream(greedy);
seen.events = [];
for await (const event of stream) {
  if (seen.events.at(-1) !== event.type) seen.events.push(event.type);
}
const final = await stream.finalResponse();
seen.streamed = final.output[0].content[0].text;
seen.streamUsage = final.usage;

const stored = await client.responses.retrieve(whole.id);
seen.stored = stored.output_text;
seen.inputItems = (await client.responses.inputItems.list(whole.id)).data.map((item) => [item.type, item.role]);
const next = await client.responses.create({ ...greedy, input: " and", previous_response_id: whole.id });
seen.next = [next.previous_response_id === whole.id, next.usage.input_tokens > whole.usage.input_tokens];
await client.responses.delete(whole.id);
seen.deleted = await refusal(() => client.responses.retrieve(whole.id));

const called = await client.responses.create({ ...greedy, max_output_tokens: 450, temperature: heat, tools, tool_choice: "required", parallel_tool_calls: false });
const call = called.output.find((item) => item.type === "function_call");
seen.call = [call.name, JSON.parse(call.arguments)];
const streamedCall = await client.responses.stream({ ...greedy, max_output_tokens: 450, temperature: heat, tools, tool_choice: { type: "function", name: "weather" } }).finalResponse();
seen.streamedCall = streamedCall.output.filter((item) => item.type === "function_call").map((item) => [item.name, item.parsed_arguments ?? JSON.parse(item.arguments)])[0];
const answered = await client.responses.create({ ...greedy, previous_response_id: called.id, input: called.output.filter((item) => item.type === "function_call").map((item) => ({ type: "function_call_output", call_id: item.call_id, output: "Sun" })) });
seen.answered = answered.output[0].type;

const parsed = await client.responses.parse({ ...greedy, max_output_tokens: 450, temperature: heat, text: { format: { type: "json_schema", name: "weather", schema: weather, strict: true } } });
seen.formed = JSON.parse(parsed.output_text);

seen.unknownModel = await refusal(() => client.responses.create({ ...greedy, model: "nobody" }));
seen.background = await refusal(() => client.responses.create({ ...greedy, background: true }));
seen.search = await refusal(() => client.responses.create({ ...greedy, tools: [{ type: "web_search" }] }));

for await (const event of await client.responses.create({ ...greedy, max_output_tokens: 450, stream: true })) {
  seen.left = event.type;
  break;
}

console.log(JSON.stringify(seen));
