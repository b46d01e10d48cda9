// What runs and what is loaded, each line with what can be done about it.

import { read } from "./api.js";
import { h, setText } from "./dom.js";
import { bytes, count, duration, percent, seconds } from "./format.js";

const states = { reading: "reading", waiting: "waiting", writing: "writing", cancelling: "cancelling" };

export class RequestTable {
  #rows = new Map();

  constructor(refresh) {
    this.refresh = refresh;
    this.body = h("tbody");
    this.none = h("p", { class: "none" }, "Nothing is running.");
    this.problem = h("p", { class: "problem", role: "alert" });
    const columns = [["Request", ""], ["Model", ""], ["State", ""], ["Age", "end"], ["Read", "end"], ["Written", "end"], ["", "end"]];
    this.table = h("table", { class: "lines" }, h("thead", {}, h("tr", {}, columns.map(([name, side]) => h("th", { scope: "col", class: side }, name || h("span", { class: "unseen" }, "Cancel"))))), this.body);
    this.element = h("section", { class: "card requests", "aria-labelledby": "requests-title" }, h("header", {}, h("h2", { id: "requests-title" }, "Running requests")), this.table, this.none, this.problem);
  }

  show({ requests }) {
    this.none.hidden = requests.length > 0;
    this.table.hidden = requests.length === 0;
    const ids = new Set(requests.map((request) => request.id));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id)) {
        row.element.remove();
        this.#rows.delete(id);
      }
    }
    for (const request of requests) {
      let row = this.#rows.get(request.id);
      if (!row) {
        row = this.#make(request);
        this.#rows.set(request.id, row);
        this.body.append(row.element);
      }
      [request.key ? `${request.route} · ${request.key}` : request.route, request.model === "-" ? "" : request.model, states[request.state] ?? request.state, seconds(request.age_seconds), count(request.prompt_tokens), count(request.completion_tokens)]
        .forEach((text, i) => setText(row.cells[i], text));
      row.cells[2].dataset.state = request.state;
      row.cancel.disabled = request.state === "cancelling";
    }
  }

  #make(request) {
    const cells = ["Request", "Model", "State", "Age", "Read", "Written"].map((label, i) => h("td", { "data-label": label, class: i > 2 ? "end" : i === 2 ? "state" : null }));
    cells[0].title = request.request_id;
    const cancel = h("button", { type: "button", class: "button quiet danger", "aria-label": `Cancel request ${request.id}`, onclick: () => this.#cancel(request.id, cancel) }, "Cancel");
    return { cells, cancel, element: h("tr", { "data-id": request.id }, cells, h("td", { class: "end act" }, cancel)) };
  }

  async #cancel(id, button) {
    button.disabled = true;
    this.problem.textContent = "";
    try {
      await read(`admin/requests/${id}/cancel`, { method: "POST" });
    } catch (fault) {
      this.problem.textContent = fault.code === "request_not_found" ? "" : fault.message;
    }
    this.refresh();
  }
}

export class ModelTable {
  #rows = new Map();
  #engines = new Map();

  constructor(refresh) {
    this.refresh = refresh;
    this.list = h("ul", { class: "models" });
    this.small = h("span", { class: "small dim" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.element = h("section", { class: "card model-list", "aria-labelledby": "models-title", hidden: true }, h("header", {}, h("h2", { id: "models-title" }, "Models"), this.small), this.list, this.problem);
  }

  /** The answer of admin/models, or null where the server has no such route or keeps it from us. */
  show(answer) {
    this.element.hidden = answer === null;
    if (answer === null) {
      return;
    }
    const { limit_bytes: limit, used_bytes: used } = answer.memory ?? {};
    setText(this.small, used ? `${bytes(used)}${limit ? ` of ${bytes(limit)}` : ""} in use` : "");
    const ids = answer.models.map((model) => model.id);
    if ([...this.#rows.keys()].join("\n") !== ids.join("\n")) {
      this.#rows = new Map(ids.map((id) => [id, this.#make(id)]));
      this.list.replaceChildren(...[...this.#rows.values()].map((row) => row.element));
    }
    for (const model of answer.models) {
      this.#draw(this.#rows.get(model.id), model);
    }
  }

  /** What the engines do, by model. */
  showEngines(models) {
    this.#engines = new Map(models.map((model) => [model.id, model.engine]));
  }

  #make(id) {
    const [state, facts, error, bar] = [h("span", { class: "badge" }), h("p", { class: "small dim" }), h("p", { class: "problem" }), h("progress", { max: 1, "aria-label": `Loading ${id}` })];
    const deed = h("button", { type: "button", class: "button" });
    const row = { state, facts, error, bar, deed, element: h("li", { "data-id": id }, h("div", { class: "model-head" }, h("h3", {}, id), state, h("span", { class: "grow" }), deed), facts, bar, error) };
    deed.addEventListener("click", () => this.#act(id, row));
    return row;
  }

  #draw(row, model) {
    setText(row.state, model.status);
    row.state.dataset.state = model.status;
    const isLoaded = model.status === "loaded";
    const engine = this.#engines.get(model.id);
    setText(row.facts, [
      model.aliases?.length ? `also ${model.aliases.join(", ")}` : null,
      model.max_model_len ? `${count(model.max_model_len)} tokens of context` : null,
      model.memory_bytes ? bytes(model.memory_bytes) : model.needed_bytes ? `needs ${bytes(model.needed_bytes)}` : null,
      isLoaded && engine ? `${count(engine.running)} running, ${percent(engine.kv_used_blocks / Math.max(1, engine.kv_total_blocks))} of its memory` : null,
      model.waiting ? `${count(model.waiting)} waiting for it` : null,
      model.load_seconds && isLoaded ? `loaded in ${seconds(model.load_seconds)}` : null,
      model.last_used && isLoaded ? `used ${duration(Math.max(0, Date.now() / 1000 - model.last_used))} ago` : null,
      model.pinned ? "pinned" : null,
    ].filter(Boolean).join(" · "));
    row.bar.hidden = model.status !== "loading";
    if (model.progress?.fraction === null || model.progress?.fraction === undefined) {
      row.bar.removeAttribute("value");
    } else {
      row.bar.value = model.progress.fraction;
    }
    setText(row.error, model.error?.message ?? "");
    row.wants = isLoaded ? "unload" : "load";
    setText(row.deed, isLoaded ? "Unload" : "Load");
    row.deed.setAttribute("aria-label", `${isLoaded ? "Unload" : "Load"} ${model.id}`);
    row.deed.hidden = isLoaded && model.can_unload === false;
    row.deed.disabled = model.status === "loading" || model.status === "draining";
  }

  async #act(id, row) {
    row.deed.disabled = true;
    this.problem.textContent = "";
    try {
      await read(`admin/models/${encodeURIComponent(id)}/${row.wants}`, { method: "POST", body: { wait: false } });
    } catch (fault) {
      this.problem.textContent = fault.message;
    }
    this.refresh();
  }
}
