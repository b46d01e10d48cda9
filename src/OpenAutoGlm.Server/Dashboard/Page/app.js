// Puts the page together: views, theme, and the small sign that says how the server is.

import { startChat } from "./chat.js";
import { drawIcons, find, icon } from "./dom.js";
import { startLive, showLive } from "./live.js";
import { startSettings } from "./settings.js";

const themes = ["system", "light", "dark"];

function showView() {
  // The link that skips the bar goes to #main, whatever is shown there.
  const isLive = location.hash === "#live" || (location.hash === "#main" && document.body.dataset.view === "live");
  find("chat").hidden = isLive;
  find("live").hidden = !isLive;
  for (const [id, is] of [["to-chat", !isLive], ["to-live", isLive]]) {
    if (is) {
      find(id).setAttribute("aria-current", "page");
    } else {
      find(id).removeAttribute("aria-current");
    }
  }
  find("view-title").textContent = isLive ? "Live" : "Chat";
  document.title = `${isLive ? "Live" : "Chat"} · Open-AutoGLM`;
  document.body.dataset.view = isLive ? "live" : "chat";
  showLive(isLive);
}

function startTheme() {
  const button = find("theme");
  const draw = () => {
    const theme = document.documentElement.dataset.theme ?? "system";
    button.replaceChildren(icon({ light: "sun", dark: "moon", system: "system" }[theme]));
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
  };
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % themes.length];
    if (next === "system") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = next;
    }
    try {
      localStorage.setItem("autoglm.theme", next);
    } catch {
      // Without a store the choice lasts as long as the page.
    }
    draw();
  });
  draw();
}

drawIcons();
startTheme();
startChat();
const refresh = startLive();
startSettings(refresh);
addEventListener("hashchange", showView);
showView();
