// Talks to a server as any program with the Vercel AI SDK does, and prints what it saw as one line of JSON.
// Usage: node aisdk.mjs BASE_URL MODEL
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { heat, prompt, refusal } from "./reporting.mjs";

const [baseURL, model] = process.argv.slice(2);
const openai = createOpenAI({ baseURL, apiKey: "EMPTY" });
const models = {
  compatible: createOpenAICompatible({ name: "autoglm", baseURL, apiKey: "EMPTY", supportsStructuredOutputs: true }),
  chat: (name) => openai.chat(name),
  responses: (name) => openai.responses(name),
};
const options = { prompt, temperature: 0, maxOutputTokens: 24, maxRetries: 0 };
const schema = z.object({ city: z.enum(["Paris", "Rome"]) });
const weather = tool({ description: "Tells the weather.", inputSchema: schema, execute: async ({ city }) => `Sun in ${city}` });
const seen = {};

for (const [name, choose] of Object.entries(models)) {
  const part = (seen[name] = {});
  const whole = await generateText({ ...options, model: choose(model) });
  part.whole = whole.text;
  part.finish = whole.finishReason;
  part.tokens = whole.usage.outputTokens;
  const stream = streamText({ ...options, model: choose(model) });
  part.streamed = "";
  for await (const piece of stream.textStream) part.streamed += piece;
  part.streamFinish = await stream.finishReason;

  // Two steps: the call, its execution here, and what the model says of it.
  const run = await generateText({
    ...options,
    model: choose(model),
    maxOutputTokens: 450,
    temperature: heat,
    tools: { weather },
    stopWhen: stepCountIs(2),
    prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? { type: "tool", toolName: "weather" } : "none" }),
  });
  part.call = [run.steps[0].toolCalls[0].toolName, run.steps[0].toolCalls[0].input];
  part.result = run.steps[0].toolResults[0].output;
  part.steps = run.steps.length;
  const streamedRun = streamText({ ...options, model: choose(model), maxOutputTokens: 450, temperature: heat, tools: { weather }, toolChoice: "required", stopWhen: stepCountIs(1) });
  part.streamedCall = (await streamedRun.toolCalls).map((call) => [call.toolName, call.input])[0];

  const formed = await generateText({ ...options, model: choose(model), maxOutputTokens: 450, temperature: heat, output: Output.object({ schema }) });
  part.formed = formed.output;
  part.unknownModel = await refusal(() => generateText({ ...options, model: choose("nobody") }));
}

console.log(JSON.stringify(seen));
