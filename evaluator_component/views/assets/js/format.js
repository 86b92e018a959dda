/** Writes numbers, counts, times and words. */

const MINUS = "\u2212";
const formats = new Map();

function format(decimals, sign) {
  const key = `${decimals}${sign}`;
  if (!formats.has(key)) {
    formats.set(
      key,
      new Intl.NumberFormat("en-US", {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
        signDisplay: sign ? "exceptZero" : "negative",
      }),
    );
  }
  return formats.get(key);
}

/** Returns how many decimals a column needs to show four significant digits of its typical value. */
export function decimalsFor(values) {
  const sizes = [];
  let whole = true;
  const step = Math.max(1, Math.floor(values.length / 500));
  for (let i = 0; i < values.length; i += step) {
    const value = Math.abs(values[i]);
    if (!Number.isFinite(value)) continue;
    if (value !== Math.floor(value)) whole = false;
    if (value > 0) sizes.push(value);
  }
  if (whole || !sizes.length) return 0;
  sizes.sort((a, b) => a - b);
  const typical = sizes[Math.floor(sizes.length * 0.75)];
  return Math.min(8, Math.max(0, 3 - Math.floor(Math.log10(typical))));
}

/** Writes a number with a fixed number of decimals; what is undefined as a dash. */
export function decimal(value, decimals = 4, sign = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value !== 0 && Math.abs(value) >= 1e12) return value.toExponential(3).replace("-", MINUS);
  return format(decimals, sign).format(value).replace("-", MINUS);
}

/** Writes a number by itself, with about four significant digits. */
export function plain(value, sign = false) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  return decimal(value, decimalsFor([value]), sign);
}

/** Writes a probability of an error: two significant digits, none below 0.0001. */
export function probability(value) {
  if (!Number.isFinite(value)) return "–";
  return value < 0.0001 ? "< 0.0001" : String(Number(value.toPrecision(2)));
}

/** Writes a count. */
export function count(value) {
  return Number.isInteger(value) ? decimal(value, 0) : plain(value);
}

/** Writes an interval: "0.71 to 0.74". */
export function interval(lower, upper, decimals, sign = false) {
  if (!Number.isFinite(lower) || !Number.isFinite(upper)) return "";
  return `${decimal(lower, decimals, sign)} to ${decimal(upper, decimals, sign)}`;
}

/** Writes a share as percent. */
export function percent(value, decimals = 1, sign = false) {
  return Number.isFinite(value) ? `${decimal(100 * value, decimals, sign)}%` : "–";
}

/** Writes a time stamp; other texts as they are. */
export function time(stamp) {
  const date = typeof stamp === "number" ? new Date(stamp * 1000) : new Date(String(stamp));
  if (!stamp || Number.isNaN(date.getTime())) return stamp ? String(stamp) : "";
  const options = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
  return `${date.toLocaleString("en-GB", { ...options, timeZone: "UTC" })} UTC`;
}

/** Returns the d3 format of an axis whose values need so many decimals. */
export function axisFormat(decimals) {
  return decimals > 0 ? `,.${Math.max(1, decimals - 2)}~f` : "~s";
}

const VERDICTS = { BLESSED: "Blessed", NOT_BLESSED: "Not blessed", INCONCLUSIVE: "Inconclusive" };

/** Writes a verdict in words. */
export function verdictWord(verdict) {
  return VERDICTS[verdict] ?? (verdict ? String(verdict) : "Not judged");
}

/** Returns the class that colours a verdict. */
export function verdictTone(verdict) {
  return { BLESSED: "good", NOT_BLESSED: "bad", INCONCLUSIVE: "unsure" }[verdict] ?? "neutral";
}

/** How the statuses of decisions are shown. */
export const STATUS = {
  fail: { tone: "bad", shape: "✕", word: "blocks" },
  unclear: { tone: "unsure", shape: "?", word: "inconclusive" },
  warn: { tone: "unsure", shape: "!", word: "warns" },
  skip: { tone: "idle", shape: "–", word: "not judged" },
  pass: { tone: "good", shape: "✓", word: "passes" },
};
