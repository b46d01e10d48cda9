// An answer while it grows: what the model thinks, what it says, which tools it calls, and how fast.

const opening = "<think>";
const closing = "</think>";

export class Answer {
  message = { role: "assistant", content: "", reasoning: "", calls: [], stats: null, finish: null };
  #sent = performance.now();
  #first = null;
  #last = null;
  #pieces = 0;
  #usage = null;
  #thought = null;

  /** Takes a chunk of the stream. */
  add(chunk) {
    if (chunk.error) {
      throw Object.assign(new Error(chunk.error.message), { code: chunk.error.code });
    }
    this.#usage = chunk.usage ?? this.#usage;
    const choice = chunk.choices?.[0];
    if (!choice) {
      return;
    }
    const { content, reasoning_content: reasoning, tool_calls: calls } = choice.delta ?? {};
    if (content || reasoning || calls) {
      this.#last = performance.now();
      this.#first ??= this.#last;
      this.#pieces++;
    }
    this.message.content += content ?? "";
    this.message.reasoning += reasoning ?? "";
    for (const call of calls ?? []) {
      const own = (this.message.calls[call.index] ??= { id: "", name: "", arguments: "" });
      own.id ||= call.id ?? "";
      own.name ||= call.function?.name ?? "";
      own.arguments += call.function?.arguments ?? "";
    }
    if (content && this.#thought === null && parts(this.message).answer.trim() !== "") {
      this.#thought = performance.now();
    }
    this.message.finish = choice.finish_reason ?? this.message.finish;
  }

  /** What it took so far. */
  measure() {
    const tokens = this.#usage?.completion_tokens ?? this.#pieces;
    const seconds = this.#first === null ? 0 : (this.#last - this.#first) / 1000;
    this.message.stats = {
      tokens,
      prompt: this.#usage?.prompt_tokens ?? null,
      first: this.#first === null ? null : (this.#first - this.#sent) / 1000,
      rate: seconds > 0 && tokens > 1 ? (tokens - 1) / seconds : null,
      thought: this.#thought === null || this.#first === null ? null : (this.#thought - this.#first) / 1000,
    };
    return this.message.stats;
  }
}

/**
 * Splits a message into { thinking, answer, open }. Thinking comes apart from the answer, or in its text between tags,
 * of which the first may have been part of the prompt.
 */
export function parts({ content, reasoning }) {
  const text = content.trimStart();
  const end = text.indexOf(closing);
  if (end >= 0) {
    const begin = text.startsWith(opening) ? opening.length : 0;
    return { thinking: (reasoning + text.slice(begin, end)).trim(), answer: text.slice(end + closing.length).trimStart(), open: false };
  }
  if (text.startsWith(opening)) {
    return { thinking: (reasoning + text.slice(opening.length)).trim(), answer: "", open: true };
  }
  if (opening.startsWith(text) && text !== "") {
    return { thinking: reasoning.trim(), answer: "", open: true };
  }
  return { thinking: reasoning.trim(), answer: content, open: text === "" };
}
