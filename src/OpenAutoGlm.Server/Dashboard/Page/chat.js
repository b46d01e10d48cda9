// The chat: conversations, the composer, and the way of a message to the server and back.

import { Answer, parts } from "./answer.js";
import { events, read, send } from "./api.js";
import { find, h, iconButton } from "./dom.js";
import { plural } from "./format.js";
import { messageView } from "./messages.js";
import { chats, forget, forgetAll, keep, saveSettings, settings } from "./store.js";

const log = find("log");
const messages = find("messages");
const prompt = find("prompt");
const models = find("model");
const stop = find("stop");
const submit = find("send");

let chat = chats[0] ?? fresh();
let views = [];
let running = null; // the AbortController of the answer that is being written

export function startChat() {
  find("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    say(prompt.value);
  });
  prompt.addEventListener("input", fit);
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      say(prompt.value);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && running && !document.querySelector("dialog[open]")) {
      running.abort();
    }
  });
  stop.addEventListener("click", () => running?.abort());
  find("chat-new").addEventListener("click", () => {
    open(fresh());
    closeDrawer();
    prompt.focus();
  });
  models.addEventListener("change", () => {
    settings.model = models.value;
    saveSettings();
  });
  startDrawer();
  open(chat);
  listModels();
}

/** Asks which models there are; called again when one was loaded or unloaded. */
export async function listModels() {
  try {
    const { data } = await read("v1/models");
    const ids = data.filter((entry) => entry.id === entry.root);
    models.replaceChildren(...ids.map((entry) => h("option", { value: entry.id }, entry.id)));
    const wanted = [chat.model, settings.model].find((name) => ids.some((entry) => entry.id === name));
    models.value = wanted ?? ids.find((entry) => (entry.status ?? "loaded") === "loaded")?.id ?? ids[0]?.id ?? "";
  } catch (fault) {
    announce(fault.message);
  }
}

export function deleteAll() {
  running?.abort();
  forgetAll();
  open(fresh());
}

function fresh() {
  return { title: "", model: "", messages: [] };
}

function open(next) {
  running?.abort();
  chat = next;
  views = [];
  const shown = chat.messages.map(addView);
  messages.replaceChildren(...(shown.length > 0 ? shown.map((view) => view.element) : [welcome()]));
  if ([...models.options].some((option) => option.value === chat.model)) {
    models.value = chat.model;
  }
  log.scrollTop = log.scrollHeight;
  listChats();
}

function welcome() {
  const ideas = ["Explain how a key-value cache makes text generation faster.", "Write a haiku about a quiet machine.", "List three ways to test a parser, with code."];
  return h("div", { class: "welcome" }, h("h2", {}, "What shall we talk about?"), h("p", { class: "dim" }, "Everything stays between this browser and this server."),
    h("div", { class: "ideas" }, ideas.map((idea) => h("button", { type: "button", class: "idea", onclick: () => say(idea) }, idea))));
}

function addView(message) {
  const view = messageView(message, { edit, again, result, awaits });
  views.push(view);
  return view;
}

function listChats() {
  find("conversation-list").replaceChildren(...chats.map((one) => h("li", { class: one === chat ? "current" : null },
    h("button", { type: "button", class: "conversation", "aria-current": one === chat ? "true" : null, onclick: () => { open(one); closeDrawer(); } }, one.title || "Untitled"),
    iconButton("bin", `Delete ${one.title}`, () => {
      forget(one);
      if (one === chat) {
        open(fresh());
      } else {
        listChats();
      }
    }))));
}

function say(text) {
  if (text.trim() === "" || running) {
    return;
  }
  prompt.value = "";
  fit();
  add({ role: "user", content: text.trim() });
  answer();
}

function add(message) {
  if (chat.messages.length === 0) {
    messages.replaceChildren();
    chat.title = message.content.slice(0, 60);
  }
  chat.messages.push(message);
  const view = addView(message);
  messages.append(view.element);
  return view;
}

/** Cuts the conversation off before a message. */
function cut(message) {
  const index = chat.messages.indexOf(message);
  chat.messages.length = index;
  for (const view of views.splice(index)) {
    view.element.remove();
  }
}

function edit(message, text) {
  if (!running) {
    cut(message);
    add({ role: "user", content: text });
    answer();
    prompt.focus();
  }
}

function again(message) {
  if (!running) {
    cut(message);
    answer();
    prompt.focus();
  }
}

/** Whether a call has no result yet. */
const awaits = (message, call) => call.id && !chat.messages.some((other) => other.role === "tool" && other.id === call.id);

function result(message, call, content) {
  add({ role: "tool", id: call.id, content });
  if (message.calls.some((other) => awaits(message, other))) {
    views[chat.messages.indexOf(message)].calls.dataset.shown = "";
    views[chat.messages.indexOf(message)].show();
  } else if (!running) {
    answer();
  }
}

/** The conversation as the API wants it. What was thought is not told again. */
function conversation() {
  const system = settings.system.trim() === "" ? [] : [{ role: "system", content: settings.system }];
  return [...system, ...chat.messages.map((message) => {
    if (message.role === "tool") {
      return { role: "tool", tool_call_id: message.id, content: message.content };
    }
    if (message.role === "user") {
      return { role: "user", content: message.content };
    }
    const calls = (message.calls ?? []).map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } }));
    return { role: "assistant", content: parts(message).answer, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
  })];
}

function request() {
  const body = { model: models.value, messages: conversation(), stream: true, stream_options: { include_usage: true } };
  if (settings.temperature !== "") {
    body.temperature = Number(settings.temperature);
  }
  if (settings.maxTokens !== "") {
    body.max_tokens = Number(settings.maxTokens);
  }
  if (settings.tools.trim() !== "") {
    body.tools = JSON.parse(settings.tools);
  }
  return body;
}

async function answer() {
  const own = chat;
  const growing = new Answer();
  const body = request();
  own.model = models.value;
  const view = add(growing.message);
  view.show(true);
  const controller = (running = new AbortController());
  busy(true);
  follow();
  try {
    for await (const chunk of events(await send("v1/chat/completions", { method: "POST", body, signal: controller.signal }))) {
      growing.add(chunk);
      drawSoon(view);
    }
  } catch (fault) {
    if (controller.signal.aborted) {
      growing.message.stopped = true;
    } else {
      growing.message.fault = fault.message;
    }
  }
  growing.measure();
  running = running === controller ? null : running;
  view.show();
  view.drawn = true;
  busy(running !== null);
  keep(own);
  listChats();
  follow();
  announce(growing.message.fault ? "The answer failed." : `${growing.message.stopped ? "Stopped" : "Done"}: ${plural(growing.message.stats.tokens, "token")}.`);
}

/** Draws once a frame, however fast tokens come. */
function drawSoon(view) {
  view.frame ??= requestAnimationFrame(() => {
    view.frame = null;
    if (!view.drawn) {
      const stays = isAtEnd();
      view.show(true);
      if (stays) {
        log.scrollTop = log.scrollHeight;
      }
    }
  });
}

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;

const follow = () => requestAnimationFrame(() => (log.scrollTop = log.scrollHeight));

function busy(is) {
  log.setAttribute("aria-busy", is);
  stop.hidden = !is;
  submit.hidden = is;
  if (is) {
    announce("Answering.");
  }
}

function announce(text) {
  find("announce").textContent = text;
}

/** Lets the field grow with its text, up to a third of the window. */
function fit() {
  prompt.style.height = "auto";
  prompt.style.height = `${Math.min(prompt.scrollHeight, innerHeight / 3)}px`;
}

function startDrawer() {
  const opener = find("drawer-open");
  opener.addEventListener("click", () => (document.body.classList.contains("drawer") ? closeDrawer() : openDrawer()));
  find("conversations").addEventListener("keydown", (event) => event.key === "Escape" && closeDrawer());
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("#conversations, #drawer-open")) {
      closeDrawer();
    }
  });
}

function openDrawer() {
  document.body.classList.add("drawer");
  find("drawer-open").setAttribute("aria-expanded", "true");
  find("chat-new").focus();
}

function closeDrawer() {
  if (document.body.classList.contains("drawer")) {
    document.body.classList.remove("drawer");
    find("drawer-open").setAttribute("aria-expanded", "false");
    find("drawer-open").focus();
  }
}
