// Panels of figures: the four tiles, latency, where time goes, the prefix cache, the machine.

import { read } from "./api.js";
import { ShareBar, Tile } from "./charts.js";
import { h, setText } from "./dom.js";
import { bytes, count, duration, percent, plural, rate, seconds } from "./format.js";

const sum = (list, pick) => list.reduce((total, one) => total + (pick(one) ?? 0), 0);

const engines = (status) => status.models.map((model) => model.engine).filter(Boolean);

export class Tiles {
  constructor() {
    const perSecond = (value) => ({ number: rate(value), unit: "tokens/s" });
    this.notes = ["", "", "", ""];
    this.written = new Tile("Written", { format: perSecond, note: () => this.notes[0] });
    this.read = new Tile("Read", { format: perSecond, note: () => this.notes[1] });
    this.requests = new Tile("Sequences", { format: (value) => ({ number: count(value), unit: "running" }), top: 4, note: () => this.notes[2] });
    this.memory = new Tile("Key-value memory", { format: (value) => ({ number: (value * 100).toFixed(value < 0.1 ? 1 : 0), unit: "%" }), top: 1, note: () => this.notes[3] });
    this.element = h("div", { class: "tiles" }, [this.written, this.read, this.requests, this.memory].map((tile) => tile.element));
  }

  show(history, status) {
    const all = engines(status);
    this.notes = [
      `${count(sum(all, (engine) => engine.written_tokens))} since the start`,
      `${count(sum(all, (engine) => engine.read_tokens))} since the start`,
      `${count(sum(all, (engine) => engine.waiting))} waiting`,
      `${count(sum(all, (engine) => engine.kv_used_blocks))} of ${count(sum(all, (engine) => engine.kv_total_blocks))} blocks`,
    ];
    this.written.draw(history.map((point) => point.written));
    this.read.draw(history.map((point) => point.read));
    this.requests.draw(history.map((point) => point.running), history.map((point) => point.waiting));
    this.memory.draw(history.map((point) => point.kv));
  }
}

/** Percentiles of the last minute, of one model at a time. */
export class Latency {
  #names = "";

  constructor() {
    this.rows = [["time_to_first_token", "First token"], ["time_per_token", "Each further token"], ["queue", "Waiting"], ["end_to_end", "Whole answer"]].map(([field, name]) => {
      const cells = [0, 1, 2].map(() => h("td", { class: "end" }, "–"));
      return { field, cells, element: h("tr", {}, h("th", { scope: "row" }, name), cells) };
    });
    this.models = h("select", { "aria-label": "Model of these figures", hidden: true });
    this.small = h("p", { class: "small dim" });
    this.element = h("section", { class: "card latency", "aria-labelledby": "latency-title" },
      h("header", {}, h("h2", { id: "latency-title" }, "Latency"), this.models),
      h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, "What")), ["p50", "p90", "p99"].map((name) => h("th", { scope: "col", class: "end" }, name)))), h("tbody", {}, this.rows.map((row) => row.element))),
      this.small);
  }

  show({ models }) {
    const names = models.map((model) => model.id).join("\n");
    if (names !== this.#names) {
      this.#names = names;
      this.models.replaceChildren(...models.map((model) => h("option", { value: model.id }, model.id)));
      this.models.hidden = models.length < 2;
      this.models.value = [...models].sort((a, b) => (b.recent?.time_to_first_token?.count ?? 0) - (a.recent?.time_to_first_token?.count ?? 0))[0]?.id ?? "";
    }
    const recent = models.find((model) => model.id === this.models.value)?.recent;
    for (const { field, cells } of this.rows) {
      const values = recent?.[field];
      cells.forEach((cell, i) => setText(cell, values ? seconds([values.p50, values.p90, values.p99][i]) : "–"));
    }
    const answers = recent?.end_to_end?.count ?? 0;
    setText(this.small, answers > 0 ? `${plural(answers, "answer")} ended within the last ${seconds(recent.span_seconds)}` : "No answer ended within the last minute");
  }
}

/** Where the time of the engines goes, over the last half minute. */
export class Time {
  #before = [];

  constructor() {
    this.names = ["run", "plan", "guess", "choose", "commit"];
    this.bar = new ShareBar([
      { name: "Model", title: "The model itself: kernels", kind: "run" },
      { name: "Plan", title: "Choosing who runs, and finding memory", kind: "plan" },
      { name: "Guess", title: "Guessing tokens ahead", kind: "guess" },
      { name: "Choose", title: "Penalties, masks, sampling", kind: "choose" },
      { name: "Commit", title: "Noting what is right, telling readers", kind: "commit" },
      { name: "Idle", title: "Nothing to do", kind: "idle" },
    ]);
    this.small = h("p", { class: "small dim" });
    this.element = h("section", { class: "card time", "aria-labelledby": "time-title" }, h("header", {}, h("h2", { id: "time-title" }, "Where time goes")), this.bar.element, this.small);
  }

  show(status) {
    const all = engines(status);
    const now = { at: status.server.uptime_seconds, steps: sum(all, (engine) => engine.steps), spent: this.names.map((name) => sum(all, (engine) => engine.phases[name])) };
    this.#before = this.#before.filter((old) => old.at < now.at && now.at - old.at < 30 && old.steps <= now.steps);
    this.#before.push(now);
    const then = this.#before[0];
    const wall = Math.max(now.at - then.at, 1e-9) * Math.max(1, all.length);
    const shares = this.names.map((_, i) => (now === then ? 0 : Math.max(0, now.spent[i] - then.spent[i]) / wall));
    const idle = Math.max(0, 1 - shares.reduce((a, b) => a + b, 0));
    this.bar.draw([...shares, idle], [...shares, idle].map((share) => (share > 0 && share < 0.001 ? "< 0.1 %" : percent(share))));
    const steps = (now.steps - then.steps) / Math.max(now.at - then.at, 1e-9);
    setText(this.small, now === then ? "Measuring …" : steps > 0 ? `${rate(steps)} steps per second, ${seconds((wall * shares.reduce((a, b) => a + b, 0)) / (now.steps - then.steps))} each` : "No steps within the last half minute");
  }
}

/** What was found again instead of computed, and what was guessed right. */
export class Prefixes {
  constructor() {
    this.values = ["Prompt tokens found in memory", "Of all since the start", "Blocks kept for later", "Guesses that were right", "Sequences put off for others"].map((name) => ({ name, cell: h("dd", {}, "–") }));
    this.element = h("section", { class: "card prefixes", "aria-labelledby": "prefixes-title" }, h("header", {}, h("h2", { id: "prefixes-title" }, "Saved work")), h("dl", { class: "facts" }, this.values.map(({ name, cell }) => h("div", {}, h("dt", {}, name), cell))));
  }

  show(status) {
    const all = engines(status);
    const recent = status.models.map((model) => model.recent?.prefix_hit_rate).filter((share) => share !== null && share !== undefined);
    const cached = sum(all, (engine) => engine.cached_tokens);
    const asked = cached + sum(all, (engine) => engine.read_tokens);
    const guessed = sum(all, (engine) => engine.guessed_tokens);
    const texts = [
      recent.length === 0 ? "–" : percent(recent.reduce((a, b) => a + b, 0) / recent.length),
      asked === 0 ? "–" : percent(cached / asked),
      count(sum(all, (engine) => engine.kv_kept_blocks)),
      guessed === 0 ? "–" : percent(sum(all, (engine) => engine.guessed_right_tokens) / guessed),
      count(sum(all, (engine) => engine.preemptions)),
    ];
    this.values.forEach(({ cell }, i) => setText(cell, texts[i]));
  }
}

export class Machine {
  #before = null;

  constructor() {
    this.facts = h("dl", { class: "facts" });
    this.measure = h("button", { type: "button", class: "button", hidden: true, title: "Keeps all cores busy for about a second", onclick: () => this.#measure() }, "Measure");
    this.element = h("section", { class: "card machine", "aria-labelledby": "machine-title" }, h("header", {}, h("h2", { id: "machine-title" }, "Machine"), this.measure), this.facts);
  }

  show({ machine, server }) {
    const { facts, limits } = machine;
    const used = this.#before ? (machine.cpu_seconds - this.#before.cpu) / Math.max(server.uptime_seconds - this.#before.at, 1e-9) : null;
    this.#before = { cpu: machine.cpu_seconds, at: server.uptime_seconds };
    this.measure.hidden = !machine.can_measure;
    const rows = [
      ["Processor", facts.processor === "unknown" ? facts.architecture : facts.processor],
      ["Cores", `${facts.cores === facts.usable_cores ? count(facts.cores) : `${facts.usable_cores} of ${count(facts.cores)}`}${used === null ? "" : `, ${used.toFixed(1)} busy`}`],
      facts.instruction_set ? ["Instructions", [facts.instruction_set, ...facts.extensions.filter((name) => /vnni|bf16|amx_int8|i8mm/.test(name))].join(" · ")] : null,
      ["Memory", `${bytes(machine.process_bytes)} of ${bytes(facts.memory_bytes)}`],
      limits ? ["Reads memory at", `${bytes(limits.read_bytes_per_second)}/s`] : null,
      limits ? ["Computes", `${count(limits.float_operations_per_second / 1e9)} GFLOP/s, ${count(limits.byte_operations_per_second / 1e9)} GOP/s in int8`] : null,
      ["Server", `${server.version}, up ${duration(server.uptime_seconds)}`],
      ["Requests inside", `${count(server.running_requests)} of ${count(server.max_requests)}`],
    ].filter(Boolean);
    if (this.facts.childElementCount !== rows.length) {
      this.facts.replaceChildren(...rows.map(() => h("div", {}, h("dt"), h("dd"))));
    }
    rows.forEach(([name, value], i) => {
      setText(this.facts.children[i].firstElementChild, name);
      setText(this.facts.children[i].lastElementChild, value);
    });
  }

  async #measure() {
    this.measure.disabled = true;
    this.measure.textContent = "Measuring …";
    try {
      await read("admin/machine/measure", { method: "POST" });
      this.measure.textContent = "Measure again";
    } catch (fault) {
      this.measure.textContent = fault.message;
    }
    this.measure.disabled = false;
  }
}
