// Amounts, times and names as people read them.

/** Units of bytes per second, as the program's own tables have them. */
const RATES = [
  ["TB/s", 1e12],
  ["GB/s", 1e9],
  ["MB/s", 1e6],
  ["kB/s", 1e3],
] as const;

/** `364.3 kB/s`: one to three digits before the point. */
export function rate(bytesPerSecond: number): string {
  const unit = RATES.find(([, size]) => Math.round((bytesPerSecond / size) * 1e4) >= 1e4);
  return unit ? `${(bytesPerSecond / unit[1]).toFixed(1)} ${unit[0]}` : `${bytesPerSecond.toFixed(0)} B/s`;
}

const SIZES = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
] as const;

export function size(bytes: number): string {
  const unit = SIZES.find(([, one]) => bytes >= one);
  return unit ? `${(bytes / unit[1]).toFixed(1)} ${unit[0]}` : `${bytes.toFixed(0)} B`;
}

/** A share of 1 in per cent; what is not all is never shown as all, nor what is something as nothing. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.005) return "<1%";
  if (share < 1 && share >= 0.995) return ">99%";
  return `${Math.round(share * 100)}%`;
}

export function count(number: number): string {
  return number.toLocaleString("en-GB");
}

/** `1 pod`, `3 pods`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function microseconds(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} s`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} ms`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)} ms`;
  return `${value.toFixed(0)} µs`;
}

/** `14:03:20`, of seconds since the Unix epoch; with the day where it is not today. */
export function clock(at: number): string {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString()
    ? time
    : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
}

/** `12 s`, `3 min`, `2 h`, `5 d`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  if (whole < 172_800) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86_400)} d`;
}

export function money(amount: number): string {
  return amount.toLocaleString("en-GB", { maximumFractionDigits: amount < 100 ? 2 : 0 });
}

/** Longest name, and longest sentence, that is put on the page; what is longer ends in an ellipsis. */
const NAME = 160;
const SENTENCE = 1_000;

/** What a browser would obey or hide instead of showing it: controls, marks of direction, what has no width. */
const ACTS = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** A name from outside, as it can be shown: text, in one line, of bounded length. */
export function shown(name: string): string {
  return text(name, NAME);
}

/** The same of what a policy or the server says. */
export function sentence(words: string): string {
  return text(words, SENTENCE);
}

function text(words: string, most: number): string {
  const cut = words.length > most ? `${words.slice(0, most)}…` : words;
  return cut.replace(ACTS, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The name within its namespace. */
export function short(application: string): string {
  return application.slice(application.indexOf("/") + 1);
}

export function namespaceOf(application: string): string {
  const slash = application.indexOf("/");
  return slash < 0 ? "" : application.slice(0, slash);
}

/** The first digits of `sha256:...`, enough to compare by eye. */
export function digest(text: string): string {
  return shown(text.replace(/^sha256:/, "").slice(0, 12));
}
