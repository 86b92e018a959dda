/**
 * Two charts of one metric over the slices of the table: bars in the table's order, and a
 * histogram (or points against slice size) to brush.
 */

import { digitsOf, PART_WORDS } from "./browse.js";
import { draw, hideTooltip } from "./charts.js";
import { fillWith, h, picker, settled } from "./dom.js";
import { histogram } from "./filters.js";
import { axisFormat, count, decimal } from "./format.js";
import { distinct, featureOf, isCount } from "./payload.js";
import { state, update } from "./state.js";
import { inWords } from "./strip.js";

const MAX_BARS = 90;
const MAX_LABELS = 26;
const MANY_POINTS = 800;
const HEIGHT = 144;
const KINDS = [["spread", "Spread"], ["weighted", "Weighted"], ["size", "By size"]];

export class SliceCharts {
  /** @param onOpen called with the row of a mark that was clicked. */
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.moving = false;
    this.bars = { head: h("header"), box: h(".chart"), chart: null };
    this.spread = { head: h("header"), box: h(".chart"), chart: null };
    const panel = ({ head, box }) => h("section.panel", {}, head, box);
    this.element = h(".charts-row", {}, panel(this.bars), panel(this.spread));
    this.brushed = settled((range) => this.element.isConnected && this.brush(range), 30);
    this.observer = new ResizeObserver(settled(() => this.view && this.element.isConnected && this.draw(), 80));
    this.observer.observe(this.bars.box);
  }

  destroy() {
    this.observer.disconnect();
    this.drop(this.bars);
    this.drop(this.spread);
    hideTooltip();
  }

  drop(place) {
    place.chart?.destroy();
    place.chart = null;
  }

  /**
   * Takes what is shown: the view, the rows of the table in order, the rows before the range was
   * applied, and the selected rows.
   */
  take(view, rows, before, selected) {
    Object.assign(this, { view, rows, before, selected });
  }

  draw() {
    if (!this.view.focus) {
      this.drop(this.bars);
      this.drop(this.spread);
      fillWith(this.bars.head, h("span.muted", {}, "No metric to draw"));
      for (const empty of [this.bars.box, this.spread.head, this.spread.box]) fillWith(empty);
      return;
    }
    this.drawHeads();
    this.drawBars();
    this.drawSpread();
  }

  drawHeads() {
    const { shown, focus } = this.view;
    const option = (measure, part) => ({ value: `${measure.id}:${part}`, label: `${measure.id}${PART_WORDS[part]}` });
    const options = shown.flatMap((measure) => ["value", "diff"].filter((part) => measure[part]).map((part) => option(measure, part)));
    if (!options.some(({ value }) => value === focus.id)) options.push(option(focus.measure, focus.part));
    this.note = h("span.muted");
    fillWith(this.bars.head, picker("Metric in charts", options, focus.id, (id) => update({ focus: id, range: [] }), { hidden: true }), this.note);
    const segment = ([kind, label]) =>
      h("button", { type: "button", "aria-pressed": String(state.chart === kind), "data-focus": kind, onclick: () => update({ chart: kind }) }, label);
    fillWith(this.spread.head, h(".segments", { role: "group", "aria-label": "Second chart" }, KINDS.map(segment)), this.rangeInputs());
  }

  /** The brush, for the keyboard: two numbers. */
  rangeInputs() {
    const set = settled(() => {
      const [low, high] = [this.low, this.high].map(({ value }) => (value === "" ? NaN : Number(value)));
      const open = Number.isNaN(low) && Number.isNaN(high);
      const range = [Number.isNaN(low) ? -Infinity : low, Number.isNaN(high) ? Infinity : high];
      update({ range: open ? [] : range, focus: this.view.focus.id });
    }, 350);
    const input = (label, value) =>
      h("input", { type: "number", step: "any", "aria-label": label, placeholder: label, "data-focus": `range ${label}`, value: shortNumber(value), oninput: set });
    this.low = input("from", state.range[0]);
    this.high = input("to", state.range[1]);
    return h("span.range", {}, this.low, "–", this.high);
  }

  tooltip() {
    const { measure, part } = this.view.focus;
    const fields = [["name", "Slice"], ["shown", `${measure.id}${PART_WORDS[part]}`], ["other", "Baseline"], ["size", "Examples"]];
    return fields.map(([field, title]) => ({ field, title, type: "nominal" }));
  }

  datum(row) {
    const { dataset, focus, judged, comparison } = this.view;
    const { numbers, measure, part } = focus;
    const digits = digitsOf(measure);
    const base = part === "value" && comparison.baseline !== null ? measure.base?.value[row] : undefined;
    const finite = (value) => (Number.isFinite(value) ? value : null);
    return {
      row,
      slice: dataset.names[row],
      name: dataset.names[row],
      value: finite(numbers.value[row]),
      lower: finite(numbers.lower?.[row]),
      upper: finite(numbers.upper?.[row]),
      baseline: finite(base),
      anchor: this.anchor(),
      examples: dataset.examples[row],
      shown: inWords(row, numbers, digits),
      other: base === undefined ? null : decimal(base, digits),
      size: count(dataset.examples[row]),
      status: this.selected.has(row) ? "selected" : (judged.get(row) ?? "pass").replace(/pass|skip/, "plain"),
    };
  }

  /** Where bars grow from: the overall value; zero for differences and counts. */
  anchor() {
    const { dataset, focus } = this.view;
    if (focus.part === "diff" || isCount(focus.measure.id)) return 0;
    const overall = focus.numbers.value[dataset.overall];
    return Number.isFinite(overall) ? overall : 0;
  }

  drawBars() {
    const { focus, dataset } = this.view;
    const { box } = this.bars;
    if (!focus || !box.clientWidth) return;
    this.drop(this.bars);
    const rows = this.rows.slice(0, MAX_BARS).map((row) => this.datum(row)).filter((one) => one.value !== null);
    this.note.textContent = rows.length ? this.noteOn(rows) : "";
    if (!rows.length) {
      fillWith(box, h("p.empty", {}, "No slice to draw"));
      return;
    }
    shortLabels(rows, (row) => dataset.pairs[row.row]);
    const each = box.clientWidth / rows.length;
    this.bars.chart = draw(box, "overview", {
      label: `${focus.measure.id}${PART_WORDS[focus.part]} of the first ${rows.length} slices of the table, as bars from the overall value.`,
      tokens: {
        width: box.clientWidth,
        height: HEIGHT,
        title: null,
        domain: barDomain(rows, this.anchor()),
        format: axisFormat(digitsOf(focus.measure)),
        labels: rows.length <= MAX_LABELS,
        labelOverlap: false,
        labelAngle: each > 110 ? 0 : -35,
        bar: each > 50 ? 34 : { band: 0.66 },
        tooltip: this.tooltip(),
      },
      data: { rows, anchor: [{ anchor: this.anchor() }] },
      onpick: (datum) => datum.row !== undefined && this.onOpen(datum.row),
    });
  }

  noteOn(rows) {
    const { focus } = this.view;
    const which = this.rows.length > rows.length ? `the first ${rows.length} rows of the table` : "by slice";
    const line = focus.part === "diff" ? "no difference" : isCount(focus.measure.id) ? "zero" : "overall";
    const ticks = rows.some((row) => row.baseline !== null) ? ", ticks the baseline" : "";
    return `${which}; the line is ${line}${ticks}`;
  }

  bins() {
    const { dataset, focus } = this.view;
    const weights = state.chart === "weighted" ? dataset.examples : null;
    return histogram(focus.numbers.value, this.before, this.rows, weights);
  }

  points() {
    const kept = new Set(this.rows);
    const point = (row) => ({ ...this.datum(row), kept: kept.has(row) });
    return this.before.map(point).filter((one) => one.value !== null && one.examples > 0);
  }

  drawSpread() {
    const { measure } = this.view.focus;
    const { box } = this.spread;
    if (!box.clientWidth) return;
    this.drop(this.spread);
    const bySize = state.chart === "size";
    const rows = bySize ? this.points() : this.bins();
    if (!rows.length) {
      fillWith(box, h("p.empty", {}, "No slice to draw"));
      return;
    }
    const counted = state.chart === "weighted" ? "Examples" : "Slices";
    const range = brushOf(rows, bySize);
    this.spread.chart = draw(box, bySize ? "size_scatter" : "metric_histogram", {
      label: bySize ? `${measure.id} against the number of examples, one point per slice.` : `Histogram of ${measure.id} over slices; drag to keep a range.`,
      tokens: {
        width: box.clientWidth,
        height: HEIGHT,
        title: bySize ? null : counted,
        counted,
        format: axisFormat(digitsOf(measure)),
        domain: bySize ? null : [rows[0].lower, rows[rows.length - 1].upper],
        pointSize: rows.length > MANY_POINTS ? 8 : 18,
        brush: range && (bySize ? { y: range } : { x: range }),
        tooltip: bySize ? this.tooltip() : null,
      },
      data: bySize ? { rows, anchor: [{ anchor: this.anchor() }] } : { rows },
      signals: { brush: (value) => this.brushed(bySize ? value?.value : value?.lower) },
      onpick: (datum) => bySize && datum.row !== undefined && this.onOpen(datum.row),
      canvas: bySize,
    });
  }

  brush(range) {
    const next = range && range.length === 2 && range[0] !== range[1] ? [Math.min(...range), Math.max(...range)] : [];
    if (!next.length && !state.range.length) return;
    this.moving = true;
    update({ range: next, focus: this.view.focus.id });
    this.moving = false;
  }

  /** While the brush moves, only what it decides is redrawn; the brush itself must stay. */
  follow() {
    if (!this.view.focus) return;
    this.spread.chart?.data("rows", state.chart === "size" ? this.points() : this.bins());
    this.low.value = shortNumber(state.range[0]);
    this.high.value = shortNumber(state.range[1]);
    this.drawBars();
  }
}

function shortNumber(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : "";
}

/** The chosen range as far as the chart reaches; null without one. */
function brushOf(rows, bySize) {
  if (state.range.length !== 2) return null;
  const ends = bySize ? rows.map((row) => row.value) : [rows[0].lower, rows[rows.length - 1].upper];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return [Math.max(low, state.range[0]), Math.min(high, state.range[1])];
}

/** Names bars by their values alone where all are slices of the same features: "JFK", "AA · JFK". */
function shortLabels(rows, pairsOf) {
  const features = distinct(rows.map((row) => featureOf(pairsOf(row))));
  if (features.length !== 1 || rows.some((row) => !pairsOf(row)?.length)) return;
  const names = rows.map((row) => pairsOf(row).map(([, value]) => value).join(" · "));
  if (new Set(names).size === rows.length) rows.forEach((row, at) => { row.slice = names[at]; });
}

/** The range of an axis of bars: all values, and of the intervals what does not dwarf them. */
function barDomain(rows, anchor) {
  const values = rows.flatMap((row) => [row.value, row.baseline]).filter(Number.isFinite).concat(anchor);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.35;
  const ends = (name) => rows.map((row) => row[name]).filter(Number.isFinite);
  const least = Math.max(low - room, Math.min(low, ...ends("lower")));
  const most = Math.min(high + room, Math.max(high, ...ends("upper")));
  const edge = (most - least || 1) * 0.04;
  return [low === 0 ? least : least - edge, most + edge];
}
