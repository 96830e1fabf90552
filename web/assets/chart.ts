// The charts over the match's time. uPlot has the axes and the canvas; what stands in them is drawn
// here, because what is not complete yet must not look as if it were, and what is to come must not
// look as if it had been.
import uPlot from "uplot";
import { Cursor, steer } from "./focus";
import { quantity, ratio, scaled, text } from "./text";

type Points = (number | null)[];
type Line = { id: string; name: string; colour: number; solid: number; points: Points };
type Over = { id: string; name: string; points: Points };
type Wire = { start: number; step: number; solid: number; from: number; lines: Line[]; overFrom?: number; over?: Over[]; reserved?: number };
type Phase = { from: number; to?: number; label: string; base: number; end: number };
type Axis = { zone: string; phases: Phase[] };
type Note = { at: number; text: string; by: string };
type Begun = { at: number; text: string; health: string };
type Alert = { id: string; at: number; end?: number; text: string; health: string; url?: string };
type Marks = { notes: Note[]; begun: Begun[]; alerts?: Alert[] };

// Kind is how a chart's values are drawn and written. Flow has its unit in its title; where units stand on
// the axis it is wider.
type Kind = { stack?: boolean; units?: boolean; least: number; axis: (top: number) => (v: number) => string; value: (v: number, top: number) => string };

const percents = { least: 0.01, axis: () => ratio, value: ratio };
const bits = (v: number, top: number) => quantity(v, top, text("unit"));
const kinds: Record<string, Kind> = {
  flow: { stack: true, least: 1e6, axis: (top) => scaled(top).write, value: bits },
  failing: percents,
  classes: percents,
  pressure: { least: 10, axis: (top) => (v) => quantity(v, top, "/s"), value: (v, top) => quantity(v, top, "/s") },
  "beside-flow": { least: 1e6, units: true, axis: (top) => (v) => quantity(v, top, text("unit")), value: bits },
  "beside-failing": percents,
};

// Lines that are no CDN's have a colour and a dash of their own, in the stylesheet and in ems.
const dashes: Record<string, number[]> = { aborted: [0.5, 0.25], "4xx": [0.1, 0.25], beside: [0.5, 0.25] };
const own = new Set(["5xx", "aborted", "4xx", "accepted", "blocked", "scope", "beside"]);
const filled = "blocked";

// A reserve this many times above the data is told at the edge instead of squashing the picture.
const FAR = 2.2;

export type Charts = { take(wires: Record<string, unknown>, whole: boolean): void };

// rem is the unit that all sizes are in, so that a wall of any resolution has the same picture.
const rem = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);

export function charts(cursor: Cursor): Charts {
  const all = new Map<string, Chart>();
  // A chart may come and go with the fragment it stands in.
  const find = (id: string): Chart | undefined => {
    const known = all.get(id);
    if (known?.node.isConnected) return known;
    known?.end();
    all.delete(id);
    const node = document.querySelector<HTMLElement>(`[data-chart="${id}"]`);
    const kind = kinds[id];
    if (!node || !kind) return undefined;
    const chart = new Chart(node, kind, cursor);
    all.set(id, chart);
    return chart;
  };
  const restyle = () => all.forEach((c) => c.restyle());
  addEventListener("theme", restyle);
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", restyle);
  document.fonts?.ready.then(restyle);
  return {
    take(wires, whole) {
      for (const [id, wire] of Object.entries(wires)) find(id)?.take(wire as Wire, whole);
    },
  };
}

// told reads what a fragment tells in an attribute, anew when it changed.
function told<T>(id: string, empty: T): () => T {
  let [was, value] = ["", empty];
  return () => {
    const now = document.getElementById(id)?.dataset[id] ?? "";
    if (now && now !== was) [was, value] = [now, JSON.parse(now)];
    return value;
  };
}
const axis = told<Axis>("axis", { zone: "UTC", phases: [] });
const marks = told<Marks>("marks", { notes: [], begun: [] });

function clock(t: number): string {
  return new Date(t * 1000).toLocaleTimeString("fr", { hour: "2-digit", minute: "2-digit", timeZone: axis().zone });
}

// moment is a time as the room says it: the match's minute in play, else the time at the venue.
// The first minute is 1′, but the axis has 15′ where fifteen of them are over.
function moment(t: number, first = 1): string {
  const phase = axis().phases.findLast((p) => p.from <= t);
  if (!phase || phase.base < 0) return clock(t);
  const minute = phase.base + Math.floor((t - phase.from) / 60) + first;
  return minute > phase.end ? `${phase.end}+${minute - phase.end}′` : `${minute}′`;
}

// both is a moment in the match's time and the venue's.
export function both(t: number): string {
  const [minute, time] = [moment(t), clock(t)];
  return minute === time ? time : `${minute} · ${time}`;
}

const onWall = !!document.querySelector("main[data-page=wall]");

// shapes are those of the severities, where there is no picture.
const shapes: Record<string, string> = { critical: "■", warning: "▲" };

function alertSaid(a: Alert): string {
  const when = a.end ? text("alert_until", { from: both(a.at), to: both(a.end) }) : text("alert_from", { time: both(a.at) });
  return `${shapes[a.health] ?? "●"} ${a.text}, ${when}`;
}

export class Chart {
  private wire?: Wire;
  private plot?: uPlot;
  private stacked: number[][] = []; // upper edge of each line, of the one drawn first first
  private hatches = new Map<string, CanvasPattern>();
  private colours = new Map<string, string>();
  private sizes = new ResizeObserver(() => this.resize());
  private hair = part("hair");
  private box = part("stretch");
  private reading = part("reading");
  private pins = part("pins");
  private labels: [number, number][] = []; // what the alarms' names cover, in CSS pixels
  private leave: () => void;

  constructor(
    readonly node: HTMLElement,
    private kind: Kind,
    private cursor: Cursor,
  ) {
    this.sizes.observe(node);
    this.leave = steer(this, cursor);
  }

  // end leaves nothing behind that would keep the chart in memory.
  end(): void {
    this.sizes.disconnect();
    this.leave();
    this.plot?.destroy();
    this.plot = undefined;
  }

  take(wire: Wire, whole: boolean): void {
    const old = this.wire;
    if (old && !whole) {
      const moved = (wire.start - old.start) / wire.step;
      const grow = (now: { points: Points }[], before: { points: Points }[], from: number) =>
        now.forEach((line, i) => {
          if (from) line.points = before[i].points.slice(moved, moved + from).concat(line.points);
        });
      grow(wire.lines, old.lines, wire.from);
      grow(wire.over ?? [], old.over ?? [], wire.overFrom ?? 0);
    }
    this.wire = wire;
    this.draw();
  }

  restyle(): void {
    this.hatches.clear();
    this.colours.clear();
    this.plot?.destroy();
    this.plot = undefined;
    this.draw();
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || !height) return;
    if (this.plot) this.plot.setSize({ width, height });
    else this.draw();
  }

  // length is how many steps have come: what follows is the time to come.
  private get length(): number {
    return Math.max(0, ...this.wire!.lines.map((l) => l.points.length));
  }

  private data(): uPlot.AlignedData {
    const { start, step, lines, over = [] } = this.wire!;
    const length = Math.max(this.length, ...over.map((l) => l.points.length));
    const times = Array.from({ length }, (_, i) => start + (i + 0.5) * step);
    let values: Points[] = lines.map((l) => l.points);
    if (this.kind.stack) {
      const sum = new Array<number>(length).fill(0);
      values = this.stacked = lines.map((l) => sum.map((below, i) => (sum[i] = below + (l.points[i] ?? 0))));
    }
    return [times, ...values, ...over.map((l) => l.points)] as uPlot.AlignedData;
  }

  private draw(): void {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!this.wire || !width || !height) return;
    const data = this.data();
    if (this.plot && this.plot.series.length === data.length) {
      this.plot.setData(data);
      return;
    }
    this.plot?.destroy();
    this.plot = new uPlot(this.options(width, height, data.length - 1), data, this.node);
    this.pins.hidden = false;
    this.plot.over.append(this.box, this.hair, this.pins);
    this.pin();
    this.node.append(this.reading);
    this.place();
  }

  // css is a colour as the theme has it now: only a real property resolves light-dark().
  private css(name: string): string {
    let colour = this.colours.get(name);
    if (!colour) {
      this.hair.style.color = `var(${name})`;
      if (!this.hair.isConnected) this.node.append(this.hair);
      colour = getComputedStyle(this.hair).color;
      this.hair.style.color = "";
      this.colours.set(name, colour);
    }
    return colour;
  }

  private colour(line: { id: string; colour: number }): string {
    return this.css(own.has(line.id) ? `--line-${line.id}` : line.id === "p2p" ? "--p2p" : `--cdn-${line.colour % 7}`);
  }

  private options(width: number, height: number, series: number): uPlot.Options {
    const em = rem();
    const font = `500 ${Math.round(0.8 * em)}px Inter, system-ui, sans-serif`;
    const [faint, grid] = [this.css("--muted"), this.css("--line")];
    const look = { font, stroke: faint, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    return {
      width,
      height,
      padding: [em * 0.6, em * 0.5, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: { time: true, range: (_u, low, high) => [low, high + (high - low) * 0.015] },
        y: { range: (_u, _low, high) => [0, this.top(high)] },
      },
      series: [{}, ...Array.from({ length: series }, () => ({ paths: () => null, points: { show: false } }))],
      axes: [
        {
          ...look,
          grid: { show: false },
          size: em * 1.7,
          gap: em * 0.3,
          splits: (u, _i, min, max) => this.splits(min, max, u.width / (em * 4.2)),
          values: (_u, splits) => splits.map((t) => moment(t, 0)),
        },
        {
          ...look,
          size: em * (this.kind.units ? 5.2 : 3.6),
          gap: em * 0.4,
          space: em * 2.2,
          values: (u, splits) => splits.map(this.kind.axis(u.scales.y.max ?? 0)),
        },
      ],
      hooks: { drawClear: [(u) => this.below(u)], draw: [(u) => this.above(u)] },
    };
  }

  private top(high: number): number {
    const { reserved } = this.wire!;
    const top = high > 0 ? high * 1.08 : this.kind.least;
    return reserved && reserved <= FAR * high ? Math.max(top, reserved * 1.2) : top;
  }

  // splits are round minutes of each phase in play; elsewhere, or without a match, round times of day.
  private splits(min: number, max: number, most: number): number[] {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120].map((m) => m * 60);
    const step = steps.find((s) => (max - min) / s <= most) ?? 7200;
    const splits: number[] = [];
    const add = (from: number, to: number, first: number) => {
      for (let t = from + Math.max(0, Math.ceil((min - from) / step)) * step; t < Math.min(to, max); t += step) {
        if (t >= first) splits.push(t);
      }
    };
    const { phases } = axis();
    const begin = phases.find((p) => p.base >= 0)?.from ?? Infinity;
    add(Math.floor(min / step) * step, begin - step * 0.6, min);
    phases.forEach((p) => {
      if (p.base >= 0) add(p.from, Math.min(p.to ?? max, p.from + (p.end - p.base) * 60 + 30), p.from);
    });
    const spaced: number[] = [];
    for (const t of splits.sort((a, b) => a - b)) {
      if (!spaced.length || t - spaced[spaced.length - 1] >= step * 0.8) spaced.push(t);
    }
    return spaced;
  }

  // inside draws within the plot's frame.
  private inside(u: uPlot, draw: (ctx: CanvasRenderingContext2D, em: number) => void): void {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(left, top, width, height);
    u.ctx.clip();
    draw(u.ctx, rem() * devicePixelRatio);
    u.ctx.restore();
  }

  // below shades play behind the lines, what has come but not all of it, and the time to come.
  private below(u: uPlot): void {
    const { left, top, width, height } = u.bbox;
    const x = (t: number) => u.valToPos(t, "x", true);
    this.inside(u, (ctx) => {
      for (const p of axis().phases) {
        const from = Math.max(left, x(p.from));
        const to = Math.min(left + width, p.to ? x(p.to) : left + width);
        if (to <= from || p.base < 0) continue;
        ctx.fillStyle = this.css("--play");
        ctx.fillRect(from, top, to - from, height);
      }
      const { start, solid, step } = this.wire!;
      const open = x(start + solid * step);
      const future = Math.max(open, Math.min(left + width, x(start + this.length * step)));
      ctx.fillStyle = this.hatch(ctx, this.css("--faint"), 0.35);
      ctx.fillRect(open, top, future - open, height);
      ctx.fillStyle = this.css("--future");
      ctx.fillRect(future, top, left + width - future, height);
    });
  }

  private above(u: uPlot): void {
    this.inside(u, (ctx, em) => {
      const x = u.data[0].map(pixels(u, "x"));
      if (this.kind.stack) this.areas(u, ctx, x);
      else this.lines(u, ctx, em, x);
      this.overs(u, ctx, em, x);
      this.reserve(u, ctx, em);
      this.starts(u, ctx, em);
      this.flags(u, ctx, em);
    });
    this.pin();
    this.place();
  }

  // pin puts alerts on the axis, each with its severity's shape from where it began to where it ended. They are
  // links to the board at that moment; Tab reaches those of the traffic alone.
  private pin(): void {
    const u = this.plot;
    const range = this.range();
    if (!u || !range || (onWall && this.node.dataset.chart !== "flow")) return; // a wall has no room for them twice
    const wide = u.over.clientWidth;
    const old = new Map([...this.pins.children].map((p) => [(p as HTMLElement).dataset.id, p as HTMLElement]));
    for (const a of marks().alerts ?? []) {
      const [from, to] = [u.valToPos(a.at, "x"), Math.min(wide, u.valToPos(a.end ?? range.to, "x"))];
      if (to < 0 || from > wide) continue;
      let pin = old.get(a.id);
      old.delete(a.id);
      if (!pin || (pin instanceof HTMLAnchorElement) !== !!a.url) {
        pin?.remove();
        pin = document.createElement(a.url ? "a" : "span");
        pin.dataset.id = a.id;
        pin.append(document.createElement("i"), document.createElement("b"));
        this.pins.append(pin);
      }
      const said = alertSaid(a);
      if (pin.title !== said) {
        pin.title = said;
        pin.setAttribute("aria-label", said);
      }
      const look = `alert-pin ${a.health}${a.end ? " over" : ""}${from < 0 ? " before" : ""}`;
      if (pin.className !== look) pin.className = look;
      if (pin instanceof HTMLAnchorElement) {
        if (pin.getAttribute("href") !== a.url) pin.href = a.url!;
        pin.tabIndex = this.node.dataset.chart === "flow" ? 0 : -1;
      }
      pin.style.transform = `translateX(${Math.round(Math.max(0, from))}px)`;
      (pin.firstElementChild as HTMLElement).style.width = `${Math.max(0, Math.round(to - Math.max(0, from)))}px`;
    }
    for (const gone of old.values()) gone.remove();
  }

  private areas(u: uPlot, ctx: CanvasRenderingContext2D, x: number[]): void {
    const floor = x.map(() => 0);
    this.wire!.lines.forEach((line, n) => this.area(u, ctx, x, line, this.stacked[n], n ? this.stacked[n - 1] : floor, this.wire!.solid));
  }

  private area(u: uPlot, ctx: CanvasRenderingContext2D, x: number[], line: Line, upper: Points, lower: Points, complete: number): void {
    const known = line.points.findLastIndex((v) => v != null) + 1;
    const solid = Math.min(complete, line.solid, known);
    const y = pixels(u, "y");
    const fill = (from: number, to: number) => {
      if (to - from < 1) return;
      ctx.beginPath();
      for (let i = from; i < to; i++) ctx.lineTo(x[i], y(upper[i] ?? 0));
      for (let i = to - 1; i >= from; i--) ctx.lineTo(x[i], y(lower[i] ?? 0));
      ctx.closePath();
      ctx.fill();
    };
    const colour = this.colour(line);
    ctx.fillStyle = colour;
    ctx.globalAlpha = 0.88;
    fill(0, solid);
    ctx.globalAlpha = 1;
    ctx.fillStyle = this.hatch(ctx, colour);
    fill(Math.max(0, solid - 1), known);
  }

  private lines(u: uPlot, ctx: CanvasRenderingContext2D, em: number, x: number[]): void {
    const floor = x.map(() => 0);
    ctx.lineWidth = 0.1 * em;
    ctx.lineJoin = "round";
    for (const line of this.wire!.lines) if (line.id === filled) this.area(u, ctx, x, line, line.points, floor, line.solid);
    for (const line of this.wire!.lines) {
      if (line.id === filled) continue;
      ctx.strokeStyle = this.colour(line);
      ctx.setLineDash((dashes[line.id] ?? []).map((d) => d * em));
      this.stroke(u, ctx, x, line.points, 0, line.solid);
      ctx.setLineDash([0.12 * em, 0.25 * em]);
      ctx.globalAlpha = dashes[line.id] ? 0.55 : 1;
      this.stroke(u, ctx, x, line.points, Math.max(0, line.solid - 1), line.points.length);
      ctx.globalAlpha = 1;
    }
    ctx.setLineDash([]);
  }

  private stroke(u: uPlot, ctx: CanvasRenderingContext2D, x: number[], points: Points, from: number, to: number): void {
    const y = pixels(u, "y");
    ctx.beginPath();
    let pen = false;
    for (let i = from; i < to; i++) {
      const v = points[i];
      if (v != null) {
        if (pen) ctx.lineTo(x[i], y(v));
        else ctx.moveTo(x[i], y(v));
      }
      pen = v != null;
    }
    ctx.stroke();
  }

  // overs are of the whole, and never stacked: what was expected, and how an earlier match went.
  private overs(u: uPlot, ctx: CanvasRenderingContext2D, em: number, x: number[]): void {
    for (const line of this.wire!.over ?? []) {
      const forecast = line.id === "forecast";
      ctx.strokeStyle = this.css(forecast ? "--fg" : "--muted");
      ctx.lineWidth = (forecast ? 0.1 : 0.08) * em;
      ctx.setLineDash(forecast ? [0.35 * em, 0.3 * em] : []);
      this.stroke(u, ctx, x, line.points, 0, line.points.length);
    }
    ctx.setLineDash([]);
  }

  private reserve(u: uPlot, ctx: CanvasRenderingContext2D, em: number): void {
    const { reserved } = this.wire!;
    if (!reserved) return;
    const { left, top, width } = u.bbox;
    const max = u.scales.y.max ?? 0;
    const label = text("reserved", { value: this.kind.value(reserved, reserved) });
    if (reserved > max) return this.write(ctx, em, `↑ ${label}`, left + width - 0.4 * em, top + 3.1 * em, "right");
    const y = Math.round(u.valToPos(reserved, "y", true));
    ctx.strokeStyle = this.css("--fg");
    ctx.lineWidth = Math.max(1, 0.07 * em);
    ctx.setLineDash([0.1 * em, 0.22 * em]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.setLineDash([]);
    this.write(ctx, em, label, left + 0.5 * em, y + 0.75 * em, "left");
  }

  // write puts a text on a plate, so that it can be read over anything; it returns the text's width.
  private write(ctx: CanvasRenderingContext2D, em: number, said: string, x: number, y: number, align: "left" | "right", colour = "--fg"): void {
    ctx.font = `600 ${0.75 * em}px Inter, system-ui, sans-serif`;
    const width = ctx.measureText(said).width;
    ctx.fillStyle = this.css("--plate");
    ctx.fillRect((align === "left" ? x : x - width) - 0.25 * em, y - 0.55 * em, width + 0.5 * em, 1.1 * em);
    ctx.textAlign = align;
    ctx.textBaseline = "middle";
    ctx.fillStyle = this.css(colour);
    ctx.fillText(said, x, y);
  }

  // starts writes the phases' names over the picture, at the top, with a line where each begins.
  private starts(u: uPlot, ctx: CanvasRenderingContext2D, em: number): void {
    const { left, top, width, height } = u.bbox;
    ctx.font = `600 ${0.75 * em}px Inter, system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    for (const p of axis().phases) {
      const from = u.valToPos(p.from, "x", true);
      const to = Math.min(left + width, p.to ? u.valToPos(p.to, "x", true) : left + width);
      if (to < left || from > left + width) continue;
      if (from >= left) {
        ctx.fillStyle = this.css("--mark");
        ctx.fillRect(Math.round(from), top, Math.max(1, devicePixelRatio), height);
      }
      const start = Math.max(from, left);
      if (ctx.measureText(p.label).width + 0.8 * em < to - start) {
        ctx.fillStyle = this.css("--muted");
        ctx.fillText(p.label, start + 0.4 * em, top + 0.1 * em);
      }
    }
  }

  // flags are what people noted, at the foot, and what began to ask for someone, at the top. The first of
  // these, the loudest, has a line and its name; the others would hide the picture.
  private flags(u: uPlot, ctx: CanvasRenderingContext2D, em: number): void {
    const { left, top, width, height } = u.bbox;
    const place = (t: number) => Math.round(u.valToPos(t, "x", true));
    const inside = (x: number) => x >= left && x <= left + width;
    this.labels = [];
    ctx.fillStyle = this.css("--fg");
    for (const note of marks().notes) {
      const x = place(note.at);
      if (!inside(x)) continue;
      ctx.fillRect(x, top + height - 1.5 * em, Math.max(1, 0.08 * em), 1.5 * em);
      ctx.beginPath();
      ctx.moveTo(x, top + height - 1.5 * em);
      ctx.lineTo(x + 0.8 * em, top + height - 1.15 * em);
      ctx.lineTo(x, top + height - 0.8 * em);
      ctx.fill();
    }
    const [loudest, ...others] = marks().begun;
    for (const b of others) {
      const x = place(b.at);
      if (inside(x)) this.sign(ctx, em, b.health, x, top + 1.75 * em);
    }
    const x = loudest ? place(loudest.at) : -1;
    if (!inside(x)) return;
    const colour = loudest.health === "critical" ? "--critical" : "--warning";
    ctx.fillStyle = this.css(colour);
    ctx.fillRect(x - 0.06 * em, top, 0.12 * em, height);
    this.sign(ctx, em, loudest.health, x, top + 1.75 * em);
    ctx.font = `600 ${0.75 * em}px Inter, system-ui, sans-serif`;
    const wide = ctx.measureText(loudest.text).width + 1.6 * em;
    if (wide > width * 0.5) return;
    const onLeft = x - wide > left;
    this.write(ctx, em, loudest.text, onLeft ? x - 0.8 * em : x + 0.8 * em, top + 1.75 * em, onLeft ? "right" : "left", colour);
    const from = (onLeft ? x - wide : x) - left;
    this.labels.push([from / devicePixelRatio, (from + wide) / devicePixelRatio]);
  }

  // sign is the shape of a state, around a place.
  private sign(ctx: CanvasRenderingContext2D, em: number, health: string, x: number, y: number): void {
    const r = 0.34 * em;
    ctx.fillStyle = this.css(health === "critical" ? "--critical" : "--warning");
    ctx.strokeStyle = this.css("--panel");
    ctx.lineWidth = 0.14 * em;
    ctx.beginPath();
    if (health === "critical") ctx.rect(x - r, y - r, 2 * r, 2 * r);
    else {
      ctx.moveTo(x, y - r);
      ctx.lineTo(x + r * 1.15, y + r);
      ctx.lineTo(x - r * 1.15, y + r);
      ctx.closePath();
    }
    ctx.stroke();
    ctx.fill();
  }

  private hatch(ctx: CanvasRenderingContext2D, colour: string, strength = 1): CanvasPattern | string {
    const known = this.hatches.get(colour + strength);
    if (known) return known;
    const em = rem() * devicePixelRatio;
    const size = Math.round(0.44 * em);
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const c = tile.getContext("2d")!;
    c.fillStyle = c.strokeStyle = colour;
    if (strength === 1) {
      c.globalAlpha = 0.28;
      c.fillRect(0, 0, size, size);
    }
    c.globalAlpha = strength;
    c.lineWidth = 0.1 * em;
    c.beginPath();
    for (const o of [-size, 0, size]) {
      c.moveTo(o - 1, size + 1);
      c.lineTo(o + size + 1, -1);
    }
    c.stroke();
    const pattern = ctx.createPattern(tile, "repeat");
    if (!pattern) return colour;
    this.hatches.set(colour + strength, pattern);
    return pattern;
  }

  // range is what can be looked at: from the first point to the last that has come.
  range(): { from: number; to: number; step: number } | undefined {
    if (!this.wire || !this.length) return undefined;
    const { start, step } = this.wire;
    return { from: start, to: start + this.length * step, step };
  }

  // time is the moment under a place on the screen.
  time(clientX: number): number | undefined {
    const range = this.range();
    if (!this.plot || !range) return undefined;
    const t = this.plot.posToVal(clientX - this.plot.over.getBoundingClientRect().left, "x");
    return Math.min(Math.max(t, range.from), this.wire!.start + this.plot.data[0].length * range.step);
  }

  // place shows the cursor and the stretch that all charts share, and what this one has there.
  place(): void {
    const u = this.plot;
    if (!u || !this.wire) return;
    const wide = u.over.clientWidth;
    const x = (t: number) => u.valToPos(t, "x");
    const { at, stretch } = this.cursor;
    this.box.hidden = !stretch;
    if (stretch) {
      const [from, to] = [Math.max(0, x(stretch[0])), Math.min(wide, x(stretch[1]))];
      this.box.style.transform = `translateX(${from}px)`;
      this.box.style.width = `${Math.max(0, to - from)}px`;
    }
    const left = at === undefined ? 0 : x(at);
    const index = at === undefined ? -1 : Math.floor((at - this.wire.start) / this.wire.step);
    this.hair.hidden = this.reading.hidden = at === undefined || left < -1 || left > wide + 1 || index < 0 || index >= u.data[0].length;
    if (this.hair.hidden) return;
    this.hair.style.transform = `translateX(${left}px)`;
    this.read(index, at!);
    this.avoid(left, wide);
  }

  // avoid puts the reading where it covers neither the cursor nor an alarm's name.
  private avoid(left: number, wide: number): void {
    const width = this.reading.offsetWidth;
    const covers = ([from, to]: [number, number], side: boolean) => (side ? from < width + 8 : to > wide - width - 8);
    let [best, least] = ["", Infinity];
    for (const [name, onLeft, low] of [["", false, false], ["left", true, false], ["low", false, true], ["left low", true, true]] as const) {
      const cost = (covers([left, left], onLeft) ? 4 : 0) + (!low && this.labels.some((l) => covers(l, onLeft)) ? 2 : 0) + (low ? 1 : 0);
      if (cost < least) [best, least] = [name, cost];
    }
    this.reading.className = `reading ${best}`;
  }

  // values are what all lines have at a point, in words, the uppermost first.
  private values(index: number): { name: string; swatch: string; value: string }[] {
    const { lines, over = [], reserved } = this.wire!;
    const max = this.plot!.scales.y.max ?? 0;
    const write = (v: number | null | undefined) => (v == null ? "—" : this.kind.value(v, max));
    const rows = lines.map((l) => ({
      name: text(`line.${l.id}`, {}, l.name),
      swatch: own.has(l.id) ? `${l.id === filled ? "swatch" : "stroke"} line-${l.id}` : `swatch ${l.id === "p2p" ? "p2p" : `cdn-${l.colour % 7}`}`,
      value: write(l.points[index]),
    }));
    if (this.kind.stack) {
      rows.reverse();
      const all = lines.map((l) => l.points[index]).filter((v) => v != null);
      if (lines.length > 1) rows.unshift({ name: text("total"), swatch: "", value: write(all.length ? all.reduce((a, b) => a + b, 0) : null) });
    }
    for (const l of over) rows.push({ name: text(`line.${l.id}`, {}, l.name), swatch: `stroke ${l.id}`, value: write(l.points[index]) });
    if (reserved) rows.push({ name: text("reserved", { value: "" }).trim(), swatch: "stroke reserved", value: write(reserved) });
    return rows;
  }

  // near are the notes and alarms at the cursor.
  private near(at: number): string[] {
    const reach = Math.max(this.wire!.step, this.plot!.posToVal(6, "x") - this.plot!.posToVal(0, "x"));
    const close = (t: number) => Math.abs(t - at) <= reach;
    return [
      ...(marks().alerts ?? []).filter((a) => close(a.at) || (a.end && close(a.end))).map(alertSaid),
      ...marks().begun.filter((b) => close(b.at)).map((b) => `${b.health === "critical" ? "■" : "▲"} ${b.text}`),
      ...marks().notes.filter((n) => close(n.at)).map((n) => `⚑ ${n.text} — ${n.by}`),
    ];
  }

  private read(index: number, at: number): void {
    const rows = this.values(index).map(({ name, swatch, value }) => {
      const row = document.createElement("span");
      const sign = document.createElement("i");
      sign.className = swatch || "swatch";
      const number = document.createElement("b");
      number.textContent = value;
      row.append(sign, name, number);
      return row;
    });
    const when = document.createElement("strong");
    when.textContent = this.wire!.start + (index + 1) * this.wire!.step > this.range()!.to ? `${both(at)} · ${text("to_come")}` : both(at);
    const said = this.near(at).map((line) => {
      const p = document.createElement("em");
      p.textContent = line;
      return p;
    });
    this.reading.replaceChildren(when, ...rows, ...said);
  }

  // say is the reading as one sentence, for those who hear it.
  say(): string {
    const { at } = this.cursor;
    if (!this.wire || at === undefined || !this.plot) return "";
    const index = Math.floor((at - this.wire.start) / this.wire.step);
    return [both(at), ...this.values(index).map((v) => `${v.name} ${v.value}`), ...this.near(at)].join(", ");
  }
}

// pixels turns values of a scale into places on the canvas; uPlot's own does more than it needs for each.
function pixels(u: uPlot, scale: "x" | "y"): (v: number) => number {
  const { min = 0, max = 1 } = u.scales[scale];
  const zero = u.valToPos(min, scale, true);
  const each = (u.valToPos(max, scale, true) - zero) / (max - min || 1);
  return (v) => zero + (v - min) * each;
}

function part(name: string): HTMLElement {
  const node = document.createElement("div");
  node.className = name;
  node.hidden = true;
  return node;
}
