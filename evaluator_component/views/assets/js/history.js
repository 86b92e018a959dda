/** Several runs: one chart per metric, each run a point; a click opens that run's report. */

import { draw } from "./charts.js";
import { check, fillWith, h, menu, picker, settled } from "./dom.js";
import { axisFormat, count, decimal, decimalsFor, interval, time, verdictTone, verdictWord } from "./format.js";
import { choose, distinct, isCount, numbers, payload, subLabel } from "./payload.js";
import { state, update } from "./state.js";
import { colors } from "./theme.js";

const ROLES = ["candidate", "baseline"];

export class HistoryView {
  constructor(root) {
    this.charts = [];
    this.controls = h(".toolbar");
    this.grid = h(".plots");
    this.table = h("section");
    root.append(this.controls, this.grid, this.table);
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

  update() {
    this.render();
  }

  render() {
    this.drop();
    const { history } = payload;
    const dataset = history.datasets[Math.min(state.dataset, history.datasets.length - 1)];
    const slices = state.sel.filter((name) => dataset.slices.includes(name));
    const names = slices.length ? slices : [dataset.slices.includes("Overall") ? "Overall" : dataset.slices[0]];
    const values = dataset.columns.filter((column) => !column.diff);
    const { options, choice } = choose(values.map((column) => ({ id: column.metric, about: column })), state);
    const { output, sub, weighted } = choice;
    const [outputs, subs] = [options.output, options.sub];
    const fitting = values.filter((column) => column.output === output && column.sub === sub && (column.weighted === null || weighted === "" || String(column.weighted) === weighted));
    const metrics = distinct(fitting.map((column) => column.metric));
    const wanted = state.over.filter((metric) => metrics.includes(metric));
    const shown = wanted.length ? wanted : metrics.filter((metric) => !isCount(metric)).slice(0, 6);
    const roles = ROLES.filter((role) => fitting.some((column) => column.role === role));
    const hidden = state.models.filter((role) => roles.includes(role));
    const shownRoles = hidden.length ? hidden : roles;
    this.renderControls({ history, dataset, names, outputs, subs, output, sub, metrics, shown, roles, shownRoles });
    this.width = this.grid.clientWidth;
    const across = this.width >= 1060 ? 3 : this.width >= 640 ? 2 : 1;
    this.grid.style.setProperty("--across", across);
    const width = Math.floor((this.width - (across - 1) * 16) / across) - 30;
    fillWith(this.grid);
    for (const metric of shown) {
      const columns = fitting.filter((column) => column.metric === metric && shownRoles.includes(column.role));
      this.chart(metric, columns, dataset, names, width);
    }
    this.renderTable(dataset, names[0], fitting, shown);
  }

  renderControls({ history, dataset, names, outputs, subs, output, sub, metrics, shown, roles, shownRoles }) {
    const set = (metric, on) => {
      const next = metrics.filter((other) => (other === metric ? on : shown.includes(other)));
      if (next.length) update({ over: next });
    };
    const toggle = (role, on) => {
      const next = roles.filter((other) => (other === role ? on : shownRoles.includes(other)));
      if (next.length) update({ models: next.length === roles.length ? [] : next });
    };
    fillWith(this.controls,
      history.datasets.length > 1 && picker("Dataset", history.datasets.map((d, i) => ({ value: i, label: d.name || "default" })), state.dataset, (v) => update({ dataset: Number(v) })),
      dataset.slices.length > 1 && picker("Slice", dataset.slices.map((name) => ({ value: name, label: name })), names[0], (v) => update({ sel: [v] })),
      outputs.length > 1 && picker("Output", outputs.map((v) => ({ value: v, label: v || "all" })), output, (v) => update({ output: v })),
      subs.length > 1 && picker("Class", subs.map((v) => ({ value: v, label: subLabel(v, output) })), sub, (v) => update({ sub: v })),
      menu([h("span", {}, "Metrics"), h("b", {}, `${shown.length} of ${metrics.length}`)], metrics.map((metric) => check(metric, shown.includes(metric), (on) => set(metric, on)))),
      roles.length > 1 && h("fieldset.control.inline", {}, h("legend.sr", {}, "Models"), roles.map((role) => check(role, shownRoles.includes(role), (on) => toggle(role, on), { swatch: role === "baseline" ? colors().baseline : colors().series[0] }))),
      h("ul.legend.end", { "aria-label": "Verdicts" }, [["●", "blessed"], ["✚", "not blessed"], ["◆", "inconclusive"], ["┄", "threshold"]].map(([shape, word]) => h("li", {}, h("i", { "aria-hidden": "true" }, shape), word))));
  }

  chart(metric, columns, dataset, names, width) {
    const { runs } = payload.history;
    const palette = colors();
    const series = names.flatMap((name, at) => columns.map((column) => ({
      name: [names.length > 1 && name, columns.length > 1 && column.role].filter(Boolean).join(" · ") || name,
      color: column.role === "baseline" && names.length === 1 ? palette.baseline : palette.series[at % palette.series.length],
      dash: column.role === "baseline" ? [5, 3] : [1, 0],
      slice: dataset.slices.indexOf(name),
      column,
    })));
    const labels = runLabels(runs);
    const all = series.flatMap((one) => one.column.value[one.slice]);
    const digits = decimalsFor(numbers(all));
    const rows = series.flatMap((one) => {
      const [value, lower, upper] = ["value", "lower", "upper"].map((name) => (one.column[name] ? numbers(one.column[name][one.slice]) : null));
      return runs.map((run, at) => ({
        series: one.name,
        label: labels[at],
        value: value[at],
        lower: lower ? lower[at] : null,
        upper: upper ? upper[at] : null,
        interval: lower ? interval(lower[at], upper[at], digits) : "",
        time: time(run.time),
        verdict: one.column.role === "baseline" ? "" : run.verdict,
        mark: (one.column.role !== "baseline" && run.verdict) || "none",
        run: at,
      })).filter((row) => Number.isFinite(row.value)).map((row) => (Number.isFinite(row.lower) ? row : { ...row, lower: null, upper: null }));
    });
    const bounds = dataset.bounds.filter((bound) => bound.metric === metric && names.includes(bound.slice));
    const box = h(".chart");
    const direction = columns[0]?.direction;
    this.grid.append(h("section.panel.plot", {}, h("header", {}, h("h3", {}, metric), h("span.muted", {}, direction > 0 ? "higher is better" : direction < 0 ? "lower is better" : "")), box));
    this.charts.push(draw(box, "time_series", {
      label: `${metric} of ${names.join(", ")} over ${runs.length} runs`,
      tokens: {
        names: series.map((one) => one.name),
        colors: series.map((one) => one.color),
        dashes: series.map((one) => one.dash),
        legend: null,
        runs: labels,
        title: null,
        format: axisFormat(digits + 1),
        width,
        height: 186,
      },
      data: { rows, bounds },
      onpick: (datum) => Number.isInteger(datum.run) && openRun(runs[datum.run]),
    }));
  }

  renderTable(dataset, slice, columns, metrics) {
    const { runs } = payload.history;
    const row = dataset.slices.indexOf(slice);
    const mine = metrics.map((metric) => columns.find((column) => column.metric === metric && column.role !== "baseline") ?? columns.find((column) => column.metric === metric));
    const values = mine.map((column) => numbers(column.value[row]));
    const digits = values.map((list) => decimalsFor(list));
    const order = runs.map((_, at) => at).reverse();
    fillWith(this.table, h("h3", {}, `Runs, ${slice}`), h(".scroll-x", { tabindex: 0, role: "region", "aria-label": "Runs" }, h("table.plain.runs", {},
      h("thead", {}, h("tr", {}, ["Run", "Time", "Model", "Verdict"].map((t) => h("th", { scope: "col" }, t)), h("th.num", { scope: "col" }, "Examples"), metrics.map((metric) => h("th.num", { scope: "col" }, metric)))),
      h("tbody", {}, order.map((at) => h("tr", {},
        h("th", { scope: "row" }, runLink(runs[at], at)),
        h("td.muted", {}, time(runs[at].time)),
        h("td", {}, runs[at].model),
        h("td", { title: runs[at].summary }, h(`span.pill.${verdictTone(runs[at].verdict)}`, {}, verdictWord(runs[at].verdict))),
        h("td.num", {}, count(numbers(dataset.examples[row])[at])),
        values.map((list, column) => h("td.num", {}, decimal(list[at], digits[column])))))))));
  }
}

/** Short labels for the axis, made different where names repeat. */
function runLabels(runs) {
  const names = runs.map((run, at) => run.model || run.name || `run ${at + 1}`);
  const seen = new Map();
  return names.map((name) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}

/** Only relative and web addresses are followed; a "javascript:" from data is not. */
export function safeHref(href) {
  if (!href || typeof href !== "string") return null;
  const scheme = /^[\s\u0000-\u001f]*([a-z][a-z0-9+.-]*):/i.exec(href);
  return !scheme || ["http", "https", "file"].includes(scheme[1].toLowerCase()) ? href : null;
}

function runLink(run, at) {
  const name = run.name || run.model || `run ${at + 1}`;
  const href = safeHref(run.href);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, name) : name;
}

function openRun(run) {
  const href = safeHref(run.href);
  if (href) window.open(href, "_blank", "noopener");
}
