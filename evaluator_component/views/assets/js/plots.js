/** Plots of one or several slices and models, laid over each other; one decision threshold for all. */

import { currentDataset, MAX_SELECTED, selectedRows } from "./browse.js";
import { catalogue, draw, seriesTokens } from "./charts.js";
import { check, fillWith, h, picker, settled } from "./dom.js";
import { count, decimal, percent, plain } from "./format.js";
import { datasets, distinct, modelLabel, models, subLabel } from "./payload.js";
import { state, update } from "./state.js";
import { shareBar } from "./strip.js";
import { colors, themeName } from "./theme.js";

const TABLE_ROWS = 60;
const MANY_CLASSES = 12;

export class PlotsView {
  constructor(root) {
    this.charts = [];
    this.controls = h(".toolbar.plots-toolbar");
    this.legend = h("ul.legend", { "aria-label": "Series" });
    this.grid = h(".plots");
    root.append(this.controls, this.legend, this.grid);
    this.observer = new ResizeObserver(settled(() => this.resize(), 120));
    this.render();
    this.observer.observe(this.grid);
  }

  destroy() {
    this.observer.disconnect();
    this.drop();
  }

  drop() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  resize() {
    if (this.grid.isConnected && Math.abs(this.grid.clientWidth - this.width) > 8) this.render();
  }

  update(changed) {
    if ([...changed].every((name) => name === "cut") && !currentDataset().about.plots.some(hasThresholds)) this.moveCut();
    else this.render();
  }

  moveCut() {
    for (const chart of this.charts) if (chart.hasCut) chart.set("cut", state.cut);
    if (this.cutText) this.cutText.textContent = decimal(state.cut, 2);
  }

  render() {
    this.drop();
    const dataset = currentDataset();
    const plots = dataset.about.plots;
    const rows = this.rows(dataset, plots);
    const all = models();
    const shown = all.filter((model) => !state.models.length || state.models.includes(model.name));
    const outputs = distinct(plots.map((plot) => plot.output));
    const subs = distinct(plots.map((plot) => plot.sub));
    const output = outputs.includes(state.output) ? state.output : outputs[0];
    const sub = subs.includes(state.sub) ? state.sub : subs[0];
    this.renderControls(dataset, rows, all, shown, { outputs, subs, output, sub });
    const series = plotSeries(dataset, rows, shown.map((model) => model.name));
    this.renderLegend(series);
    this.width = this.grid.clientWidth;
    const across = this.width >= 1060 ? 3 : this.width >= 680 ? 2 : 1;
    const cell = (this.width - (across - 1) * 16) / across;
    fillWith(this.grid);
    this.grid.style.setProperty("--across", across);
    this.charts = drawPlots(this.grid, dataset, series, { output, sub, size: { width: Math.floor(cell) - 30, height: 270 }, whole: this.width });
    this.attributions(dataset, rows, shown);
    if (!this.grid.childElementCount) {
      fillWith(this.grid, h("p.empty", {}, plots.length ? "These slices have no plots in this page. Smaller slices may have been left out to keep it small." : "This evaluation made no plots."));
    }
  }

  rows(dataset, plots) {
    const selected = selectedRows(dataset);
    if (selected.length) return selected;
    if (dataset.overall >= 0) return [dataset.overall];
    const first = Object.keys(plots[0]?.rows ?? {})[0];
    return first === undefined ? [] : [Number(first)];
  }

  renderControls(dataset, rows, all, shown, { outputs, subs, output, sub }) {
    const names = shown.map((model) => model.name);
    const toggleModel = (name, on) => {
      const next = all.map((model) => model.name).filter((other) => (other === name ? on : names.includes(other)));
      if (next.length) update({ models: next.length === all.length ? [] : next });
    };
    const withPlots = distinct(dataset.about.plots.flatMap((plot) => Object.keys(plot.rows).map(Number))).sort((a, b) => a - b);
    const free = withPlots.filter((row) => !rows.includes(row));
    const add = (row) => {
      const current = rows.map((one) => dataset.names[one]);
      update({ sel: [...current, dataset.names[Number(row)]].slice(-MAX_SELECTED) });
    };
    const hasCut = dataset.about.plots.some((plot) => ["confusion_matrices", "gain"].includes(plot.kind) || hasThresholds(plot));
    fillWith(this.controls,
      datasets.length > 1 && picker("Dataset", datasets.map((d, i) => ({ value: i, label: d.name || "default" })), state.dataset, (v) => update({ dataset: Number(v), sel: [] })),
      free.length > 0 && picker("Add a slice", [{ value: "", label: `${count(free.length)} more with plots…` }, ...free.slice(0, 2000).map((row) => ({ value: row, label: dataset.names[row] }))], "", (v) => v !== "" && add(v)),
      outputs.length > 1 && picker("Output", outputs.map((v) => ({ value: v, label: v || "all" })), output, (v) => update({ output: v })),
      subs.length > 1 && picker("Class", subs.map((v) => ({ value: v, label: subLabel(v, output) })), sub, (v) => update({ sub: v })),
      all.length > 1 && h("fieldset.control.inline", {}, h("legend.sr", {}, "Models"), all.map((model) => check(modelLabel(model), names.includes(model.name), (on) => toggleModel(model.name, on)))),
      hasCut && this.cutControl());
  }

  cutControl() {
    this.cutText = h("output", {}, decimal(state.cut, 2));
    const slider = h("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Decision threshold", "data-focus": "cut", oninput: (e) => update({ cut: Number(e.target.value) }) });
    slider.value = state.cut;
    return h("label.control.cut", {}, h("span", {}, "Decision threshold"), slider, this.cutText);
  }

  renderLegend(series) {
    const tokens = seriesTokens(series);
    const dataset = currentDataset();
    const remove = (one) => update({ sel: state.sel.filter((name) => name !== one.slice) });
    const many = distinct(series.map((one) => one.slice)).length > 1;
    fillWith(this.legend, series.map((one, at) => h("li", {},
      h(`i.line${tokens.dashes[at][1] ? ".dashed" : ""}`, { style: { "border-color": tokens.colors[at] } }),
      h("span", {}, one.name),
      h("small", {}, count(dataset.examples[one.row])),
      many && one.role !== "baseline" && h("button", { type: "button", "aria-label": `Remove ${one.slice}`, onclick: () => remove(one) }, "✕"))));
  }

  attributions(dataset, rows, shown) {
    for (const column of dataset.about.attributions) {
      const values = column.rows[rows[0]];
      if (!values || !shown.some((model) => model.name === column.model)) continue;
      const reach = Math.max(...values.value.map((v) => Math.abs(v ?? 0)), 1e-12);
      this.grid.append(h("section.panel.plot", {},
        h("header", {}, h("h3", {}, [column.metric, column.output, column.sub].filter(Boolean).join(" · ")), h("p.muted", {}, "Attribution by feature")),
        h("table.plain.tight", {}, h("tbody", {}, values.feature.map((feature, at) => h("tr", {},
          h("th", { scope: "row" }, feature), h("td.num", {}, plain(values.value[at], true), shareBar(values.value[at], reach))))))));
    }
  }
}

/** Returns one series per slice and model, with a name that tells them apart. */
export function plotSeries(dataset, rows, modelNames) {
  const known = new Map(models().map((model) => [model.name, model]));
  return rows.flatMap((row) => modelNames.map((name) => {
    const model = known.get(name) ?? { name, role: "candidate" };
    const slice = dataset.names[row];
    const parts = modelNames.length === 1 ? [slice] : rows.length === 1 ? [modelLabel(model)] : [slice, modelLabel(model)];
    return { row, slice, model: name, role: model.role, name: parts.join(" · ") };
  }));
}

/**
 * Draws every chart that the plot data of some series allows.
 * Options: output, sub; only: ids of charts; size: of a chart without axes; whole: width of the
 * page, for wide charts; limit: how many; headless: without captions.
 */
export function drawPlots(root, dataset, series, { output, sub, only = null, size, whole = 0, limit = 99, headless = false }) {
  const charts = [];
  const fits = (plot) => (output === undefined || plot.output === output) && (sub === undefined || plot.sub === sub);
  for (const info of catalogue()) {
    if ((only && !only.includes(info.id)) || charts.length >= limit) continue;
    const plots = dataset.about.plots.filter((plot) => plot.kind === info.kind && fits(plot));
    for (const names of groupsOf(plots)) {
      const found = series.map((one) => [one, names.find((plot) => plot.model === one.model)]).filter(([one, plot]) => plot?.rows[one.row]);
      const groups = info.per_series ? found.map((one) => [one]) : found.length ? [found] : [];
      for (const group of groups) {
        if (charts.length < limit) charts.push(drawPlot(root, info, group, { size, whole, headless, sub: names[0].sub }));
      }
    }
  }
  if (!only) tables(root, dataset, series, fits);
  return charts;
}

/** Plots of one kind that differ in more than the model are drawn apart. */
function groupsOf(plots) {
  const groups = new Map();
  for (const plot of plots) {
    const key = [plot.metric, plot.output, plot.sub, plot.weighted].join("\n");
    groups.set(key, [...(groups.get(key) ?? []), plot]);
  }
  return [...groups.values()];
}

function drawPlot(root, info, group, { size, whole, headless, sub }) {
  const series = group.map(([one]) => one);
  // The baseline is drawn first, so that it never covers a candidate.
  const inOrder = [...group].sort(([a], [b]) => (b.role === "baseline") - (a.role === "baseline"));
  const rows = inOrder.flatMap(([one, plot]) => rowsOf(plot, one.row).map((row) => ({ ...row, series: one.name })));
  const detail = info.per_series && group.length ? series[0].name : [group[0][1].output, sub && subLabel(sub, group[0][1].output)].filter(Boolean).join(" · ");
  const box = h(".chart");
  root.append(h(`section.panel.plot.${info.shape}`, {}, h("header", {}, h("h3", {}, info.title), detail && h("span.muted", {}, detail)), box, !headless && h("p.caption", {}, info.caption)));
  const wide = info.shape === "wide";
  const panels = whole >= 900 ? 4 : 2;
  const facets = info.id === "binary_confusion" ? Math.min(2, group.length) : 1;
  const binary = info.id === "binary_confusion";
  const width = wide ? Math.floor((whole - 90 - 56 * (panels - 1)) / panels) : binary ? Math.floor((size.width - 70 - 24 * (facets - 1)) / facets) : size.width;
  const height = wide ? 150 : !binary ? size.height : group.length > 2 ? 72 : size.height - 80;
  if (info.id === "confusion") confusions(box, rows);
  const chart = draw(box.firstChild ? box.insertBefore(h("div"), box.firstChild) : box, info.id, {
    label: `${info.title} of ${series.map((one) => one.name).join(", ")}`,
    tokens: {
      ...seriesTokens(series),
      ...matrixTokens(rows, group[0][1].class_names, binary ? width : width - 90, binary ? height : height - 40, binary),
      width,
      height,
      columns: wide ? panels : 2,
      facetLabels: group.length > 1,
      cut: state.cut,
      fillOpacity: group.length === 1 ? 0.75 : 0.1,
      onramp: themeName() === "light" ? "#ffffff" : "#0d1118",
    },
    data: { rows },
  });
  chart.hasCut = ["confusion_matrices", "gain"].includes(info.kind);
  return chart;
}

/** With many classes, cells are too small to read: the commonest confusions, in words. */
function confusions(box, rows) {
  if (distinct(rows.map((row) => row.actual)).length <= MANY_CLASSES) return;
  const wrong = rows.filter((row) => row.actual !== row.predicted).sort((a, b) => b.weight - a.weight).slice(0, 8);
  box.append(h("table.plain.tight", {},
    h("thead", {}, h("tr", {}, ["Actual", "Predicted"].map((title) => h("th", { scope: "col" }, title)), ["Examples", "Share"].map((title) => h("th.num", { scope: "col" }, title)))),
    h("tbody", {}, wrong.map((row) => h("tr", {}, h("th", { scope: "row" }, row.actual), h("td", {}, row.predicted), h("td.num", {}, count(row.weight)), h("td.num", {}, percent(row.weight / row.all)))))));
}

/** A plot's columns as rows; classes by their names. */
function rowsOf(plot, row) {
  const columns = plot.rows[row];
  const names = Object.keys(columns);
  const count = columns[names[0]]?.length ?? 0;
  const at = plot.kind.startsWith("multi_") && columns.threshold ? nearest(columns.threshold, state.cut) : null;
  const rows = [];
  for (let i = 0; i < count; i += 1) {
    if (at !== null && columns.threshold[i] !== at) continue;
    const one = {};
    for (const name of names) one[name] = columns[name][i];
    if ("actual" in one) one.actual = className(one.actual, plot.class_names);
    if ("predicted" in one) one.predicted = className(one.predicted, plot.class_names);
    rows.push(one);
  }
  return rows;
}

function nearest(thresholds, cut) {
  const away = (threshold) => Math.abs(Number(threshold) - cut);
  return thresholds.reduce((best, threshold) => (away(threshold) < away(best) ? threshold : best));
}

/** Tells whether a plot holds matrices at several thresholds. */
function hasThresholds(plot) {
  const columns = Object.values(plot.rows)[0];
  return plot.kind.startsWith("multi_") && columns.threshold !== undefined && distinct(columns.threshold).length > 1;
}

function className(value, names) {
  if (value === -1) return "none";
  return names[value] ?? String(value);
}

function matrixTokens(rows, names, width, height, binary) {
  const natural = (a, b) => a.localeCompare(b, "en", { numeric: true });
  const actual = distinct(rows.map((row) => row.actual).filter((name) => name !== undefined));
  const predicted = distinct(rows.map((row) => row.predicted).filter((name) => name !== undefined));
  const place = (name) => (names.includes(name) ? names.indexOf(name) : names.length);
  const found = distinct([...actual, ...predicted.filter((name) => name !== "none")]);
  const classes = found.sort((a, b) => place(a) - place(b) || natural(a, b));
  const across = binary ? 2 : Math.max(2, classes.length);
  const cell = Math.min(width / across, (height / across) * 1.4);
  const longest = Math.max(8, ...classes.map((name) => name.length));
  return {
    classes,
    predictedClasses: predicted.includes("none") ? [...classes, "none"] : classes,
    labelAngle: longest * 6 < width / across || binary ? 0 : -45,
    gap: cell > 20 ? 2 : 0.5,
    rise: cell >= 44 ? -5 : 0,
    shareOpacity: cell >= 36 ? 1 : 0,
    countOpacity: cell >= 44 ? 1 : 0,
  };
}

/** Plot data of other kinds, as tables. */
function tables(root, dataset, series, fits) {
  for (const plot of dataset.about.plots) {
    if (plot.kind !== "table" || !fits(plot)) continue;
    for (const one of series.filter((other) => other.model === plot.model && plot.rows[other.row])) {
      const columns = Object.entries(plot.rows[one.row]);
      const rows = Math.min(TABLE_ROWS, columns[0]?.[1].length ?? 0);
      root.append(h("section.panel.plot", {},
        h("header", {}, h("h3", {}, plot.metric), h("span.muted", {}, one.name)),
        h(".scroll-x", { tabindex: 0, role: "region", "aria-label": plot.metric }, h("table.plain.tight", {},
          h("thead", {}, h("tr", {}, columns.map(([name]) => h("th.num", { scope: "col" }, name)))),
          h("tbody", {}, Array.from({ length: rows }, (_, at) => h("tr", {}, columns.map(([, values]) => h("td.num", {}, plain(values[at]))))))))));
    }
  }
}

/** Colours of the present theme; for callers that draw legends. */
export function paletteOf(series) {
  return seriesTokens(series).colors.map((color) => color ?? colors().accent);
}
