/** Small drawings inside table cells: an interval on a scale, a bar, a sign. */

import { svg, h } from "./dom.js";
import { STATUS, decimal, interval } from "./format.js";

/** Returns the scale that all strips of a column share: symmetric about zero for differences. */
export function stripScale(lists, { symmetric = false, include = [] } = {}) {
  const values = [];
  for (const list of lists) {
    if (!list) continue;
    const step = Math.max(1, Math.floor(list.length / 2000));
    for (let i = 0; i < list.length; i += step) if (Number.isFinite(list[i])) values.push(list[i]);
  }
  values.push(...include.filter(Number.isFinite));
  if (!values.length) return { low: -1, high: 1 };
  values.sort((a, b) => a - b);
  const at = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
  // A few slices of a handful of examples must not squeeze all others: beyond, arrows tell.
  const spared = values.length < 60 ? 0 : values.length < 600 ? 0.015 : 0.03;
  let [low, high] = [at(spared), at(1 - spared)];
  for (const value of include.filter(Number.isFinite)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (symmetric) {
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    [low, high] = [-reach, reach];
  }
  return low === high ? { low: low - 1, high: high + 1 } : { low, high };
}

/**
 * Draws a value with its interval on a scale.
 * Options: lines at `zero` and `bound`; `tone` colours it; ends beyond the scale get an arrow.
 */
export function strip(value, lower, upper, scale, { width = 84, height = 14, zero = null, bound = null, tone = "" } = {}) {
  const pad = 4;
  const place = (number) => {
    const share = (number - scale.low) / (scale.high - scale.low);
    return pad + Math.min(1, Math.max(0, share)) * (width - 2 * pad);
  };
  const middle = height / 2;
  const parts = [];
  const mark = (number, name) => {
    const x = place(number);
    parts.push(svg("line", { class: name, x1: x, x2: x, y1: 0, y2: height }));
  };
  if (zero !== null) mark(zero, "zero");
  if (Number.isFinite(bound)) mark(bound, "bound");
  if (Number.isFinite(lower) && Number.isFinite(upper)) {
    parts.push(svg("line", { class: "reach", x1: place(lower), x2: place(upper), y1: middle, y2: middle }));
    for (const [end, way] of [[lower, -1], [upper, 1]]) {
      if (end < scale.low || end > scale.high) {
        const x = place(end);
        parts.push(svg("path", { class: "arrow", d: `M${x + 3 * way},${middle}l${-3.5 * way},-3v6z` }));
      }
    }
  }
  if (Number.isFinite(value)) parts.push(svg("circle", { class: "dot", cx: place(value), cy: middle, r: 3 }));
  return svg("svg", { class: `strip ${tone}`, width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, parts);
}

/** Draws a signed number as a bar from the middle; `reach` is the largest of its column. */
export function shareBar(value, reach) {
  if (!Number.isFinite(value)) return null;
  const width = (Math.abs(value) / reach) * 50;
  return h("span.bar", { "aria-hidden": "true" }, h("i", { style: { width: `${width}%`, left: `${value < 0 ? 50 - width : 50}%` } }));
}

/** Tells whether a difference is surely better, surely worse, or neither, by its interval. */
export function differenceTone(row, column) {
  const direction = column.about.direction;
  const [lower, upper] = [column.lower?.[row], column.upper?.[row]];
  if (!direction || !(Number.isFinite(lower) && Number.isFinite(upper))) return "";
  if (lower > 0) return direction > 0 ? "good" : "bad";
  if (upper < 0) return direction > 0 ? "bad" : "good";
  return "";
}

/** Says a value with its interval in words, for tooltips and screen readers. */
export function inWords(row, column, decimals) {
  const about = column.about;
  const text = decimal(column.value[row], decimals, about.diff);
  const range = interval(column.lower?.[row], column.upper?.[row], decimals, about.diff);
  const level = about.level ? `${Math.round(about.level * 100)}% ` : "";
  return range ? `${text} (${level}interval ${range})` : text;
}

/** The sign of a decision: shape and colour, with its word for screen readers. */
export function sign(status, title = "") {
  const { tone, shape, word } = STATUS[status];
  return h(`span.sign.${tone}`, { title: title || word, role: "img", "aria-label": title || word }, shape);
}
