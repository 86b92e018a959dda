/** The slicing browser: filters, two charts of one metric, the table, and the selected slices. */

import { boundOf, browse, digitsOf, MAX_SELECTED, PART_WORDS, scaleOf, selectedRows } from "./browse.js";
import { draw, hideTooltip } from "./charts.js";
import { Details } from "./details.js";
import { check, fillWith, h, menu, picker, settled } from "./dom.js";
import { filterRows, histogram, sortByNumbers } from "./filters.js";
import { axisFormat, count, decimal, interval } from "./format.js";
import { comparisons, datasets, isCount, subLabel } from "./payload.js";
import { state, update } from "./state.js";
import { differenceTone, inWords, sign, strip } from "./strip.js";
import { VirtualTable } from "./table.js";

const MAX_BARS = 90;
const CHART_HEIGHT = 144;

export class SlicesView {
  constructor(root) {
    this.charts = [];
    this.fromBrush = false;
    this.filters = h(".filters", { role: "search", "aria-label": "Filter slices" });
    this.pickers = h(".pickers");
    this.tally = h("p.tally-line", { role: "status" });
    this.overview = h(".chart");
    this.spread = h(".chart");
    this.overviewHead = h("header");
    this.spreadHead = h("header");
    this.table = new VirtualTable({
      label: "Slices and their metrics",
      onSort: (id) => this.sort(id),
      onToggle: (row) => this.toggle(row),
      onOpen: (row) => this.open(row),
      isSelected: (row) => this.selected.has(row),
      rowClass: (row) => this.rowClass(row),
    });
    this.details = new Details();
    this.left = h(".browser-main", {},
      h(".toolbar", {}, this.filters, this.pickers),
      h(".charts-row", {},
        h("section.panel", {}, this.overviewHead, this.overview),
        h("section.panel", {}, this.spreadHead, this.spread)),
      this.tally,
      this.table.element);
    this.element = h(".browser", {}, this.left, this.details.element);
    root.append(this.element);
    this.selected = new Set();
    this.observer = new ResizeObserver(settled(() => this.element.isConnected && this.drawCharts(), 80));
    this.brushed = settled((range) => this.element.isConnected && this.brush(range), 30);
    this.render();
    this.observer.observe(this.overview);
  }

  destroy() {
    this.observer.disconnect();
    this.table.destroy();
    this.details.destroy();
    this.dropCharts();
  }

  dropCharts() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
    hideTooltip();
  }

  update(changed) {
    const only = (...names) => [...changed].every((name) => names.includes(name));
    if (only("sel")) this.renderSelection();
    else this.render({ keepBrush: this.fromBrush && only("range", "focus") });
  }

  /** Draws everything that the state decides. */
  render({ keepBrush = false } = {}) {
    this.view = browse();
    this.selected = new Set(selectedRows(this.view.dataset));
    this.element.classList.toggle("with-details", this.selected.size > 0);
    this.renderFilters();
    this.applyFilters();
    this.table.setColumns(this.tableColumns(), this.view.sort);
    this.table.setRows(this.rows, this.view.dataset.overall);
    this.details.render(this.view);
    if (keepBrush) this.refreshBins();
    else this.drawCharts();
  }

  renderSelection() {
    this.selected = new Set(selectedRows(this.view.dataset));
    const opened = this.selected.size > 0;
    const changed = opened !== this.element.classList.contains("with-details");
    this.element.classList.toggle("with-details", opened);
    this.table.draw();
    this.details.render(this.view);
    if (!changed) this.drawOverview();
  }

  /** Filters and sorts; the range of the histogram is applied last, so that its bins can show both. */
  applyFilters() {
    const { dataset, focus, judged, sort, sortColumn } = this.view;
    const numbers = focus?.numbers.value ?? null;
    const slices = (rows) => rows.filter((row) => row !== dataset.overall);
    this.before = slices(filterRows(dataset, { ...state, range: [] }, judged, null));
    this.rows = state.range.length === 2 ? slices(filterRows(dataset, state, judged, numbers)) : this.before.slice();
    if (sortColumn) sortByNumbers(this.rows, sortColumn.numbers.value, sort.down);
    else if (sort.id === "examples") sortByNumbers(this.rows, dataset.examples, sort.down);
    else if (sort.id === "slice") {
      const way = sort.down ? -1 : 1;
      this.rows.sort((a, b) => way * dataset.names[a].localeCompare(dataset.names[b], "en", { numeric: true }));
    }
    const filtered = state.min || state.q || state.feature || state.only || state.range.length;
    const reset = { min: 0, q: "", feature: "", only: "", range: [] };
    const all = dataset.size - (dataset.overall >= 0);
    fillWith(this.tally,
      h("span", {}, h("b", {}, count(this.rows.length)), this.rows.length === all ? " slices" : ` of ${count(all)} slices`),
      this.rangeChip(),
      filtered ? h("button.link", { type: "button", onclick: () => update(reset) }, "Clear filters") : null);
  }

  rangeChip() {
    if (state.range.length !== 2 || !this.view.focus) return null;
    const { measure, part } = this.view.focus;
    const digits = digitsOf(measure);
    const words = `${measure.id}${PART_WORDS[part]} from ${interval(...state.range, digits, part === "diff")}`;
    return h("button.chip", { type: "button", title: "Remove this range", onclick: () => update({ range: [] }) }, words, h("i", { "aria-hidden": "true" }, " ✕"));
  }

  renderFilters() {
    const { dataset, comparison, options, choice, list, shown, judged } = this.view;
    if (this.filters.contains(document.activeElement) && this.drawnFor === dataset) this.syncFilters();
    else {
      this.drawnFor = dataset;
      this.buildFilters(dataset, judged);
    }
    const many = (name) => options[name].length > 1;
    fillWith(this.pickers,
      datasets.length > 1 && picker("Dataset", datasets.map((d, i) => ({ value: i, label: d.name || "default" })), state.dataset, (v) => update({ dataset: Number(v), sel: [], range: [] })),
      comparisons().length > 1 && picker("Models", comparisons().map((c) => ({ value: c.id, label: c.label })), comparison.id, (v) => update({ compare: v, range: [], sort: "", focus: "" }), { hidden: true }),
      many("output") && picker("Output", options.output.map((v) => ({ value: v, label: v || "all" })), choice.output, (v) => update({ output: v, range: [] })),
      many("sub") && picker("Class", options.sub.map((v) => ({ value: v, label: subLabel(v, choice.output) })), choice.sub, (v) => update({ sub: v, range: [] })),
      many("weighted") && picker("Examples", options.weighted.map((v) => ({ value: v, label: { true: "weighted", false: "not weighted", "": "as stored" }[v] })), choice.weighted, (v) => update({ weighted: v, range: [] })),
      this.metricMenu(list, shown));
  }

  buildFilters(dataset, judged) {
    const typed = settled((q) => update({ q }), 90);
    const most = Math.max(10, ...dataset.examples.filter((n, row) => row !== dataset.overall));
    const toPlace = (n) => (n <= 0 ? 0 : (100 * Math.log(n + 1)) / Math.log(most + 1));
    const fromPlace = (p) => roundCount(Math.exp((p / 100) * Math.log(most + 1)) - 1);
    const setMin = settled((min) => update({ min, range: state.range }), 40);
    this.search = h("input", { type: "search", placeholder: "Search slices", "aria-label": "Search slices", value: state.q, oninput: (e) => typed(e.target.value) });
    this.number = h("input", { type: "number", min: 0, step: 1, value: state.min, "aria-label": "Fewest examples", oninput: (e) => { this.slider.value = toPlace(Number(e.target.value)); setMin(Math.max(0, Number(e.target.value) || 0)); } });
    this.slider = h("input", { type: "range", min: 0, max: 100, step: 0.5, "aria-label": "Fewest examples, slider", oninput: (e) => { this.number.value = fromPlace(Number(e.target.value)); setMin(Number(this.number.value)); } });
    this.slider.value = toPlace(state.min);
    this.toPlace = toPlace;
    const features = dataset.features;
    const judgedOptions = [{ value: "", label: "Judged or not" }, { value: "failing", label: "Not passing" }, { value: "judged", label: "Judged" }];
    fillWith(this.filters,
      h("label.control.search", {}, h("span.sr", {}, "Search"), this.search),
      features.length > 1 && picker("Sliced by", [{ value: "", label: "All features" }, ...features.map((f) => ({ value: f, label: f }))], state.feature, (v) => update({ feature: v }), { hidden: true }),
      h(".control.least", {}, h("span", {}, "Examples ≥"), this.number, this.slider),
      judged.size > 0 && picker("Thresholds", judgedOptions, state.only, (v) => update({ only: v }), { hidden: true }));
  }

  syncFilters() {
    if (document.activeElement !== this.search) this.search.value = state.q;
    if (![this.number, this.slider].includes(document.activeElement)) {
      this.number.value = state.min;
      this.slider.value = this.toPlace(state.min);
    }
  }

  metricMenu(list, shown) {
    const open = this.pickers.querySelector("details[open]") !== null;
    const scroll = this.pickers.querySelector(".menu-panel")?.scrollTop ?? 0;
    const ids = new Set(shown.map((measure) => measure.id));
    const set = (id, on) => {
      const next = list.filter((measure) => (measure.id === id ? on : ids.has(measure.id))).map((measure) => measure.id);
      if (next.length) update({ metrics: next });
    };
    const element = menu(
      [h("span", {}, "Metrics"), h("b", {}, `${shown.length} of ${list.length}`)],
      list.map((measure) => check(measure.id, ids.has(measure.id), (on) => set(measure.id, on))));
    element.open = open;
    const panel = element.querySelector(".menu-panel");
    requestAnimationFrame(() => { panel.scrollTop = scroll; });
    return element;
  }

  tableColumns() {
    const { dataset, shown, comparison } = this.view;
    const columns = [
      { id: "select", label: "Selected", hiddenLabel: true, width: 34, cell: (row) => this.box(row) },
      { id: "slice", label: "Slice", sortable: true, header: true, grows: true, width: 186, cell: (row) => this.sliceCell(row), cellTitle: (row) => this.sliceTitle(row) },
      { id: "examples", label: "Examples", sortable: true, number: true, width: 92, cell: (row) => count(dataset.examples[row]) },
    ];
    for (const measure of shown) {
      if (comparison.baseline === null) columns.push(...this.aloneColumns(measure));
      else columns.push(...this.comparedColumns(measure));
    }
    return columns;
  }

  aloneColumns(measure) {
    const digits = digitsOf(measure);
    const column = measure.value;
    const columns = [this.numberColumn(measure, "value", measure.id, digits, { first: true, width: Math.min(190, Math.max(104, measure.id.length * 7 + 44)) })];
    if (column.lower) {
      const overall = column.value[this.view.dataset.overall];
      columns.push({
        id: `${measure.id}:strip`, label: `${measure.id} interval`, hiddenLabel: true, width: 92,
        cellTitle: (row) => inWords(row, column, digits),
        cell: (row) => strip(column.value[row], column.lower[row], column.upper[row], scaleOf(measure, "value"), { zero: Number.isFinite(overall) ? overall : null, bound: boundOf(this.markOf(row, measure), "value") }),
      });
    }
    return columns;
  }

  comparedColumns(measure) {
    const digits = digitsOf(measure);
    const columns = [];
    const group = { group: measure.id, groupTitle: measure.about.direction > 0 ? "higher is better" : measure.about.direction < 0 ? "lower is better" : "" };
    if (measure.value) columns.push({ ...this.numberColumn(measure, "value", "Candidate", digits, { first: true, width: 104 }), ...group });
    if (measure.base) columns.push({ ...this.numberColumn(measure, "base", "Baseline", digits), ...group });
    if (measure.diff) {
      const column = measure.diff;
      columns.push({ ...this.numberColumn(measure, "diff", "Difference", digits, { width: 98 }), ...group });
      if (column.lower) {
        columns.push({
          id: `${measure.id}:strip`, label: `${measure.id} difference, interval`, hiddenLabel: true, width: 92, ...group,
          cellTitle: (row) => inWords(row, column, digits),
          cell: (row) => {
            const bound = boundOf(this.markOf(row, measure), "diff", measure.base?.value[row]);
            return strip(column.value[row], column.lower[row], column.upper[row], scaleOf(measure, "diff"), { zero: 0, bound, tone: differenceTone(row, column) });
          },
        });
      }
    }
    return columns;
  }

  numberColumn(measure, part, label, digits, more = {}) {
    const column = measure[part];
    const signed = part === "diff";
    const marked = part === (measure.diff ? "diff" : "value");
    return {
      id: `${measure.id}:${part}`, label, sortable: true, number: true, width: 86, ...more,
      title: measure.about.direction > 0 ? "higher is better" : measure.about.direction < 0 ? "lower is better" : null,
      cell: (row) => {
        const text = decimal(column.value[row], digits, signed);
        const mark = marked ? this.markOf(row, measure) : null;
        return mark && mark.status !== "pass" && mark.status !== "skip" ? [sign(mark.status, mark.sentence), text] : text;
      },
      cellTitle: (row) => inWords(row, column, digits),
      tone: (row) => (signed ? differenceTone(row, column) || "flat" : part === "base" ? "flat" : ""),
    };
  }

  /** The gravest decision about one measure of one slice. */
  markOf(row, measure) {
    return this.view.marks.get(`${row} ${measure.id}`);
  }

  box(row) {
    const name = this.view.dataset.names[row];
    return h("input", { type: "checkbox", tabindex: -1, checked: this.selected.has(row), "aria-label": `Select ${name}`, onchange: () => this.toggle(row) });
  }

  sliceCell(row) {
    const { dataset } = this.view;
    const pairs = dataset.pairs[row];
    if (!pairs || !pairs.length) return h("span.slice", {}, dataset.names[row]);
    return h("span.slice", {}, pairs.map(([feature, value], at) => [at ? h("i", {}, " · ") : null, h("i", {}, `${feature} `), h("b", {}, value)]), dataset.notes[row] && h("em", {}, " *"));
  }

  sliceTitle(row) {
    const note = this.view.dataset.notes[row];
    return this.view.dataset.names[row] + (note ? ` (${note})` : "");
  }

  rowClass(row) {
    const status = this.view.judged.get(row);
    return `${status && !["pass", "skip"].includes(status) ? `row-${status}` : ""}${row === this.view.dataset.overall ? " row-overall" : ""}`;
  }

  sort(id) {
    const first = id === "slice" || id.endsWith(":diff") ? false : id === "examples";
    const patch = state.sort === id ? { down: !state.down } : { sort: id, down: first };
    if (id.includes(":") && !state.range.length) patch.focus = id;
    update(patch);
  }

  toggle(row) {
    const name = this.view.dataset.names[row];
    const without = state.sel.filter((other) => other !== name);
    update({ sel: without.length < state.sel.length ? without : [...state.sel, name].slice(-MAX_SELECTED) });
  }

  open(row) {
    const name = this.view.dataset.names[row];
    update({ sel: state.sel.length === 1 && state.sel[0] === name ? [] : [name] });
  }

  drawCharts() {
    this.dropCharts();
    this.renderChartHeads();
    this.drawOverview();
    this.drawSpread();
  }

  renderChartHeads() {
    const { shown, list, focus } = this.view;
    if (!focus) return;
    const options = (shown.includes(focus.measure) ? shown : [...shown, focus.measure])
      .flatMap((measure) => ["value", "diff"].filter((part) => measure[part]).map((part) => ({ value: `${measure.id}:${part}`, label: `${measure.id}${PART_WORDS[part]}` })));
    if (!options.some((option) => option.value === focus.id)) options.push({ value: focus.id, label: `${focus.measure.id}${PART_WORDS[focus.part]}` });
    fillWith(this.overviewHead, picker("Metric in charts", options, focus.id, (v) => update({ focus: v, range: [] }), { hidden: true }), this.barsNote = h("span.muted"));
    const kinds = [["spread", "Spread"], ["weighted", "Weighted"], ["size", "By size"]];
    fillWith(this.spreadHead,
      h(".segments", { role: "group", "aria-label": "Second chart" }, kinds.map(([kind, label]) =>
        h("button", { type: "button", "aria-pressed": String(state.chart === kind), onclick: () => update({ chart: kind }) }, label))),
      this.rangeInputs());
  }

  /** The brush, for the keyboard: two numbers. */
  rangeInputs() {
    const set = settled(() => {
      const [low, high] = [this.low.value, this.high.value].map((text) => (text === "" ? NaN : Number(text)));
      if (Number.isNaN(low) && Number.isNaN(high)) update({ range: [] });
      else update({ range: [Number.isNaN(low) ? -Infinity : low, Number.isNaN(high) ? Infinity : high], focus: this.view.focus.id });
    }, 350);
    const input = (label, value) => h("input", { type: "number", step: "any", "aria-label": label, placeholder: label, value: Number.isFinite(value) ? String(Number(value.toPrecision(5))) : "", oninput: set });
    this.low = input("from", state.range[0]);
    this.high = input("to", state.range[1]);
    return h("span.range", {}, this.low, "–", this.high);
  }

  tooltipFields() {
    const { focus } = this.view;
    return [
      { field: "slice", title: "Slice", type: "nominal" },
      { field: "shown", title: `${focus.measure.id}${PART_WORDS[focus.part]}`, type: "nominal" },
      { field: "other", title: "Baseline", type: "nominal" },
      { field: "size", title: "Examples", type: "nominal" },
    ];
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
      value: finite(numbers.value[row]),
      lower: finite(numbers.lower?.[row]),
      upper: finite(numbers.upper?.[row]),
      baseline: finite(base),
      examples: dataset.examples[row],
      shown: inWords(row, numbers, digits),
      other: base === undefined ? null : decimal(base, digits),
      size: count(dataset.examples[row]),
      status: this.selected.has(row) ? "selected" : (judged.get(row) ?? "pass").replace(/pass|skip/, "plain"),
    };
  }

  anchor() {
    const { dataset, focus } = this.view;
    if (focus.part === "diff" || isCount(focus.measure.id)) return 0;
    const overall = focus.numbers.value[dataset.overall];
    return Number.isFinite(overall) ? overall : 0;
  }

  drawOverview() {
    const { focus, dataset } = this.view;
    if (!focus || !this.overview.clientWidth) return;
    if (this.overviewChart) this.overviewChart.destroy();
    const anchor = this.anchor();
    const rows = this.rows.slice(0, MAX_BARS).map((row) => ({ ...this.datum(row), anchor })).filter((one) => one.value !== null);
    const labels = rows.length > 0 && rows.length <= 24;
    const label = `${focus.measure.id}${PART_WORDS[focus.part]} of the first ${rows.length} slices of the table, as bars from the overall value.`;
    const which = this.rows.length > rows.length ? `the first ${rows.length} rows of the table` : "by slice";
    const ticks = rows.some((row) => row.baseline !== null) ? ", ticks the baseline" : "";
    if (this.barsNote) this.barsNote.textContent = `${which}; the line is ${focus.part === "diff" ? "no difference" : isCount(focus.measure.id) ? "zero" : "overall"}${ticks}`;
    if (!rows.length) {
      fillWith(this.overview, h("p.empty", {}, "No slice to draw"));
      return;
    }
    this.overviewChart = draw(this.overview, "overview", {
      label,
      tokens: {
        width: this.overview.clientWidth,
        height: CHART_HEIGHT,
        title: null,
        domain: barDomain(rows, anchor),
        format: axisFormat(digitsOf(focus.measure)),
        labels,
        labelAngle: this.overview.clientWidth / rows.length > 110 ? 0 : -35,
        bar: this.overview.clientWidth / rows.length > 50 ? 34 : { band: 0.66 },
        tooltip: this.tooltipFields(),
      },
      data: { rows, anchor: [{ anchor }] },
      onpick: (datum) => datum.row !== undefined && this.open(datum.row),
    });
    this.charts = this.charts.filter((chart) => chart.view !== undefined && chart !== this.overviewChart);
    this.charts.push(this.overviewChart);
  }

  bins() {
    const { dataset, focus } = this.view;
    const weights = state.chart === "weighted" ? dataset.examples : null;
    return histogram(focus.numbers.value, this.before, this.rows, weights);
  }

  points() {
    const kept = new Set(this.rows);
    return this.before.map((row) => ({ ...this.datum(row), kept: kept.has(row) })).filter((one) => one.value !== null && one.examples > 0);
  }

  drawSpread() {
    const { focus } = this.view;
    if (!focus || !this.spread.clientWidth) return;
    if (this.spreadChart) this.spreadChart.destroy();
    const isSize = state.chart === "size";
    const rows = isSize ? this.points() : this.bins();
    if (!rows.length) {
      fillWith(this.spread, h("p.empty", {}, "No slice to draw"));
      return;
    }
    const range = state.range.length === 2 ? this.clamped(rows, isSize) : null;
    const counted = state.chart === "weighted" ? "Examples" : "Slices";
    const tokens = {
      width: this.spread.clientWidth,
      height: CHART_HEIGHT,
      title: isSize ? null : counted,
      counted,
      format: axisFormat(digitsOf(focus.measure)),
      domain: isSize ? null : [rows[0].lower, rows[rows.length - 1].upper],
      brush: range ? (isSize ? { y: range } : { x: range }) : null,
      tooltip: isSize ? this.tooltipFields() : null,
    };
    this.spreadChart = draw(this.spread, isSize ? "size_scatter" : "metric_histogram", {
      label: isSize ? `${focus.measure.id} against the number of examples, one point per slice.` : `Histogram of ${focus.measure.id} over slices; drag to keep a range.`,
      tokens,
      data: isSize ? { rows, anchor: [{ anchor: this.anchor() }] } : { rows },
      signals: { brush: (value) => this.brushed(isSize ? value?.value : value?.lower) },
      onpick: (datum) => isSize && datum.row !== undefined && this.open(datum.row),
      canvas: isSize,
    });
    this.charts.push(this.spreadChart);
  }

  clamped(rows, isSize) {
    const low = isSize ? Math.min(...rows.map((r) => r.value)) : rows[0].lower;
    const high = isSize ? Math.max(...rows.map((r) => r.value)) : rows[rows.length - 1].upper;
    return [Math.max(low, state.range[0]), Math.min(high, state.range[1])];
  }

  brush(range) {
    const next = range && range.length === 2 && range[0] !== range[1] ? [Math.min(...range), Math.max(...range)] : [];
    if (!next.length && !state.range.length) return;
    this.fromBrush = true;
    update({ range: next, focus: this.view.focus.id });
    this.fromBrush = false;
  }

  /** While the brush moves, only what it decides is redrawn; the brush itself must stay. */
  refreshBins() {
    if (state.chart === "size") this.spreadChart?.data("rows", this.points());
    else this.spreadChart?.data("rows", this.bins());
    if (document.activeElement !== this.low && document.activeElement !== this.high) {
      const text = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(5))) : "");
      this.low.value = text(state.range[0]);
      this.high.value = text(state.range[1]);
    }
    this.drawOverview();
  }
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

function roundCount(value) {
  if (value < 10) return Math.round(value);
  const power = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / power) * power;
}
