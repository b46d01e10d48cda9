// Builds elements. Text only ever becomes text nodes: no string is read as markup anywhere in this page.

const svgNames = "http://www.w3.org/2000/svg";

/** h("p", { class: "note", onclick: f, hidden: true }, "text", node, null) */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNames, tag), attributes, children);
}

export const find = (id) => document.getElementById(id);

/** Sets a text only where it changed, so that screen readers and selections stay undisturbed. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const paths = {
  plus: ["M12 5v14", "M5 12h14"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h10"],
  send: ["M12 19V5", "M6 11l6-6 6 6"],
  stop: ["M7.5 7.5h9v9h-9z"],
  copy: ["M9 9h10v10H9z", "M15 9V5H5v10h4"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  edit: ["M5 19l1-4L16 5l3 3L9 18z", "M14 7l3 3"],
  again: ["M19 12a7 7 0 1 1-2.2-5.1", "M19 4v4h-4"],
  bin: ["M5 7h14", "M9 7V5h6v2", "M7 7l1 12h8l1-12"],
  chevron: ["M9 6l6 6-6 6"],
  sliders: ["M4 8h9", "M17 8h3", "M4 16h3", "M11 16h9", "M15 6v4", "M9 14v4"],
  sun: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M12 2.5v2", "M12 19.5v2", "M2.5 12h2", "M19.5 12h2", "M5.3 5.3l1.4 1.4", "M17.3 17.3l1.4 1.4", "M5.3 18.7l1.4-1.4", "M17.3 6.7l1.4-1.4"],
  moon: ["M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  system: ["M4 5h16v11H4z", "M9 20h6", "M12 16v4"],
};

export function icon(name) {
  return s("svg", { viewBox: "0 0 24 24", class: "glyph", "aria-hidden": "true" }, paths[name].map((d) => s("path", { d })));
}

/** Gives every element with data-icon its icon. */
export function drawIcons(root = document) {
  for (const element of root.querySelectorAll("[data-icon]")) {
    element.replaceChildren(icon(element.dataset.icon));
  }
}

/** A button of an icon and a name that screen readers say and pointers see. */
export function iconButton(name, label, onclick) {
  return h("button", { type: "button", class: "icon small", "aria-label": label, title: label, onclick }, icon(name));
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS there is no clipboard for pages, but there is this.
    const field = h("textarea", { class: "unseen", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
