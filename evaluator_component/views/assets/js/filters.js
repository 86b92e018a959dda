/** Which rows of a dataset are shown, and in which order. */

import { featureOf } from "./payload.js";

/**
 * Returns the rows that pass every filter.
 * @param dataset the dataset.
 * @param filter min (examples), q (words that the slice's name must contain), feature, only
 *   ("judged" or "failing": rows in `judged`), range [low, high] of `rangeValues`.
 * @param judged map from row to its worst status.
 * @param rangeValues the numbers that the range is about; null without a range.
 */
export function filterRows(dataset, { min, q, feature, only, range }, judged, rangeValues) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [];
  for (let row = 0; row < dataset.size; row += 1) {
    if (dataset.examples[row] < min) continue;
    if (feature && featureOf(dataset.pairs[row]) !== feature) continue;
    if (words.length && !words.every((word) => dataset.searchable[row].includes(word))) continue;
    if (only === "judged" && !judged.has(row)) continue;
    if (only === "failing" && ["pass", "skip"].includes(judged.get(row) ?? "pass")) continue;
    if (range.length === 2 && rangeValues) {
      const value = rangeValues[row];
      if (!(value >= range[0] && value <= range[1])) continue;
    }
    rows.push(row);
  }
  return rows;
}

/** Sorts rows in place by numbers; undefined ones come last in both directions. */
export function sortByNumbers(rows, values, down) {
  const way = down ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
    return x === y ? a - b : way * (x < y ? -1 : 1);
  });
}

/** Returns the bins of a histogram over some rows: [{lower, upper, count, kept}]. */
export function histogram(values, rows, kept, weights, bins = 36) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) {
    const value = values[row];
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = niceStep((high - low) / bins);
  const start = Math.floor(low / step) * step;
  const count = Math.max(1, Math.ceil((high - start) / step + 1e-9));
  const cells = Array.from({ length: count }, (_, index) => ({
    lower: round(start + index * step, step),
    upper: round(start + (index + 1) * step, step),
    count: 0,
    kept: 0,
  }));
  const add = (row, name) => {
    const value = values[row];
    if (!Number.isFinite(value)) return;
    const index = Math.min(count - 1, Math.floor((value - start) / step + 1e-9));
    cells[index][name] += weights ? weights[row] : 1;
  };
  for (const row of rows) add(row, "count");
  for (const row of kept) add(row, "kept");
  return cells;
}

function niceStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const share = step / power;
  return (share <= 1 ? 1 : share <= 2 ? 2 : share <= 2.5 ? 2.5 : share <= 5 ? 5 : 10) * power;
}

function round(value, step) {
  const places = Math.min(15, Math.max(0, 2 - Math.floor(Math.log10(step))));
  return Number(value.toFixed(places));
}
