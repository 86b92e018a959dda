/** Starts the page: reads the payload, builds the frame, shows one view at a time. */

import { currentDataset } from "./browse.js";
import { useLibrary } from "./charts.js";
import { fillWith, h } from "./dom.js";
import { ExamplesView } from "./examples.js";
import { count, time, verdictTone, verdictWord } from "./format.js";
import { HistoryView } from "./history.js";
import { datasets, inflate, models, modelLabel, payload, usePayload } from "./payload.js";
import { PlotsView } from "./plots.js";
import { SlicesView } from "./slices.js";
import { followFragment, onChange, openState, state, update } from "./state.js";
import { applyTheme, onThemeChange, switchTheme, themeName, useThemes } from "./theme.js";
import { renderVerdict } from "./verdict.js";

const TITLES = { verdict: "Verdict", slices: "Slices", plots: "Plots", history: "History", examples: "Examples" };

class VerdictView {
  constructor(root) {
    this.root = root;
    renderVerdict(root);
  }

  destroy() {}

  update() {
    fillWith(this.root);
    renderVerdict(this.root);
  }
}

class EmptyView {
  constructor(root) {
    root.append(h("p.empty", {}, "This evaluation holds no metrics."));
  }

  destroy() {}

  update() {}
}

const VIEWS = { verdict: VerdictView, slices: SlicesView, plots: PlotsView, history: HistoryView, examples: ExamplesView };

let view = null;
let shown = "";

function currentView() {
  return payload.tabs.includes(state.view) ? state.view : payload.tabs[0];
}

/** The head of the page: what was evaluated, the verdict, the views. Built once. */
function buildHeader(root) {
  const run = payload.run;
  const verdict = payload.verdict;
  const dataset = currentDataset();
  const about = [
    models().map(modelLabel).filter((label) => label !== "model").join(" against "),
    dataset && dataset.overall >= 0 && `${count(dataset.examples[dataset.overall])} examples`,
    time(run.time),
  ].filter(Boolean);
  const tab = (name) => h("button", { type: "button", "data-view": name, onclick: () => update({ view: name }) }, TITLES[name]);
  const alone = payload.tabs.length === 1;
  root.classList.toggle("alone", alone);
  fillWith(root,
    h(".titles", {}, h("h1", {}, payload.title), verdict && h(`span.pill.${verdictTone(verdict.verdict)}`, {}, verdictWord(verdict.verdict)), h("p", {}, about.join(" · "))),
    h("nav.tabs", { "aria-label": "Views", hidden: alone }, payload.tabs.map(tab)),
    h("button.icon", { type: "button", title: "Light or dark", "aria-label": "Switch between light and dark", onclick: switchTheme }, h("span", { "aria-hidden": "true" }, "◐")));
}

function markTab(name) {
  for (const tab of document.querySelectorAll(".tabs button")) {
    if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function show(changed) {
  const next = currentView();
  if (changed?.has("theme")) applyTheme();
  markTab(next);
  const root = document.querySelector("main");
  if (next !== shown || !view || changed?.has("theme")) {
    view?.destroy();
    // Views other than the verdict have no title of their own; readers of headings need one.
    fillWith(root, next !== "verdict" && h("h2.sr", {}, TITLES[next]));
    root.className = `view-${next}`;
    root.setAttribute("aria-label", TITLES[next]);
    shown = next;
    const bare = !datasets.length && ["slices", "plots"].includes(next);
    view = new (bare ? EmptyView : VIEWS[next])(root);
  } else view.update(changed);
}

/** Text of a script element, unpacked if it is packed. */
function read(id) {
  const element = document.getElementById(id);
  return element.dataset.packed === undefined ? Promise.resolve(element.textContent) : inflate(element);
}

/** Runs packed library code as a script of its own; the page's policy knows its hash. */
function run(code) {
  const script = document.createElement("script");
  script.textContent = code;
  document.head.append(script);
  script.remove();
}

async function start() {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser is too old for this page: it needs one from 2023 or later.");
  }
  const [data, vega, vegaLite, interpreter, library] = await Promise.all(
    ["payload", "vega", "vega-lite", "vega-interpreter", "library"].map(read));
  usePayload(JSON.parse(data));
  for (const code of [vega, vegaLite, interpreter]) run(code);
  const { catalogue, templates, config, themes } = JSON.parse(library);
  useThemes(themes);
  useLibrary({ vega: window.vega, vegaLite: window.vegaLite, expressionInterpreter: window.vegaInterpreter.expressionInterpreter, catalogue, templates, config });
  openState(payload.initial);
  applyTheme();
  document.title = payload.title;
  buildHeader(document.querySelector("body > header"));
  show(null);
  onChange(show);
  window.addEventListener("hashchange", followFragment);
  onThemeChange(() => {
    if (themeName() !== document.documentElement.dataset.theme) show(new Set(["theme"]));
  });
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  const main = document.querySelector("main");
  fillWith(main, h("p.empty", { role: "alert" }, String(error.message ?? error)));
  document.documentElement.dataset.ready = "failed";
  throw error;
});
