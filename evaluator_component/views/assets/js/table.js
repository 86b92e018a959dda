/**
 * A table that stays quick with tens of thousands of rows: only rows in sight are in the document.
 *
 * It is a semantic <table> with the keyboard of a grid: arrows, Page Up/Down, Home and End move,
 * Space selects, Enter opens, and screen readers are told the true number of rows.
 *
 * columns: [{id, label, group, sortable, header, number, first, grows, width, title, cell(row) -> node
 * or text, cellTitle(row), tone(row)}]
 */

import { h, fillWith } from "./dom.js";
import { isPrinting } from "./theme.js";

const ROW_HEIGHT = 30;
const SPARE_ROWS = 8;
const MAX_PRINTED = 400;
/** How much a growing column may grow; wider, and rows are hard to follow. */
const MAX_GROWTH = 260;

export class VirtualTable {
  /**
   * @param options label; onSort(id); onToggle(row); onOpen(row); rowClass(row) -> class;
   *   isSelected(row); name(row) -> text.
   */
  constructor(options) {
    this.options = options;
    this.columns = [];
    this.rows = [];
    this.active = -1;
    this.whole = isPrinting();
    this.id = `t${Math.random().toString(36).slice(2, 8)}`;
    this.groups = h("tr.groups");
    this.heads = h("tr.heads");
    this.pinned = h("tbody.pinned");
    this.above = h("tbody", { "aria-hidden": "true" });
    this.body = h("tbody");
    this.below = h("tbody", { "aria-hidden": "true" });
    this.columnWidths = h("colgroup");
    this.table = h(
      "table.grid",
      {
        role: "grid",
        tabindex: 0,
        "aria-label": options.label,
        "aria-multiselectable": "true",
        onkeydown: (event) => this.key(event),
      },
      this.columnWidths,
      h("thead", {}, this.groups, this.heads),
      this.pinned,
      this.above,
      this.body,
      this.below,
    );
    this.element = h(".table-scroll", { onscroll: () => this.drawSoon() }, this.table);
    this.observer = new ResizeObserver(() => this.drawSoon());
    this.observer.observe(this.element);
    this.printing = [
      ["beforeprint", () => this.showWhole(true)],
      ["afterprint", () => this.showWhole(false)],
    ];
    for (const [event, listener] of this.printing) window.addEventListener(event, listener);
  }

  destroy() {
    this.observer.disconnect();
    for (const [event, listener] of this.printing) window.removeEventListener(event, listener);
  }

  showWhole(whole) {
    this.whole = whole;
    this.draw();
  }

  setColumns(columns, sort) {
    this.columns = columns;
    fillWith(this.columnWidths, columns.map((column) => h("col", { style: { width: column.grows ? null : `${column.width}px` } })));
    const width = columns.reduce((sum, column) => sum + column.width, 0);
    this.table.style.minWidth = `${width}px`;
    this.element.style.width = `${width + MAX_GROWTH}px`;
    const groups = [];
    for (const column of columns) {
      const last = groups[groups.length - 1];
      if (last && last.name === (column.group ?? "") && last.name) last.span += 1;
      else groups.push({ name: column.group ?? "", title: column.groupTitle, span: 1 });
    }
    const grouped = columns.some((column) => column.group);
    this.groups.hidden = !grouped;
    this.table.classList.toggle("grouped", grouped);
    let at = 0;
    fillWith(
      this.groups,
      groups.map((group) => {
        const place = this.place(at).replace(".num", "");
        at += group.span;
        return group.name
          ? h("th.group", { colspan: group.span, scope: "colgroup", title: group.title }, h("span", {}, group.name))
          : h(`td${place}`, { colspan: group.span });
      }),
    );
    fillWith(this.heads, columns.map((column, index) => this.head(column, index, sort)));
    this.table.setAttribute("aria-colcount", columns.length);
  }

  place(index) {
    const column = this.columns[index];
    return `${index < 2 ? `.pin${index}` : ""}${column.number ? ".num" : ""}${column.first ? ".first" : ""}`;
  }

  head(column, index, sort) {
    const place = this.place(index);
    const sorted = sort && sort.id === column.id;
    const direction = sorted ? (sort.down ? "descending" : "ascending") : column.sortable ? "none" : null;
    const inside = column.sortable
      ? h("button.sort", { type: "button", title: column.title, "data-focus": column.id, onclick: () => this.options.onSort(column.id) },
          h("span", {}, column.label),
          h("i", { "aria-hidden": "true" }, sorted ? (sort.down ? "↓" : "↑") : ""))
      : column.hiddenLabel ? h("span.sr", {}, column.label) : h("span", { title: column.title }, column.label);
    return h(`th${place}`, { scope: "col", "aria-sort": direction, class: null }, inside);
  }

  /** Shows rows; `pinned` (or -1) is a row that stays in sight above them, for reference. */
  setRows(rows, pinned = -1) {
    this.rows = rows;
    this.reference = pinned;
    this.table.setAttribute("aria-rowcount", rows.length + 1 + (pinned >= 0));
    this.element.scrollTop = 0;
    this.active = -1;
    this.draw();
  }

  drawSoon() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  draw() {
    this.table.style.setProperty("--head", `${this.table.tHead.offsetHeight}px`);
    this.pinned.replaceChildren(...(this.reference >= 0 ? [this.row(-1)] : []));
    const head = this.headHeight();
    const first = this.whole ? 0 : Math.max(0, Math.floor(this.element.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const seen = Math.ceil((this.element.clientHeight - head) / ROW_HEIGHT) + 2 * SPARE_ROWS;
    const last = Math.min(this.rows.length, this.whole ? MAX_PRINTED : first + seen);
    this.spacer(this.above, first);
    this.spacer(this.below, this.whole ? 0 : this.rows.length - last);
    const drawn = [];
    for (let index = first; index < last; index += 1) drawn.push(this.row(index));
    this.body.replaceChildren(...drawn);
    this.table.toggleAttribute("data-empty", !this.rows.length);
    const alive = this.active >= first && this.active < last;
    if (alive) this.table.setAttribute("aria-activedescendant", this.rowId(this.active));
    else this.table.removeAttribute("aria-activedescendant");
  }

  headHeight() {
    return this.table.tHead.offsetHeight + (this.reference >= 0 ? ROW_HEIGHT : 0);
  }

  spacer(body, rows) {
    if (rows <= 0) body.replaceChildren();
    else {
      const cell = h("td", { colspan: this.columns.length, style: { height: `${rows * ROW_HEIGHT}px`, padding: 0, border: 0 } });
      body.replaceChildren(h("tr.spacer", {}, cell));
    }
  }

  rowId(index) {
    return `${this.id}r${index}`;
  }

  /** Builds one row of the document; index -1 is the pinned one. */
  row(index) {
    const row = index < 0 ? this.reference : this.rows[index];
    const { isSelected, rowClass, onOpen } = this.options;
    const element = h("tr", {
      id: this.rowId(index),
      "aria-rowindex": index + 2 + (this.reference >= 0),
      "aria-selected": String(isSelected(row)),
      class: `${rowClass(row)}${index >= 0 && index === this.active ? " active" : ""}`,
      onclick: (event) => {
        if (event.target.closest("input, a, button")) return;
        this.active = Math.max(-1, index);
        if (event.ctrlKey || event.metaKey) this.options.onToggle(row);
        else onOpen(row);
      },
    });
    this.columns.forEach((column, at) => {
      const content = column.cell(row);
      const cell = h(`${column.header ? "th" : "td"}${this.place(at)}`, { scope: column.header ? "row" : null }, content);
      const tone = column.tone?.(row);
      if (tone) cell.classList.add(tone);
      const title = column.cellTitle?.(row);
      if (title) cell.title = title;
      element.append(cell);
    });
    return element;
  }

  key(event) {
    if (event.target !== this.table) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 3);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) {
      this.move(Math.min(this.rows.length - 1, Math.max(0, this.active + moves[event.key])));
    } else if (event.key === " " && this.active >= 0) this.options.onToggle(this.rows[this.active]);
    else if (event.key === "Enter" && this.active >= 0) this.options.onOpen(this.rows[this.active]);
    else return;
    event.preventDefault();
  }

  move(index) {
    this.active = index;
    const top = index * ROW_HEIGHT;
    const room = this.element.clientHeight - this.headHeight();
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > this.element.scrollTop + room) this.element.scrollTop = top + ROW_HEIGHT - room;
    this.draw();
  }
}
