/** What the slicing browser shows now, worked out from the state: one object that its parts share. */

import { decimalsFor } from "./format.js";
import { choose, comparisons, datasets, decisionsFor, isCount, measures, payload } from "./payload.js";
import { state } from "./state.js";
import { stripScale } from "./strip.js";

const RANK = { fail: 3, unclear: 2, warn: 1, skip: 0, pass: 0 };
const NO_MODEL = { id: "", label: "", model: "", baseline: null };
export const MAX_SELECTED = 8;

/** Returns the dataset that is chosen. */
export function currentDataset() {
  return datasets[state.dataset] ?? datasets[0];
}

/** Returns the comparison that is chosen. */
export function currentComparison() {
  const all = comparisons();
  return all.find((one) => one.id === state.compare) ?? all[0] ?? NO_MODEL;
}

/** Returns everything the browser needs: dataset, comparison, measures, judgements, scales. */
export function browse() {
  const dataset = currentDataset();
  const comparison = currentComparison();
  const mine = dataset.columns.filter((column) =>
    [comparison.model, comparison.baseline].includes(column.about.model));
  const { options, choice } = choose(mine, state);
  const list = measures(dataset, comparison, choice);
  const judgement = judge(choice);
  const shown = shownMeasures(list, judgement, comparison);
  return { dataset, comparison, options, choice, list, shown, ...judgement, ...sorting(list, shown) };
}

/** The worst status of each row, and the decisions about each cell. */
function judge(choice) {
  const index = Math.max(0, payload.datasets.indexOf(currentDataset().about));
  const judged = new Map();
  const marks = new Map();
  const metrics = new Set();
  for (const one of decisionsFor(index)) {
    if (one.row === null || one.row === undefined) continue;
    if (RANK[one.status] >= RANK[judged.get(one.row) ?? "pass"]) judged.set(one.row, one.status);
    if (!one.at || one.at.output !== choice.output || one.at.sub !== choice.sub) continue;
    const id = one.at.part ? `${one.at.metric}@${one.at.part}` : one.at.metric;
    metrics.add(id);
    const key = `${one.row} ${id}`;
    const other = marks.get(key);
    if (!other || RANK[one.status] > RANK[other.status]) marks.set(key, one);
  }
  return { judged, marks, judgedMetrics: metrics };
}

function shownMeasures(list, { judgedMetrics }, comparison) {
  const wanted = state.metrics.map((id) => list.find((measure) => measure.id === id)).filter(Boolean);
  if (wanted.length) return wanted;
  const judgedFirst = (measure) => (judgedMetrics.has(measure.id) ? 0 : 1);
  const useful = list.filter((measure) => !isCount(measure.id));
  const ranked = (useful.length ? useful : list).slice().sort((a, b) => judgedFirst(a) - judgedFirst(b));
  return ranked.slice(0, comparison.baseline === null ? 6 : 3);
}

/** The column that rows are sorted by, and the one that the charts are about. */
function sorting(list, shown) {
  const sort = { id: state.sort, down: state.down };
  const focus = column(list, state.focus) ?? column(list, state.sort) ?? first(shown);
  return { sort, sortColumn: column(list, state.sort), focus };
}

function first(shown) {
  const measure = shown[0];
  if (!measure) return null;
  const part = measure.value ? "value" : "diff";
  return { measure, part, id: `${measure.id}:${part}`, numbers: measure[part] };
}

/** Finds a column by its id: "auc:value", "auc:base" or "auc:diff". */
function column(list, id) {
  const at = id.lastIndexOf(":");
  const measure = list.find((one) => one.id === id.slice(0, at));
  const part = id.slice(at + 1);
  return measure?.[part] ? { measure, part, id, numbers: measure[part] } : null;
}

export const PART_WORDS = { value: "", base: " of the baseline", diff: " difference" };

/**
 * Returns the bound that a decision sets to a value ("value") or to a difference ("diff"), in the
 * units of the column; null where it sets none.
 */
export function boundOf(decision, part, baseline) {
  if (!decision || !Number.isFinite(decision.bound)) return null;
  if (part === "value") return decision.check.endsWith("_BOUND") ? decision.bound : null;
  if (decision.check === "ABSOLUTE_CHANGE") return decision.bound;
  return decision.check === "RELATIVE_CHANGE" && Number.isFinite(baseline) ? decision.bound * Math.abs(baseline) : null;
}

/** Returns the decimals with which a measure's values are written. */
export function digitsOf(measure) {
  const values = (measure.value ?? measure.diff).value;
  measure.digits ??= decimalsFor(values);
  return measure.digits;
}

/** Returns the scale of a measure's interval strips, for values or for differences. */
export function scaleOf(measure, part) {
  const name = `${part}Scale`;
  const column = measure[part];
  measure[name] ??= stripScale([column.lower ?? column.value, column.upper ?? column.value], { symmetric: part === "diff" });
  return measure[name];
}

/** Returns the selected rows, in the order in which they were selected. */
export function selectedRows(dataset) {
  return state.sel.map((name) => dataset.rowOf.get(name)).filter((row) => row !== undefined);
}
