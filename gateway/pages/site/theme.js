// Light or dark: as the system says, unless the reader chose. A plain script, so that it runs before the first paint.
(() => {
  const NAME = "rapport-theme";
  const THEMES = ["auto", "light", "dark"];
  let chosen = "auto";
  try {
    if (THEMES.includes(localStorage.getItem(NAME))) chosen = localStorage.getItem(NAME);
  } catch {
    // Storage is blocked: the choice lasts until the page is left.
  }
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    const isShownDark = chosen === "auto" ? prefersDark.matches : chosen === "dark";
    document.documentElement.classList.toggle("dark-mode", isShownDark); // the class that Swagger UI reads
  };
  apply();
  prefersDark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.textContent = { auto: "◐", light: "☀", dark: "☾" }[chosen];
      button.setAttribute("aria-label", `Theme: ${chosen}`);
      button.title = `Theme: ${chosen}`;
    };
    label();
    button.addEventListener("click", () => {
      chosen = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length];
      try {
        localStorage.setItem(NAME, chosen);
      } catch {
        // As above.
      }
      apply();
      label();
    });
  });
})();
