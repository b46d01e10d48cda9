// Markdown as language models write it, made into elements. What is not understood stays text; nothing becomes markup.

import { copyText, h } from "./dom.js";

/** Renders into an element that may grow: only blocks that changed since the last call are made anew. */
export function render(element, text) {
  const blocks = split(text);
  const drawn = (element.blocks ??= []);
  let same = 0;
  while (same < blocks.length && same < drawn.length && equal(blocks[same], drawn[same])) {
    same++;
  }
  while (element.childElementCount > same) {
    element.lastElementChild.remove();
  }
  for (const block of blocks.slice(same)) {
    element.append(draw(block));
  }
  element.blocks = blocks;
}

const equal = (a, b) => a.kind === b.kind && a.info === b.info && a.open === b.open && a.lines.length === b.lines.length && a.lines.every((line, i) => line === b.lines[i]);

const fence = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const bullet = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const quote = /^ {0,3}> ?(.*)$/;
const tableRule = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** Lines to blocks: { kind, lines, info, open }. */
function split(text) {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\t", "    ").split("\n");
  const blocks = [];
  let i = 0;
  const take = (kind, while_, map = (line) => line) => {
    const taken = [];
    while (i < lines.length && while_(lines[i], taken.length)) {
      taken.push(map(lines[i++]));
    }
    blocks.push({ kind, lines: taken });
  };
  while (i < lines.length) {
    const line = lines[i];
    const fenced = fence.exec(line);
    if (line.trim() === "") {
      i++;
    } else if (fenced) {
      const code = [];
      const end = new RegExp(`^ {0,3}\\${fenced[1][0]}{${fenced[1].length},}\\s*$`);
      for (i++; i < lines.length && !end.test(lines[i]); i++) {
        code.push(lines[i]);
      }
      blocks.push({ kind: "code", lines: code, info: fenced[2].trim().split(/\s/)[0].slice(0, 24), open: i >= lines.length });
      i++;
    } else if (heading.test(line)) {
      take("heading", (_, taken) => taken === 0);
    } else if (rule.test(line)) {
      take("rule", (_, taken) => taken === 0);
    } else if (quote.test(line)) {
      take("quote", (next) => quote.test(next), (next) => quote.exec(next)[1]);
    } else if (bullet.test(line)) {
      take("list", (next, taken) => (next.trim() === "" ? continues(lines, i) : taken === 0 || bullet.test(next) || /^\s{2,}\S/.test(next)));
    } else if (line.includes("|") && tableRule.test(lines[i + 1] ?? "") && cells(line).length === cells(lines[i + 1]).length) {
      take("table", (next, taken) => taken < 2 || next.includes("|"));
    } else {
      take("paragraph", (next, taken) => taken === 0 || (next.trim() !== "" && !fence.test(next) && !heading.test(next) && !quote.test(next) && !bullet.test(next) && !rule.test(next)));
    }
  }
  return blocks;
}

/** Whether a list goes on after an empty line. */
const continues = (lines, i) => i + 1 < lines.length && (bullet.test(lines[i + 1]) || /^\s{2,}\S/.test(lines[i + 1]));

function draw({ kind, lines, info }) {
  switch (kind) {
    case "code":
      return drawCode(lines.join("\n"), info);
    case "heading": {
      const [, marks, text] = heading.exec(lines[0]);
      return h(`h${Math.min(marks.length + 2, 6)}`, {}, inline(text));
    }
    case "rule":
      return h("hr");
    case "quote":
      return h("blockquote", {}, split(lines.join("\n")).map(draw));
    case "list":
      return drawList(lines);
    case "table":
      return drawTable(lines);
    default:
      return h("p", {}, broken(lines));
  }
}

function drawCode(code, language) {
  const copy = h("button", { type: "button", class: "copy", "aria-label": "Copy code" }, "Copy");
  copy.addEventListener("click", async () => {
    await copyText(code);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  return h("div", { class: "code" }, h("div", { class: "code-head" }, h("span", {}, language || "text"), copy), h("pre", { tabindex: "0" }, h("code", {}, code)));
}

function drawList(lines) {
  const indent = bullet.exec(lines[0])[1].length;
  const isNumbered = /\d/.test(bullet.exec(lines[0])[2]);
  const items = [];
  for (const line of lines) {
    const item = bullet.exec(line);
    if (item && item[1].length <= indent + 1) {
      items.push({ width: item[1].length + item[2].length + 1, lines: [item[4]] });
    } else {
      const { width, lines: own } = items[items.length - 1];
      own.push(line.slice(Math.min(width, line.length - line.trimStart().length)));
    }
  }
  const start = isNumbered ? Number.parseInt(bullet.exec(lines[0])[2], 10) : 1;
  return h(isNumbered ? "ol" : "ul", start === 1 ? {} : { start }, items.map((item) => h("li", {}, drawItem(item.lines))));
}

/** A single paragraph in an item needs no paragraph around it. */
function drawItem(lines) {
  const blocks = split(lines.join("\n"));
  return blocks.map((block, i) => (i === 0 && block.kind === "paragraph" ? h("span", {}, broken(block.lines)) : draw(block)));
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

function drawTable([head, rules, ...rows]) {
  const align = cells(rules).map((mark) => (mark.endsWith(":") ? (mark.startsWith(":") ? "middle" : "end") : "start"));
  const row = (tag, line) => h("tr", {}, align.map((side, i) => h(tag, { class: side, scope: tag === "th" ? "col" : null }, inline(cells(line)[i] ?? ""))));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, rows.map((line) => row("td", line)))));
}

const broken = (lines) => lines.flatMap((line, i) => (i === 0 ? inline(line) : [h("br"), ...inline(line)]));

// One alternative for each kind, in the order of precedence: escape, code, link, address, strong, struck, emphasis.
const spans = /\\([\\`*_{}[\]()#+\-.!|~<>])|(`+)(.+?)\2(?!`)|!?\[([^\]]{1,500})\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)|<?(https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}*_])>?|(\*\*|__)(?=\S)(.+?\S|\S)\7|~~(?=\S)(.+?)~~|(?<![\w*])([*_])(?=[^\s*_])(.+?)(?<=\S)\10(?![\w*])/;

function inline(text, depth = 0) {
  const nodes = [];
  let rest = text;
  while (rest !== "") {
    const found = depth < 8 ? spans.exec(rest) : null;
    if (!found) {
      nodes.push(rest);
      break;
    }
    if (found.index > 0) {
      nodes.push(rest.slice(0, found.index));
    }
    const [all, escaped, , code, label, target, address, , strong, struck, , emphasis] = found;
    nodes.push(
      escaped ?? (code !== undefined ? h("code", {}, code.trim() || code)
        : label !== undefined ? link(target, inline(label, depth + 1), all)
          : address !== undefined ? link(address, [address], all)
            : strong !== undefined ? h("strong", {}, inline(strong, depth + 1))
              : struck !== undefined ? h("del", {}, inline(struck, depth + 1))
                : h("em", {}, inline(emphasis, depth + 1))),
    );
    rest = rest.slice(found.index + all.length);
  }
  return nodes;
}

/** A link to the web or to an address of mail; anything else stays the text that it is. */
function link(target, content, source) {
  let url = null;
  try {
    url = new URL(target);
  } catch {
    // Not an address.
  }
  return url && ["http:", "https:", "mailto:"].includes(url.protocol)
    ? h("a", { href: url.href, rel: "noopener noreferrer nofollow", target: "_blank" }, content)
    : source;
}
