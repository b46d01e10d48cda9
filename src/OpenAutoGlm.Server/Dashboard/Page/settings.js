// The settings: what every chat is sent with, and the key.

import { key } from "./api.js";
import { deleteAll, listModels } from "./chat.js";
import { find } from "./dom.js";
import { saveSettings, settings } from "./store.js";

const fields = { system: find("system"), temperature: find("temperature"), maxTokens: find("max-tokens"), tools: find("tools") };

/** onkey is called when another key was given. */
export function startSettings(onkey) {
  const dialog = find("settings");
  find("settings-open").addEventListener("click", () => {
    for (const [name, field] of Object.entries(fields)) {
      field.value = settings[name];
    }
    find("key").value = key.get();
    find("tools-problem").textContent = "";
    dialog.showModal();
  });
  find("settings-form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "close") {
      return;
    }
    find("tools-problem").textContent = problem(fields.tools.value);
    if (find("tools-problem").textContent) {
      event.preventDefault();
      fields.tools.focus();
      return;
    }
    for (const [name, field] of Object.entries(fields)) {
      settings[name] = field.value;
    }
    saveSettings();
    if (find("key").value !== key.get()) {
      key.set(find("key").value.trim());
      listModels();
      onkey();
    }
  });
  find("forget").addEventListener("click", () => {
    deleteAll();
    dialog.close();
  });
  dialog.addEventListener("pointerdown", (event) => event.target === dialog && dialog.close());
}

function problem(tools) {
  if (tools.trim() === "") {
    return "";
  }
  try {
    return Array.isArray(JSON.parse(tools)) ? "" : "Tools must be a list: [ … ]";
  } catch (fault) {
    return `Not JSON: ${fault.message}`;
  }
}
