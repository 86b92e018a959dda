/**
 * The data of the page: read once, columns of numbers become typed arrays when first used.
 *
 * A "measure" is what a reader picks from a list: one metric (and part of a vector metric) of the
 * chosen output, class and weighting. It has a column for the candidate and, in a comparison, for
 * the baseline and for the difference.
 */

export let payload = null;
export let datasets = [];

/** Returns the text of a packed script element. */
export async function inflate(element) {
  const bytes = Uint8Array.from(atob(element.textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/** Takes the parsed payload into use. */
export function usePayload(parsed) {
  payload = parsed;
  datasets = parsed.datasets.map((dataset) => new Dataset(dataset));
}

/** Returns a typed array for a JSON list of numbers. */
export function numbers(list) {
  const array = new Float64Array(list.length);
  for (let i = 0; i < list.length; i += 1) array[i] = list[i] === null ? NaN : Number(list[i]);
  return array;
}

class Column {
  constructor(about) {
    this.about = about;
    this.id = about.part ? `${about.metric}@${about.part}` : about.metric;
    this.cache = {};
  }

  get value() {
    return this.numbers("value");
  }

  get lower() {
    return this.numbers("lower");
  }

  get upper() {
    return this.numbers("upper");
  }

  numbers(name) {
    if (!this.about[name]) return null;
    this.cache[name] ??= numbers(this.about[name]);
    return this.cache[name];
  }
}

class Dataset {
  constructor(about) {
    this.about = about;
    this.name = about.name;
    this.names = about.slices.names;
    this.pairs = about.slices.pairs;
    this.notes = about.slices.notes;
    this.examples = numbers(about.slices.examples);
    this.weights = numbers(about.slices.weights);
    this.columns = about.columns.map((column) => new Column(column));
    this.rowOf = new Map(this.names.map((name, row) => [name, row]));
    this.lowered = null;
  }

  get size() {
    return this.names.length;
  }

  get overall() {
    return this.pairs.findIndex((pairs) => pairs !== null && pairs.length === 0);
  }

  /** Slice names in lower case, for searching. */
  get searchable() {
    this.lowered ??= this.names.map((name) => name.toLowerCase());
    return this.lowered;
  }

  /** The sets of features that slices are made of: "carrier", "carrier × origin", ... */
  get features() {
    return distinct(this.pairs.map(featureOf)).filter((name) => name);
  }
}

/** Returns the features of a slice as one text; "" for the overall slice. */
export function featureOf(pairs) {
  return pairs === null ? "Two slices compared" : pairs.map(([feature]) => feature).join(" × ");
}

/** Returns what is in a list, each once, in order of appearance. */
export function distinct(list) {
  return [...new Set(list)];
}

/** Returns the models that have metrics. */
export function models() {
  return payload.run.models.filter((model) => !model.unmeasured);
}

/** Returns how a model is called in the page: its name and version. */
export function modelLabel(model) {
  const name = model.name || (model.role === "baseline" ? "baseline" : "model");
  return model.version && !name.includes(model.version) ? `${name} ${model.version}` : name;
}

/** Returns what can be compared: each model alone, and each candidate with the baseline. */
export function comparisons() {
  const all = models();
  const baseline = all.find((model) => model.role === "baseline");
  const pairs = all
    .filter((model) => baseline && model.role !== "baseline")
    .map((model) => ({
      id: `${model.name} vs ${baseline.name}`,
      label: `${modelLabel(model)} and ${modelLabel(baseline)}`,
      model: model.name,
      baseline: baseline.name,
    }));
  const alone = all.map((model) => ({
    id: model.name,
    label: modelLabel(model),
    model: model.name,
    baseline: null,
  }));
  return [...pairs, ...alone];
}

/**
 * Returns the outputs, classes and weightings that columns can be picked by, and the ones picked:
 * what is wanted where it exists, else the unnamed one, else the first.
 * Metrics without an output (such as counts) and without weighting belong to every choice.
 */
export function choose(columns, wanted) {
  const values = (list, name) => distinct(list.map((column) => String(column.about[name] ?? "")));
  const named = (list, name) => {
    const options = values(list, name);
    return options.length > 1 ? options.filter((option) => option !== "") : options;
  };
  const pick = (options, want) => (options.includes(want) ? want : options.includes("") ? "" : options[0]);
  const useful = columns.filter((column) => !isCount(column.id));
  const counted = useful.length ? useful : columns;
  const whole = counted.some((column) => column.about.output === "");
  const outputs = whole ? values(counted, "output") : named(columns, "output");
  const output = pick(outputs, wanted.output);
  const mine = counted.filter((column) => column.about.output === output);
  const subs = values(mine, "sub");
  const sub = pick(subs, wanted.sub);
  const weightings = named(mine, "weighted").sort().reverse();
  const weighted = pick(weightings, wanted.weighted);
  return { options: { output: outputs, sub: subs, weighted: weightings }, choice: { output, sub, weighted } };
}

/** Tells whether a metric counts examples: it has no better or worse, and starts at zero. */
export function isCount(id) {
  return /(^|_)(example_)?count$/.test(id);
}

/** Returns the measures of a dataset for one comparison, output, class and weighting. */
export function measures(dataset, comparison, { output, sub, weighted }) {
  const fits = (about) =>
    ((about.output === output && about.sub === sub) || (about.output === "" && about.sub === "" && isCount(about.metric))) &&
    (about.weighted === null || weighted === "" || String(about.weighted) === weighted);
  const found = new Map();
  for (const column of dataset.columns) {
    if (!fits(column.about)) continue;
    const measure = found.get(column.id) ?? { id: column.id, about: column.about };
    if (column.about.model === comparison.model) measure[column.about.diff ? "diff" : "value"] ??= column;
    else if (column.about.model === comparison.baseline && !column.about.diff) measure.base ??= column;
    found.set(column.id, measure);
  }
  const complete = [...found.values()].filter((measure) => measure.value || measure.diff);
  if (comparison.baseline === null) {
    return complete.filter((measure) => measure.value).map((m) => ({ ...m, base: null, diff: null }));
  }
  for (const measure of complete) measure.diff ??= difference(measure);
  return complete;
}

/** The difference of two columns, for measures that were stored without one (no interval then). */
function difference({ value, base }) {
  if (!value || !base) return null;
  const column = new Column({ ...value.about, diff: true, lower: null, upper: null, value: null });
  column.about.value = Array.from(value.value, (number, row) => number - base.value[row]);
  return column;
}

/** Returns a class's name where it is known. */
export function subLabel(sub, output) {
  if (!sub) return "All classes";
  if (["micro", "macro", "weighted_macro"].includes(sub)) return `${sub.replace("_", " ")} average`;
  const names = payload.run.class_names;
  const known = names[output] ?? names[""] ?? [];
  return sub.replace(/class_id=(\d+)/, (text, id) => known[Number(id)] ?? text);
}

/** Returns the decisions of the verdict about one dataset, and of one of its slices if given. */
export function decisionsFor(index, row = null) {
  const all = payload.verdict?.decisions ?? [];
  return all.filter((one) => one.dataset_index === index && (row === null || one.row === row));
}
