// Runs before anything is drawn, so that the page never flashes in the wrong colours.
const stored = (() => {
  try {
    return localStorage.getItem("autoglm.theme");
  } catch {
    return null;
  }
})();
if (stored === "light" || stored === "dark") {
  document.documentElement.dataset.theme = stored;
}
