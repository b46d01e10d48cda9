// A message as an article: its text, what was thought before, calls of tools, figures and buttons.

import { parts } from "./answer.js";
import { copyText, h, icon, iconButton, setText } from "./dom.js";
import { count, plural, rate, seconds } from "./format.js";
import { render } from "./markdown.js";

/** Makes the view of a message. deeds: { edit, again, result }. */
export function messageView(message, deeds) {
  return message.role === "user" ? new UserView(message, deeds) : message.role === "tool" ? new ToolView(message) : new AnswerView(message, deeds);
}

class UserView {
  constructor(message, deeds) {
    this.message = message;
    this.deeds = deeds;
    this.body = h("div", { class: "bubble" });
    this.tools = h("div", { class: "tools" }, iconButton("copy", "Copy message", (event) => copied(event, message.content)), iconButton("edit", "Edit message", () => this.edit()));
    this.element = h("article", { class: "message user", "aria-label": "You" }, this.body, this.tools);
    this.show();
  }

  show() {
    this.body.textContent = this.message.content;
    this.element.classList.remove("editing");
  }

  edit() {
    const field = h("textarea", { "aria-label": "Edit message", rows: Math.min(12, this.message.content.split("\n").length + 1) });
    field.value = this.message.content;
    const save = () => field.value.trim() && this.deeds.edit(this.message, field.value.trim());
    const leave = () => {
      this.show();
      this.tools.lastElementChild.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        save();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        leave();
      }
    });
    this.element.classList.add("editing");
    this.body.replaceChildren(field, h("div", { class: "row" }, h("span", { class: "grow" }),
      h("button", { type: "button", class: "button", onclick: leave }, "Cancel"),
      h("button", { type: "button", class: "button primary", onclick: save }, "Send")));
    field.focus();
  }
}

class ToolView {
  constructor(message) {
    this.element = h("article", { class: "message tool", "aria-label": "Result of a tool" }, h("pre", { tabindex: "0" }, h("code", {}, message.content)));
  }
}

class AnswerView {
  constructor(message, deeds) {
    this.message = message;
    this.thinking = h("div", { class: "prose" });
    this.summary = h("span", {}, "Thinking");
    this.fold = h("details", { class: "thinking", hidden: true }, h("summary", {}, icon("chevron"), this.summary), this.thinking);
    this.text = h("div", { class: "prose" });
    this.calls = h("div", { class: "calls" });
    this.fault = h("div", { class: "fault", role: "alert", hidden: true });
    this.figures = h("span", { class: "figures" });
    this.tools = h("div", { class: "tools" }, iconButton("copy", "Copy answer", (event) => copied(event, parts(message).answer)), iconButton("again", "Answer again", () => deeds.again(message)), this.figures);
    this.deeds = deeds;
    this.element = h("article", { class: "message answer", "aria-label": "Answer" }, this.fold, this.text, this.calls, this.fault, this.tools);
    this.show();
  }

  /** Draws what is there now. */
  show(isGrowing = false) {
    const { thinking, answer, open } = parts(this.message);
    this.element.classList.toggle("growing", isGrowing);
    this.fold.hidden = thinking === "";
    if (thinking !== "") {
      const { thought } = this.message.stats ?? {};
      setText(this.summary, isGrowing && open ? "Thinking …" : thought ? `Thought for ${seconds(thought)}` : "Thoughts");
      this.fold.classList.toggle("busy", isGrowing && open);
      render(this.thinking, thinking);
    }
    render(this.text, answer);
    this.showCalls(isGrowing);
    this.tools.hidden = isGrowing;
    this.fault.hidden = !this.message.fault;
    this.fault.textContent = this.message.fault ?? "";
    this.figures.replaceChildren(...figures(this.message));
  }

  showCalls(isGrowing) {
    const calls = this.message.calls ?? [];
    if (this.calls.dataset.shown === `${isGrowing} ${JSON.stringify(calls)}`) {
      return;
    }
    this.calls.dataset.shown = `${isGrowing} ${JSON.stringify(calls)}`;
    this.calls.replaceChildren(...calls.map((call) => {
      const box = h("details", { class: "call", open: true }, h("summary", {}, icon("chevron"), h("span", {}, "Calls ", h("code", {}, call.name || "…"))), h("pre", { tabindex: "0" }, h("code", {}, pretty(call.arguments))));
      if (!isGrowing && this.deeds.awaits(this.message, call)) {
        const field = h("textarea", { rows: 2, class: "mono", "aria-label": `Result of ${call.name}`, placeholder: "What the tool answers" });
        box.append(h("div", { class: "result" }, field, h("button", { type: "button", class: "button", onclick: () => this.deeds.result(this.message, call, field.value) }, "Give result")));
      }
      return box;
    }));
  }
}

function figures({ stats, finish, stopped }) {
  if (!stats) {
    return [];
  }
  const texts = [
    stats.rate === null ? null : [`${rate(stats.rate)} tokens/s`, "Tokens per second after the first"],
    stats.first === null ? null : [`${seconds(stats.first)} to first`, "Time to the first token"],
    [plural(stats.tokens, "token"), stats.prompt === null ? "Tokens written" : `${count(stats.prompt)} tokens read, ${count(stats.tokens)} written`],
    stopped ? ["stopped", "You stopped this answer"] : finish === "length" ? ["cut at the limit", "The limit of tokens was reached"] : null,
  ];
  return texts.filter(Boolean).map(([text, title]) => h("span", { title }, text));
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

async function copied({ currentTarget: button }, text) {
  await copyText(text);
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}
