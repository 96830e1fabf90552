// Texts and numbers in the page's language.
const language = document.documentElement.lang;
const texts: Record<string, string> = JSON.parse(document.getElementById("texts")?.textContent || "{}");

export function text(key: string, values: Record<string, string> = {}, missing = key): string {
  return (texts[key] ?? missing).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// span is a length of time as the server writes it.
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 100) return text("ago_s", { n: String(s) });
  if (s < 6000) return text("ago_min", { n: String(Math.floor(s / 60)) });
  return text("ago_h", { n: String(Math.floor(s / 3600)) });
}

// lasting is how long something has been going on, to the second: 3:24, 1:03:24.
export function lasting(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });

// scaled writes numbers in thousands, millions and so on, as top, the axis' largest value, asks for.
export function scaled(top: number): { prefix: string; write: (v: number) => string } {
  const prefixes = ["", "k", "M", "G", "T", "P"];
  let power = 0;
  while (top >= 1000 && power < prefixes.length - 1) {
    top /= 1000;
    power++;
  }
  return { prefix: prefixes[power], write: (v) => number.format(v / 1000 ** power) };
}

// quantity is a number with its unit, scaled as top asks for.
export function quantity(v: number, top: number, unit: string): string {
  const { prefix, write } = scaled(top);
  return `${write(v)}\u202f${prefix}${unit}`;
}

const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });
export const ratio = (v: number): string => percent.format(v);
