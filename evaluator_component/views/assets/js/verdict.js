/** The verdict first: the outcome, what blocked it and by how much, in words and to scale. */

import { h } from "./dom.js";
import { STATUS, count, decimal, decimalsFor, interval, plain, time, verdictTone, verdictWord } from "./format.js";
import { choose, comparisons, datasets, measures, models, modelLabel, payload } from "./payload.js";
import { differenceTone, inWords, shareBar, sign, strip, stripScale } from "./strip.js";
import { update } from "./state.js";

const GROUPS = [
  ["fail", "Blocking"],
  ["warn", "Warning"],
  ["unclear", "Inconclusive"],
  ["pass", "Passed"],
];
/** How many reasons of a group are listed before the rest is folded away; blocking ones all are. */
const FIRST_REASONS = 6;

export function renderVerdict(root) {
  const verdict = payload.verdict;
  const decisions = verdict.decisions;
  const groups = GROUPS.map(([status, title]) => [status, title, decisions.filter((d) => d.status === status)]);
  const scales = scalesOf(decisions);
  root.append(
    hero(verdict, groups),
    h(".columns", {},
      h(".main", {},
        decisions.length ? groups.map(([status, title, list]) => list.length > 0 && reasons(status, title, list, scales)) : noThresholds(),
        attribution(verdict.attribution),
        weakSlices(verdict.weak_slices)),
      h("aside.side", { "aria-label": "Overall and facts" }, overall(), facts())),
  );
}

function hero(verdict, groups) {
  const tone = verdictTone(verdict.verdict);
  const shape = { good: "✓", bad: "✕", unsure: "?", neutral: "·" }[tone];
  const tally = groups
    .filter(([, , list]) => list.length)
    .map(([status, title, list]) => h("li", {}, sign(status, ""), h("b", {}, count(list.length)), title.toLowerCase()));
  return h(`section.hero.${tone}`, { "aria-label": "Verdict" },
    h("span.seal", { "aria-hidden": "true" }, shape),
    h(".hero-text", {}, h("h2", {}, verdictWord(verdict.verdict)), verdict.summary && h("p", {}, verdict.summary)),
    h("ul.tally", { "aria-label": "Thresholds" }, tally));
}

function noThresholds() {
  return h("section", {}, h("h3", {}, "No thresholds"), h("p.muted", {}, "Nothing was asked of this model, so nothing was judged."));
}

/** All decisions of one metric and kind are drawn on one scale, so that they can be compared. */
function scalesOf(decisions) {
  const found = new Map();
  for (const one of decisions) {
    const key = scaleKey(one);
    if (!found.has(key)) found.set(key, { all: [], blocking: [] });
    const ends = [judgedValue(one), one.bound, one.lower, one.upper].filter(Number.isFinite);
    found.get(key).all.push(...ends);
    if (one.status === "fail") found.get(key).blocking.push(...ends);
  }
  const scale = (key, { all, blocking }) => stripScale([all], { symmetric: key.startsWith("change"), include: blocking });
  return new Map([...found].map(([key, values]) => [key, scale(key, values)]));
}

function isChange(one) {
  return Number.isFinite(one.difference) && (Number.isFinite(one.margin) || !Number.isFinite(one.value) || one.threshold === "change");
}

function judgedValue(one) {
  return isChange(one) ? one.difference : one.value;
}

function scaleKey(one) {
  return `${isChange(one) ? "change" : "value"} ${one.metric}`;
}

function reasons(status, title, list, scales) {
  const rows = list.map((one) => reason(one, scales.get(scaleKey(one))));
  const head = [h("span", {}, title), h("span.count", {}, count(list.length))];
  if (status === "pass") {
    return h("details.reasons", {}, h("summary", {}, h("h3", {}, head)), h("ul", {}, rows));
  }
  const first = status === "fail" || rows.length <= FIRST_REASONS + 2 ? rows.length : FIRST_REASONS;
  const rest = rows.length > first && h("details.rest", {}, h("summary.link", {}, `${count(rows.length - first)} more`), h("ul", {}, rows.slice(first)));
  return h("section.reasons", {}, h("h3", {}, head), h("ul", {}, rows.slice(0, first)), rest);
}

function reason(one, scale) {
  const change = isChange(one);
  const digits = decimalsFor([one.value, one.baseline].filter(Number.isFinite));
  const value = judgedValue(one);
  const range = interval(one.lower, one.upper, digits, change);
  const details = [
    Number.isFinite(one.bound) && ["bound", decimal(one.bound, digits, change)],
    Number.isFinite(one.n) && ["examples", count(one.n)],
    one.status === "unclear" && Number.isFinite(one.n_needed) && ["needed, about", count(one.n_needed)],
    Number.isFinite(one.p_value) && ["p", plain(one.p_value)],
  ].filter(Boolean);
  return h(`li.reason.${STATUS[one.status].tone}`, {},
    sign(one.status),
    h(".reason-text", {},
      h(".reason-title", {},
        h("b", {}, one.metric),
        sliceLink(one),
        one.dataset && h("span.tag", {}, one.dataset),
        one.name && h("span.tag", {}, one.name)),
      one.sentence && h("p", {}, one.sentence)),
    h(".reason-scale", { title: range && `interval ${range}` },
      Number.isFinite(value) && strip(value, one.lower, one.upper, scale, {
        width: 190, height: 22, zero: change ? 0 : null, bound: one.bound, tone: STATUS[one.status].tone,
      })),
    h("dl.reason-numbers", {},
      Number.isFinite(value) && [h("dt", {}, change ? "difference" : "value"), h("dd.main-number", {}, decimal(value, digits, change))],
      details.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])));
}

/** A link from a reason to its slice in the browser. */
export function sliceLink(one) {
  if (one.row === null || one.row === undefined || !payload.tabs.includes("slices")) return h("span", {}, one.slice);
  const open = () => {
    const at = one.at ?? {};
    const target = { view: "slices", dataset: one.dataset_index, sel: [one.slice] };
    if (at.metric) Object.assign(target, { output: at.output, sub: at.sub });
    update(target);
  };
  return h("button.link", { type: "button", onclick: open, title: "Show this slice" }, one.slice);
}

function attribution(entries) {
  const list = (entries ?? []).filter((entry) => entry && typeof entry === "object");
  if (!list.length) return null;
  const numbers = list.flatMap((e) => [e.mix, e.performance]).filter(Number.isFinite);
  const reach = Math.max(...numbers.map(Math.abs), 1e-12);
  const digits = decimalsFor(numbers);
  const cell = (value) => h("td.num", {}, decimal(value, digits, true), shareBar(value, reach));
  return h("section", {},
    h("h3", {}, "Why it changed"),
    h("p.muted", {}, "The overall difference, split by slice into mix (the slice's share of the examples moved) and performance (the metric moved within the slice)."),
    h("table.plain", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Metric"), h("th", { scope: "col" }, "Slice"), h("th.num", { scope: "col" }, "Mix"), h("th.num", { scope: "col" }, "Performance"), h("th.num", { scope: "col" }, "Together"))),
      h("tbody", {}, list.map((e) => h("tr", {},
        h("td", {}, e.metric), h("th", { scope: "row" }, sliceLink(e)), cell(e.mix), cell(e.performance),
        h("td.num", {}, decimal(e.total ?? (e.mix ?? 0) + (e.performance ?? 0), digits, true)))))),
    list.map((e) => e.sentence && h("p.muted", {}, e.sentence)));
}

function weakSlices(entries) {
  const list = (entries ?? []).filter((entry) => entry && typeof entry === "object");
  if (!list.length) return null;
  const elsewhere = (e) => e.complement ?? e.overall ?? e.rest;
  return h("section", {},
    h("h3", {}, "Weak slices"),
    h("p.muted", {}, "Found by searching all slices, corrected for the number of them."),
    h("table.plain", {},
      h("thead", {}, h("tr", {}, ["Metric", "Slice"].map((t) => h("th", { scope: "col" }, t)), ["Value", "Elsewhere", "n", "p"].map((t) => h("th.num", { scope: "col" }, t)))),
      h("tbody", {}, list.map((e) => h("tr", {},
        h("td", {}, e.metric), h("th", { scope: "row" }, sliceLink(e), e.sentence && h("p.muted", {}, e.sentence)),
        h("td.num", {}, plain(e.value)), h("td.num", {}, plain(elsewhere(e))), h("td.num", {}, count(e.n)), h("td.num", {}, plain(e.p_value)))))));
}

/** The overall slice: every metric, candidate against baseline. */
function overall() {
  const dataset = datasets[0];
  const row = dataset ? dataset.overall : -1;
  if (row < 0) return null;
  const comparison = comparisons()[0];
  const mine = dataset.columns.filter((column) => column.about.model === comparison.model);
  const list = measures(dataset, comparison, choose(mine, { output: "", sub: "", weighted: "" }).choice);
  const compared = list.some((measure) => measure.diff);
  return h("section.overall", {},
    h("h3", {}, `Overall${dataset.name ? `, ${dataset.name}` : ""}`),
    h("table.plain.tight", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Metric"), h("th.num", { scope: "col" }, "Value"), compared && h("th.num", { scope: "col" }, "Difference"))),
      h("tbody", {}, list.slice(0, 16).map((measure) => {
        const column = measure.value ?? measure.diff;
        const digits = decimalsFor([column.value[row]]);
        const diff = measure.diff;
        return h("tr", {},
          h("th", { scope: "row" }, measure.id),
          h("td.num", { title: measure.value && inWords(row, measure.value, digits) }, measure.value ? decimal(measure.value.value[row], digits) : "–"),
          compared && h(`td.num.${(diff && differenceTone(row, diff)) || "flat"}`, { title: diff && inWords(row, diff, digits) }, diff ? decimal(diff.value[row], digits, true) : "–"));
      }))));
}

/** Facts of the run: models, data, versions. */
export function facts() {
  const run = payload.run;
  const known = new Set(["name", "time", "models", "data", "rows", "versions", "seconds", "bad_records", "class_names"]);
  const inline = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));
  const pairs = [
    ...models().map((model) => [model.role, modelLabel(model), model.location ?? model.path ?? model.uri]),
    ...run.models.filter((model) => model.unmeasured).map((model) => [model.role, `${model.name} (not evaluated)`]),
    run.time && ["time", time(run.time)],
    Number.isFinite(run.rows) && ["examples", count(run.rows)],
    run.bad_records > 0 && ["bad records", count(run.bad_records)],
    Number.isFinite(run.seconds) && ["took", `${plain(run.seconds)} s`],
    ...dataPaths(run.data).map(([name, path]) => [name, path]),
    ...Object.entries(run).filter(([name, value]) => !known.has(name) && value !== null && inline(value).length < 120).map(([name, value]) => [name.replaceAll("_", " "), inline(value)]),
    ...Object.entries(run.versions ?? {}).map(([name, version]) => [name, version]),
  ].filter(Boolean);
  return h("section.facts", {},
    h("h3", {}, "This run"),
    h("dl", {}, pairs.map(([name, value, more]) => [h("dt", {}, name), h("dd", {}, String(value), more && h("small", {}, String(more)))])),
    payload.omitted.length > 0 && h("p.muted", {}, `Left out to keep this page small: ${payload.omitted.join("; ")}.`));
}

function dataPaths(data) {
  if (!data) return [];
  if (typeof data === "string") return [["data", data]];
  if (Array.isArray(data)) return data.map((path) => ["data", typeof path === "string" ? path : JSON.stringify(path)]);
  return Object.entries(data).map(([name, path]) => [`data: ${name}`, typeof path === "string" ? path : JSON.stringify(path)]);
}
