/** The verdict first: the outcome, what blocked it and by how much, in words and to scale. */

import { h } from "./dom.js";
import { facts } from "./facts.js";
import { STATUS, count, decimal, decimalsFor, interval, percent, plain, probability, verdictTone, verdictWord } from "./format.js";
import { choose, comparisons, datasets, measures, payload } from "./payload.js";
import { update } from "./state.js";
import { differenceTone, inWords, shareBar, sign, strip, stripScale } from "./strip.js";

const GROUPS = [
  ["fail", "Blocking"],
  ["unclear", "Inconclusive"],
  ["warn", "Warning"],
  ["skip", "Not judged"],
  ["pass", "Passed"],
];
/** How many reasons of a group are listed before the rest is folded away; blocking ones all are. */
const FIRST_REASONS = 6;
const FIRST_PARTS = 6;

export function renderVerdict(root) {
  const verdict = payload.verdict;
  const { decisions } = verdict;
  const scales = scalesOf(decisions);
  const groups = GROUPS.map(([status, title]) => reasons(status, title, decisions.filter((one) => one.status === status), scales));
  const told = [groups, attributions(verdict.attribution), weakSlices(verdict.weak_slices)].flat().filter(Boolean);
  root.append(
    hero(verdict),
    h(".columns", {},
      h(".main", {}, told.length ? told : overall()),
      h("aside.side", { "aria-label": "Facts" }, told.length > 0 && overall(), facts())),
  );
}

function hero(verdict) {
  // Without any decision, nothing bad was found: the page does not shout.
  const judged = Object.values(verdict.counts).some((number) => number > 0);
  const tone = judged || verdict.verdict === "BLESSED" ? verdictTone(verdict.verdict) : "neutral";
  const shape = { good: "✓", bad: "✕", unsure: "?", neutral: "·" }[tone];
  const tally = GROUPS.filter(([status]) => verdict.counts[status] > 0).map(([status, title]) =>
    h("li", {}, sign(status), h("b", {}, count(verdict.counts[status])), title.toLowerCase()));
  // The summary opens with the verdict itself, which stands above it already.
  const words = verdict.summary.replace(/^(NOT )?(BLESSED|INCONCLUSIVE): /, "");
  return h(`section.hero.${tone}`, { "aria-label": "Verdict" },
    h("span.seal", { "aria-hidden": "true" }, shape),
    h(".hero-text", {}, h("h2", {}, verdictWord(verdict.verdict)), words && h("p", {}, words.charAt(0).toUpperCase() + words.slice(1)),
      verdict.notes.map((note) => h("p.muted", {}, note))),
    h("ul.tally", { "aria-label": "Decisions" }, tally));
}

function isChange(one) {
  return one.check === "ABSOLUTE_CHANGE" || one.check === "RELATIVE_CHANGE";
}

/** What is compared with the bound: the value, the difference, or the relative difference. */
function judgedValue(one) {
  return Number.isFinite(one.difference) ? one.difference : one.value;
}

/** Writes a number in the units of what a decision compares. */
function inUnits(one, number, digits) {
  if (one.check === "RELATIVE_CHANGE") return percent(number, 2, true);
  return decimal(number, digits, isChange(one));
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
  const scale = (key, { all, blocking }) => stripScale([all], { symmetric: key.includes("CHANGE"), include: blocking });
  return new Map([...found].map(([key, values]) => [key, scale(key, values)]));
}

function scaleKey(one) {
  return `${isChange(one) ? one.check : "value"} ${one.metric}`;
}

function reasons(status, title, list, scales) {
  if (!list.length) return null;
  const rows = list.map((one) => reason(one, scales.get(scaleKey(one))));
  const head = [h("span", {}, title), h("span.count", {}, count(payload.verdict.counts[status]))];
  if (status === "pass" || status === "skip") {
    return h("details.reasons", {}, h("summary", {}, h("h3", {}, head)), h("ul", {}, rows));
  }
  const first = status === "fail" || rows.length <= FIRST_REASONS + 2 ? rows.length : FIRST_REASONS;
  return h("section.reasons", {}, h("h3", {}, head), h("ul", {}, rows.slice(0, first)), folded(rows.slice(first), (rest) => h("ul", {}, rest)));
}

/** What goes beyond the first entries of a list, behind a word. */
function folded(rest, wrap) {
  return rest.length > 0 && h("details.rest", {}, h("summary.link", {}, `${count(rest.length)} more`), wrap(rest));
}

function reason(one, scale) {
  const digits = decimalsFor([one.value, one.baseline].filter(Number.isFinite));
  const value = judgedValue(one);
  const numbers = [
    Number.isFinite(value) && [isChange(one) ? "difference" : "value", inUnits(one, value, digits), "main-number"],
    Number.isFinite(one.bound) && ["bound", inUnits(one, one.bound, digits)],
    Number.isFinite(one.n) && ["examples", count(one.n)],
    one.status === "unclear" && Number.isFinite(one.n_needed) && ["needed, about", count(one.n_needed)],
    Number.isFinite(one.p_value) && ["p", probability(one.p_value)],
  ].filter(Boolean);
  const range = interval(one.lower, one.upper, digits, isChange(one));
  const tone = STATUS[one.status].tone;
  return h(`li.reason.${tone}`, {},
    sign(one.status),
    h(".reason-text", {},
      h(".reason-title", {}, h("b", { title: one.name }, one.metric || one.name), one.slice && sliceLink(one), one.dataset && h("span.tag", {}, one.dataset), isGiven(one.name) && one.metric && h("span.tag", {}, one.name)),
      one.sentence && h("p", {}, one.sentence)),
    h(".reason-scale", { title: range && `interval ${range}` },
      Number.isFinite(value) && scale && strip(value, one.lower, one.upper, scale, { width: 190, height: 22, zero: isChange(one) ? 0 : null, bound: one.bound, tone })),
    h("dl.reason-numbers", {}, numbers.map(([name, text, kind]) => [h("dt", {}, name), h(`dd${kind ? `.${kind}` : ""}`, {}, text)])));
}

/** Tells whether somebody named a threshold; else its name is its place in the config. */
function isGiven(name) {
  return name && !name.startsWith("metrics_specs[");
}

/** A link from a reason to its slice in the browser. */
function sliceLink(one) {
  if (one.row === null || one.row === undefined || !payload.tabs.includes("slices")) return h("span", {}, one.slice);
  const open = () => {
    const target = { view: "slices", dataset: one.dataset_index, sel: [one.slice] };
    if (one.at) Object.assign(target, { output: one.at.output, sub: one.at.sub });
    update(target);
  };
  return h("button.link", { type: "button", onclick: open, title: "Show this slice" }, one.slice);
}

function attributions(entries) {
  if (!entries.length) return null;
  return h("section", {},
    h("h3", {}, "Why it changed"),
    h("p.muted", {}, "An overall difference is a sum over slices of mix (a slice's share of the examples moved) and performance (the metric moved on the slice)."),
    entries.map(attribution));
}

function attribution(entry) {
  const numbers = entry.contributions.flatMap((part) => [part.mix, part.performance]).filter(Number.isFinite);
  const reach = Math.max(...numbers.map(Math.abs), 1e-12);
  const digits = decimalsFor([entry.before, entry.after].filter(Number.isFinite));
  const signed = (value) => h("td.num", {}, decimal(value, digits, true), shareBar(value, reach));
  const moved = (before, after, write) => h("td.num", {}, h("span.flat", {}, `${write(before)} → `), write(after));
  const row = (part) => h("tr", {},
    h("th", { scope: "row" }, sliceLink(part)),
    moved(part.share_before, part.share_after, (share) => percent(share, 1)),
    moved(part.value_before, part.value_after, (value) => decimal(value, digits)),
    signed(part.mix), signed(part.performance));
  const table = (rows) => h("table.plain.tight", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, `By ${(entry.features ?? []).join(" × ")}`), ["Share", "Value", "Mix", "Performance"].map((title) => h("th.num", { scope: "col" }, title)))),
    h("tbody", {}, rows.map(row)));
  return h(".attribution", {},
    h("p", {}, h("b", {}, entry.metric), " ", entry.sentence, entry.reversal && h("span.tag", {}, "reversal")),
    table(entry.contributions.slice(0, FIRST_PARTS)),
    folded(entry.contributions.slice(FIRST_PARTS), table));
}

function weakSlices(entries) {
  if (!entries.length) return null;
  const row = (one) => h("tr", {},
    h("th", { scope: "row" }, sliceLink(one), one.sentence && h("p.muted", {}, one.sentence),
      one.config && h("details", {}, h("summary.link", {}, "pin it into the gate"), h("pre", { tabindex: 0 }, one.config))),
    h("td.num", {}, plain(one.mean)), h("td.num", {}, plain(one.reference)), h("td.num", {}, count(one.num_examples)), h("td.num", {}, probability(one.adjusted_p_value)));
  return h("section", {},
    h("h3", {}, "Weak slices"),
    h("p.muted", {}, `Found by searching all slices; p is corrected for the number of them. The number is the mean ${entries[0].loss ?? "loss"}.`),
    h("table.plain", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Slice"), ["Here", "Elsewhere", "Examples", "p"].map((title) => h("th.num", { scope: "col" }, title)))),
      h("tbody", {}, entries.map(row))));
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
        const { diff } = measure;
        return h("tr", {},
          h("th", { scope: "row" }, measure.id),
          h("td.num", { title: measure.value && inWords(row, measure.value, digits) }, measure.value ? decimal(measure.value.value[row], digits) : "–"),
          compared && h(`td.num.${(diff && differenceTone(row, diff)) || "flat"}`, { title: diff && inWords(row, diff, digits) }, diff ? decimal(diff.value[row], digits, true) : "–"));
      }))));
}
