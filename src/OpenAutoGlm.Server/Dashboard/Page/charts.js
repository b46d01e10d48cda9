// Small charts of the last minutes, drawn as SVG.

import { h, s, setText } from "./dom.js";

const width = 300;
const height = 64;

/**
 * A figure with its course over time. format turns a value into { number, unit }; second, where there is one, is drawn
 * as a thinner line without a number of its own.
 */
export class Tile {
  #points = [];

  constructor(title, { format, top = 0, note = () => "" }) {
    this.format = format;
    this.top = top;
    this.note = note;
    this.number = h("span", { class: "number" }, "–");
    this.unit = h("span", { class: "unit" });
    this.small = h("span", { class: "small dim" });
    this.area = s("path", { class: "area" });
    this.second = s("path", { class: "second" });
    this.line = s("path", { class: "line" });
    this.cursor = s("line", { class: "cursor", y1: 0, y2: height, visibility: "hidden" });
    this.svg = s("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" }, this.area, this.second, this.line, this.cursor);
    this.title = title;
    this.element = h("div", { class: "card tile" }, h("h2", {}, title), h("p", { class: "figure" }, this.number, " ", this.unit), this.small, this.svg);
    this.svg.addEventListener("pointermove", (event) => this.#point(event));
    this.svg.addEventListener("pointerleave", () => this.#leave());
  }

  /** Draws values, the oldest first, of as many seconds as there are values. */
  draw(values, seconds = null) {
    this.#points = values;
    const top = Math.max(this.top, ...values, ...(seconds ?? [])) * 1.08 || 1;
    const line = path(values, top);
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", line === "" ? "" : `${line}L${width} ${height}L${x(0, values.length)} ${height}Z`);
    this.second.setAttribute("d", seconds ? path(seconds, top) : "");
    const most = Math.max(0, ...values);
    this.svg.setAttribute("aria-label", `${this.title} over ${values.length} seconds: now ${text(this.format(values.at(-1) ?? 0))}, at most ${text(this.format(most))}`);
    if (this.cursor.getAttribute("visibility") === "hidden") {
      this.#tell(values.at(-1) ?? 0, this.note());
    }
  }

  #tell(value, note) {
    const { number, unit } = this.format(value);
    setText(this.number, number);
    setText(this.unit, unit);
    setText(this.small, note);
  }

  #point(event) {
    const box = this.svg.getBoundingClientRect();
    const index = Math.round(((event.clientX - box.left) / box.width) * (slots - 1)) - (slots - this.#points.length);
    if (index >= 0 && index < this.#points.length) {
      const at = x(index, this.#points.length);
      this.cursor.setAttribute("x1", at);
      this.cursor.setAttribute("x2", at);
      this.cursor.setAttribute("visibility", "visible");
      this.#tell(this.#points[index], `${this.#points.length - 1 - index} s ago`);
    }
  }

  #leave() {
    this.cursor.setAttribute("visibility", "hidden");
    this.#tell(this.#points.at(-1) ?? 0, this.note());
  }
}

const text = ({ number, unit }) => `${number} ${unit}`.trim();

/** Seconds that fit in a chart. */
export const slots = 300;

const x = (index, length) => (((slots - length + index) / (slots - 1)) * width).toFixed(1);

function path(values, top) {
  return values.map((value, i) => `${i === 0 ? "M" : "L"}${x(i, values.length)} ${(height - 1 - (value / top) * (height - 4)).toFixed(1)}`).join("");
}

/** A bar of shares, with what they are below. parts: [{ name, title, kind }]. */
export class ShareBar {
  constructor(parts) {
    this.bars = parts.map(({ kind }) => h("span", { class: `share ${kind}` }));
    this.values = parts.map(() => h("dd", {}, "–"));
    this.bar = h("div", { class: "shares", role: "img" }, this.bars);
    this.names = parts.map(({ name }) => name);
    this.element = h("div", {}, this.bar, h("dl", { class: "legend" }, parts.map(({ name, title, kind }, i) => h("div", { title }, h("dt", {}, h("span", { class: `key ${kind}` }), name), this.values[i]))));
  }

  /** Shares from 0 to 1, and a text for each. */
  draw(shares, texts) {
    shares.forEach((share, i) => {
      this.bars[i].style.flexGrow = share;
      setText(this.values[i], texts[i]);
    });
    this.bar.setAttribute("aria-label", this.names.map((name, i) => `${name} ${texts[i]}`).join(", "));
  }
}
