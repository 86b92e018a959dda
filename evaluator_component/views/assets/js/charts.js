/**
 * Draws the chart templates. Vega runs without eval (its expressions are interpreted) and without
 * a loader, so a chart can neither run text from data nor fetch anything.
 */

import { h, fillWith } from "./dom.js";
import { colors } from "./theme.js";

const DASHES = [[1, 0], [5, 3], [2, 2], [7, 2, 2, 2]];

let library = null;

/** Takes the chart templates and Vega into use. */
export function useLibrary(loaded) {
  library = loaded;
}

/** Returns what is known about every plot chart: id, title, kind, caption, shape. */
export function catalogue() {
  return library.catalogue;
}

function fillTemplate(part, tokens) {
  if (Array.isArray(part)) return part.map((item) => fillTemplate(item, tokens));
  if (part !== null && typeof part === "object") {
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, fillTemplate(item, tokens)]));
  }
  if (typeof part !== "string" || !part.startsWith("$")) return part;
  const name = part.slice(1);
  if (!Object.hasOwn(tokens, name)) throw new Error(`chart token ${name} is not given`);
  return tokens[name];
}

/**
 * Draws a template into a container.
 * @param container an element; it gets the role of an image with `label` as its text.
 * @param id of the template.
 * @param options label; tokens; data: rows by source name; signals: listeners by name;
 *   onpick: called with the datum that was clicked; canvas: draw on a canvas (many marks).
 * @returns {{set, data, destroy}} set(signal, value), data(source, rows), destroy().
 */
export function draw(container, id, { label, tokens, data, signals = {}, onpick = null, canvas = false }) {
  const { vega, vegaLite, expressionInterpreter, templates, config } = library;
  const palette = colors();
  const all = { ...palette, ...tokens };
  const spec = { ...fillTemplate(templates[id], all), datasets: data };
  if (!spec.facet) spec.autosize = { type: "fit", contains: "padding" };
  const look = fillTemplate(config, all);
  const compiled = vegaLite.compile(spec, { config: { ...look, aria: false }, logger: quiet(vega) }).spec;
  const runtime = vega.parse(compiled, null, { ast: true });
  container.setAttribute("role", "img");
  container.setAttribute("aria-label", label);
  const holder = h(".chart-holder", { "aria-hidden": "true" });
  fillWith(container, holder);
  const view = new vega.View(runtime, {
    renderer: canvas ? "canvas" : "svg",
    container: holder,
    hover: true,
    loader: { load: refuse, sanitize: refuse },
    expr: expressionInterpreter,
    logger: quiet(vega),
    tooltip: showTooltip,
  });
  view.run();
  for (const [name, listener] of Object.entries(signals)) view.addSignalListener(name, (_, value) => listener(value));
  if (onpick) view.addEventListener("click", (_, item) => item?.datum && onpick(item.datum));
  return {
    view,
    set: (name, value) => view.signal(name, value).runAsync(),
    data: (name, rows) => view.data(name, rows).runAsync(),
    destroy: () => view.finalize(),
  };
}

function refuse() {
  return Promise.reject(new Error("this page loads nothing"));
}

function quiet(vega) {
  return vega.logger(vega.None ?? 0);
}

/** Colours and dashes of series: slices by colour, the baseline by dashes (alone: grey). */
export function seriesTokens(series) {
  const palette = colors();
  const slices = [...new Set(series.map((one) => one.slice))];
  const names = [], shades = [], dashes = [];
  for (const one of series) {
    const isBaseline = one.role === "baseline" && series.some((other) => other.role !== "baseline");
    names.push(one.name);
    const other = [...new Set(series.filter((s) => s.role !== "baseline").map((s) => s.model))].indexOf(one.model);
    if (slices.length === 1 && isBaseline) shades.push(palette.baseline);
    else if (slices.length === 1) shades.push(palette.series[Math.max(0, other) % palette.series.length]);
    else shades.push(palette.series[slices.indexOf(one.slice) % palette.series.length]);
    dashes.push(isBaseline ? DASHES[1] : slices.length > 1 && other > 0 ? DASHES[1 + (other % 3)] : DASHES[0]);
  }
  return { names, colors: shades, dashes, legend: null };
}

let tooltip = null;

/** Vega's tooltip handler: a small table of names and values, as text. */
function showTooltip(_, event, __, value) {
  if (value === null || value === undefined || value === "") {
    tooltip?.remove();
    tooltip = null;
    return;
  }
  const entries = typeof value === "object" ? Object.entries(value) : [["", value]];
  const rows = entries
    .filter(([, text]) => text !== null && text !== "" && text !== "null" && text !== "undefined")
    .map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
  tooltip ??= document.body.appendChild(h(".tooltip", { "aria-hidden": "true" }));
  fillWith(tooltip, h("dl", {}, rows));
  const box = tooltip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
  const above = event.clientY + box.height + 20 > window.innerHeight;
  tooltip.style.left = `${Math.max(8, left)}px`;
  tooltip.style.top = `${Math.max(8, above ? event.clientY - box.height - 12 : event.clientY + 14)}px`;
}

/** Removes the tooltip; called when a view is taken down while the pointer rests on a chart. */
export function hideTooltip() {
  showTooltip(null, null, null, null);
}
