// The live view: asks the server once a second while somebody looks, and hands the answer to the panels.

import { read } from "./api.js";
import { listModels } from "./chat.js";
import { slots } from "./charts.js";
import { find, h, setText } from "./dom.js";
import { rate } from "./format.js";
import { Latency, Machine, Prefixes, Tiles, Time } from "./figures.js";
import { ModelTable, RequestTable } from "./tables.js";

const second = 1000;
const seldom = 5 * second;

const tiles = new Tiles();
const panels = [new Latency(), new Time(), new Prefixes(), new RequestTable(poll), new Machine()];
const models = new ModelTable(() => Promise.all([pollModels(), listModels()]));
const closed = h("div", { class: "card closed", hidden: true }, h("h2", {}, "The live view is closed"), h("p"));
const open = h("div", { class: "panels" });
const history = [];

let isShown = false;
let last = 0;
let timer = null;
let hasModels = true;

/** Builds the view; returns what asks again at once. */
export function startLive() {
  const [latency, time, prefixes, requests, machine] = panels.map((panel) => panel.element);
  open.append(tiles.element, latency, time, prefixes, requests, models.element, machine);
  find("live").append(closed, open);
  document.addEventListener("visibilitychange", poll);
  return poll;
}

export function showLive(is) {
  isShown = is;
  poll();
}

async function poll() {
  clearTimeout(timer);
  timer = null;
  if (document.hidden) {
    return;
  }
  try {
    const status = await read(`admin/status?after=${last}`);
    history.push(...status.history.points);
    history.splice(0, Math.max(0, history.length - slots));
    last = status.history.last;
    if (status.history.last < history.length) {
      history.splice(0, history.length - status.history.last); // the server began anew
    }
    show(status);
    health(status.server.state === "ready" ? "good" : "bad", status.server.state === "ready" ? summary() : "stopping");
  } catch (fault) {
    await refuse(fault);
  }
  if (isShown && !open.hidden) {
    pollModels();
  }
  clearTimeout(timer);
  timer = setTimeout(poll, isShown ? second : seldom);
}

function show(status) {
  closed.hidden = true;
  open.hidden = false;
  if (isShown) {
    tiles.show(history, status);
    for (const panel of panels) {
      panel.show(status);
    }
    models.showEngines(status.models);
  }
}

async function pollModels() {
  if (hasModels) {
    try {
      models.show(await read("admin/models"));
    } catch (fault) {
      hasModels = fault.status !== 404;
      models.show(null);
    }
  }
}

function summary() {
  const recent = history.slice(-3);
  const written = recent.reduce((sum, point) => sum + point.written, 0) / Math.max(1, recent.length);
  return written > 0 ? `${rate(written)} tokens/s` : "ready";
}

/** What else there is to say where the status is not to be had: whether the server is there at all. */
async function refuse(fault) {
  closed.hidden = false;
  open.hidden = true;
  setText(closed.lastElementChild, fault.status ? `${fault.message}${fault.status === 401 ? " The key goes into the settings." : ""}` : "The server does not answer.");
  if (fault.status) {
    health("good", "ready");
  } else {
    health("bad", "no answer");
  }
}

function health(kind, text) {
  find("health").dataset.kind = kind;
  setText(find("health").querySelector(".text"), text);
}
