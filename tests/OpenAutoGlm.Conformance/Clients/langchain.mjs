// Talks to a server as any program with LangChain does, and prints what it saw as one line of JSON.
// Usage: node langchain.mjs BASE_URL MODEL
import { ChatOpenAI } from "@langchain/openai";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { heat, prompt, refusal } from "./reporting.mjs";

const [baseURL, model] = process.argv.slice(2);
const options = { model, temperature: 0, maxTokens: 24, apiKey: "EMPTY", maxRetries: 0, configuration: { baseURL } };
const schema = z.object({ city: z.enum(["Paris", "Rome"]) });
const weather = tool(async () => "Sun", { name: "weather", description: "Tells the weather.", schema });
const seen = {};

for (const useResponsesApi of [false, true]) {
  const chat = new ChatOpenAI({ ...options, useResponsesApi });
  const part = (seen[useResponsesApi ? "responses" : "chat"] = {});
  const whole = await chat.invoke(prompt);
  part.whole = whole.text;
  part.tokens = whole.usage_metadata.output_tokens;
  part.streamed = "";
  for await (const chunk of await chat.stream(prompt)) part.streamed += chunk.text;

  const agent = new ChatOpenAI({ ...options, maxTokens: 450, temperature: heat, useResponsesApi }).bindTools([weather], { tool_choice: "weather" });
  const called = await agent.invoke(prompt);
  part.call = [called.tool_calls[0].name, called.tool_calls[0].args];
  const answered = await chat.invoke([new HumanMessage(prompt), new AIMessage({ content: called.text, tool_calls: called.tool_calls }), new ToolMessage({ content: "Sun", tool_call_id: called.tool_calls[0].id })]);
  part.answered = typeof answered.text;

  part.formed = await new ChatOpenAI({ ...options, maxTokens: 450, temperature: heat, useResponsesApi }).withStructuredOutput(schema, { name: "weather", method: "jsonSchema", strict: true }).invoke(prompt);
  part.unknownModel = await refusal(() => new ChatOpenAI({ ...options, model: "nobody", useResponsesApi }).invoke(prompt));
}

console.log(JSON.stringify(seen));
