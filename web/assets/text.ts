// Texts and numbers in the page's language.
const language = document.documentElement.lang;
const texts: Record<string, string> = JSON.parse(document.getElementById("texts")?.textContent || "{}");

export function text(key: string, values: Record<string, string> = {}): string {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// span is a length of time as the server writes it.
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 100) return text("ago_s", { n: String(s) });
  if (s < 6000) return text("ago_min", { n: String(Math.floor(s / 60)) });
  return text("ago_h", { n: String(Math.floor(s / 3600)) });
}

const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });

// scaled writes bit/s in the unit that top, the axis' largest value, asks for.
export function scaled(top: number): { unit: string; write: (v: number) => string } {
  const units = ["", "k", "M", "G", "T", "P"];
  let power = 0;
  while (top >= 1000 && power < units.length - 1) {
    top /= 1000;
    power++;
  }
  return { unit: units[power] + text("unit"), write: (v) => number.format(v / 1000 ** power) };
}

const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });
export const ratio = (v: number): string => percent.format(v);
