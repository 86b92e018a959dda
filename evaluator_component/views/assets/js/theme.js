/** Light and dark: the reader's system decides until the reader does. */

import { state, update } from "./state.js";

let themes = { light: {}, dark: {} };
const system = window.matchMedia("(prefers-color-scheme: dark)");
let printing = false;

/** Takes the colours of both themes into use. */
export function useThemes(loaded) {
  themes = loaded;
}

/** Tells whether the page is being printed. */
export function isPrinting() {
  return printing;
}

/** Returns the name of the theme that is shown. */
export function themeName() {
  if (printing) return "light";
  return state.theme === "light" || state.theme === "dark" ? state.theme : system.matches ? "dark" : "light";
}

/** Returns the colours that are shown now, by name. */
export function colors() {
  return themes[themeName()];
}

/** Puts the theme on the page; charts are redrawn by whoever listens. */
export function applyTheme() {
  document.documentElement.dataset.theme = themeName();
}

/** Switches between light and dark. */
export function switchTheme() {
  update({ theme: themeName() === "dark" ? "light" : "dark" });
}

/** Calls a function when the system switches, or when the page is printed (always light). */
export function onThemeChange(callback) {
  system.addEventListener?.("change", () => state.theme || callback());
  for (const [event, value] of [["beforeprint", true], ["afterprint", false]]) {
    window.addEventListener(event, () => {
      const before = themeName();
      printing = value;
      if (themeName() !== before) callback();
    });
  }
}
