// What the browser keeps: conversations and settings. Losing the store (private windows, a full disk) loses nothing else.

const chatsName = "autoglm.chats";
const settingsName = "autoglm.settings";
const most = 60;

function load(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function save(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export const settings = { system: "", temperature: "", maxTokens: "", tools: "", model: "", ...load(settingsName, {}) };

export const saveSettings = () => save(settingsName, settings);

export const chats = load(chatsName, []).filter((chat) => Array.isArray(chat?.messages));

/** Keeps a conversation, as the newest; where there is no room the oldest go. */
export function keep(chat) {
  const index = chats.indexOf(chat);
  if (index >= 0) {
    chats.splice(index, 1);
  }
  chats.unshift(chat);
  chats.length = Math.min(chats.length, most);
  while (!save(chatsName, chats) && chats.length > 1) {
    chats.pop();
  }
}

export function forget(chat) {
  const index = chats.indexOf(chat);
  if (index >= 0) {
    chats.splice(index, 1);
    save(chatsName, chats);
  }
}

export function forgetAll() {
  chats.length = 0;
  save(chatsName, chats);
}
