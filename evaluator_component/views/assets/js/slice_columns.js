/** The columns of the slice table: what each cell of a measure shows. */

import { boundOf, digitsOf, scaleOf } from "./browse.js";
import { h } from "./dom.js";
import { count, decimal } from "./format.js";
import { differenceTone, inWords, sign, strip } from "./strip.js";

const QUIET = new Set(["pass", "skip"]);

/**
 * Returns the columns for `VirtualTable`.
 * @param view what `browse()` returns.
 * @param box makes the checkbox of a row.
 */
export function tableColumns(view, box) {
  const { dataset, shown, comparison } = view;
  const ofMeasure = comparison.baseline === null ? aloneColumns : comparedColumns;
  return [
    { id: "select", label: "Selected", hiddenLabel: true, width: 34, cell: box },
    { id: "slice", label: "Slice", sortable: true, header: true, grows: true, width: 186, cell: (row) => sliceCell(dataset, row), cellTitle: (row) => sliceTitle(dataset, row) },
    { id: "examples", label: "Examples", sortable: true, number: true, width: 92, cell: (row) => count(dataset.examples[row]) },
    ...shown.flatMap((measure) => ofMeasure(view, measure)),
  ];
}

/** The class of a table row: whether its slice is overall, or was found wanting. */
export function rowClass(view, row) {
  const status = view.judged.get(row) ?? "pass";
  return `${QUIET.has(status) ? "" : `row-${status}`}${row === view.dataset.overall ? " row-overall" : ""}`;
}

function sliceCell(dataset, row) {
  const pairs = dataset.pairs[row];
  if (!pairs || !pairs.length) return h("span.slice", {}, dataset.names[row]);
  const parts = pairs.map(([feature, value], at) => [at ? h("i", {}, " · ") : null, h("i", {}, `${feature} `), h("b", {}, value)]);
  return h("span.slice", {}, parts, dataset.notes[row] && h("em", {}, " *"));
}

function sliceTitle(dataset, row) {
  const note = dataset.notes[row];
  return dataset.names[row] + (note ? ` (${note})` : "");
}

function aloneColumns(view, measure) {
  const column = measure.value;
  const digits = digitsOf(measure);
  const width = Math.min(190, Math.max(104, measure.id.length * 7 + 44));
  const overall = column.value[view.dataset.overall];
  const drawn = (row) =>
    strip(column.value[row], column.lower[row], column.upper[row], scaleOf(measure, "value"), {
      zero: Number.isFinite(overall) ? overall : null,
      bound: boundOf(markOf(view, row, measure), "value"),
    });
  return [
    numberColumn(view, measure, "value", measure.id, { first: true, width }),
    column.lower && { id: `${measure.id}:strip`, label: `${measure.id} interval`, hiddenLabel: true, width: 92, cellTitle: (row) => inWords(row, column, digits), cell: drawn },
  ].filter(Boolean);
}

function comparedColumns(view, measure) {
  const column = measure.diff;
  const digits = digitsOf(measure);
  const group = { group: measure.id, groupTitle: betterWords(measure) };
  const drawn = (row) =>
    strip(column.value[row], column.lower[row], column.upper[row], scaleOf(measure, "diff"), {
      zero: 0,
      bound: boundOf(markOf(view, row, measure), "diff", measure.base?.value[row]),
      tone: differenceTone(row, column),
    });
  return [
    measure.value && numberColumn(view, measure, "value", "Candidate", { first: true, width: 104, ...group }),
    measure.base && numberColumn(view, measure, "base", "Baseline", group),
    column && numberColumn(view, measure, "diff", "Difference", { width: 98, ...group }),
    column?.lower && { id: `${measure.id}:strip`, label: `${measure.id} difference, interval`, hiddenLabel: true, width: 92, ...group, cellTitle: (row) => inWords(row, column, digits), cell: drawn },
  ].filter(Boolean);
}

function numberColumn(view, measure, part, label, more = {}) {
  const column = measure[part];
  const digits = digitsOf(measure);
  const signed = part === "diff";
  const marked = part === (measure.diff ? "diff" : "value");
  const cell = (row) => {
    const text = decimal(column.value[row], digits, signed);
    const mark = marked ? markOf(view, row, measure) : null;
    return mark && !QUIET.has(mark.status) ? [sign(mark.status, mark.sentence), text] : text;
  };
  const tone = (row) => (signed ? differenceTone(row, column) || "flat" : part === "base" ? "flat" : "");
  return { id: `${measure.id}:${part}`, label, sortable: true, number: true, width: 86, title: betterWords(measure), cell, tone, cellTitle: (row) => inWords(row, column, digits), ...more };
}

/** The gravest decision about one measure of one slice. */
function markOf(view, row, measure) {
  return view.marks.get(`${row} ${measure.id}`);
}

function betterWords(measure) {
  const { direction } = measure.about;
  return direction > 0 ? "higher is better" : direction < 0 ? "lower is better" : null;
}
