// The two charts over the match's time: traffic stacked by CDN, error rate by CDN. uPlot has the
// axes, the cursor and the sizes; the areas are drawn here, because what is not complete yet must
// not look as if it were.
import uPlot from "uplot";
import { ratio, scaled } from "./text";

type Line = { id: string; name: string; colour: number; solid: number; points: (number | null)[]; known?: number };
type Wire = { start: number; step: number; solid: number; from: number; lines: Line[] };
type Phase = { from: number; to?: number; label: string; base: number; end: number };
type Axis = { zone: string; phases: Phase[] };

export type Charts = { take(wires: Record<string, unknown>, whole: boolean): void };

// rem is the unit that all sizes are in, so that a wall of any resolution has the same picture.
const rem = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);

export function charts(): Charts {
  const shared = uPlot.sync("board");
  const all = new Map<string, Chart>();
  for (const node of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    all.set(node.dataset.chart!, new Chart(node, node.dataset.chart === "flow", shared));
  }
  addEventListener("theme", () => all.forEach((c) => c.restyle()));
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => all.forEach((c) => c.restyle()));
  document.fonts?.ready.then(() => all.forEach((c) => c.restyle()));
  return {
    take(wires, whole) {
      for (const [id, wire] of Object.entries(wires)) all.get(id)?.take(wire as Wire, whole);
    },
  };
}

class Chart {
  private wire?: Wire;
  private plot?: uPlot;
  private stacked: number[][] = []; // upper edge of each line, of the one drawn first first
  private axis: Axis = { zone: "UTC", phases: [] };
  private axisText = "";
  private hatches = new Map<string, CanvasPattern>();

  constructor(
    private node: HTMLElement,
    private stack: boolean,
    private shared: uPlot.SyncPubSub,
  ) {
    new ResizeObserver(() => this.resize()).observe(node);
  }

  take(wire: Wire, whole: boolean): void {
    if (whole || !this.wire || wire.from === 0) {
      this.wire = wire;
    } else {
      const moved = (wire.start - this.wire.start) / wire.step;
      const old = this.wire.lines;
      wire.lines.forEach((line, i) => {
        line.points = old[i].points.slice(moved, moved + wire.from).concat(line.points);
      });
      this.wire = wire;
    }
    this.readAxis();
    this.draw();
  }

  restyle(): void {
    this.hatches.clear();
    this.plot?.destroy();
    this.plot = undefined;
    this.draw();
  }

  private readAxis(): void {
    const text = document.getElementById("axis")?.dataset.axis ?? "";
    if (text && text !== this.axisText) {
      this.axisText = text;
      this.axis = JSON.parse(text);
    }
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || !height) return;
    if (this.plot) this.plot.setSize({ width, height });
    else this.draw();
  }

  private data(): uPlot.AlignedData {
    const { start, step, lines } = this.wire!;
    const length = Math.max(0, ...lines.map((l) => l.points.length));
    const times = Array.from({ length }, (_, i) => start + (i + 0.5) * step);
    if (!this.stack) return [times, ...lines.map((l) => l.points)] as uPlot.AlignedData;
    const sum = new Array<number>(length).fill(0);
    lines.forEach((l) => {
      l.known = l.points.findLastIndex((v) => v != null) + 1;
    });
    this.stacked = lines.map((l) => sum.map((below, i) => (sum[i] = below + (l.points[i] ?? 0))));
    return [times, ...this.stacked] as uPlot.AlignedData;
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
    this.plot = new uPlot(this.options(width, height), data, this.node);
  }

  // css is a colour as the theme has it now: only a real property resolves light-dark().
  private css(name: string): string {
    this.node.style.color = `var(${name})`;
    return getComputedStyle(this.node).color;
  }

  private colour(line: Line): string {
    return this.css(line.id === "p2p" ? "--p2p" : `--cdn-${line.colour % 7}`);
  }

  private options(width: number, height: number): uPlot.Options {
    const em = rem();
    const font = `500 ${Math.round(0.8 * em)}px Inter, system-ui, sans-serif`;
    const [faint, grid] = [this.css("--muted"), this.css("--line")];
    const axis = { font, stroke: faint, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    return {
      width,
      height,
      padding: [em * 0.6, em * 0.5, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: this.shared.key, scales: ["x", null] },
        drag: { x: false, y: false },
        points: { show: false },
        y: false,
      },
      scales: {
        x: { time: true, range: (_u, low, high) => [low, high + (high - low) * 0.015] },
        y: { range: (_u, _low, high) => [0, high > 0 ? high * 1.08 : this.stack ? 1e6 : 0.01] },
      },
      series: [{}, ...this.wire!.lines.map((l) => ({ label: l.name, paths: () => null, points: { show: false } }))],
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: em * 1.7,
          gap: em * 0.3,
          splits: (_u, _i, min, max) => this.splits(min, max, width / (em * 4.2)),
          values: (_u, splits) => splits.map((t) => this.moment(t, 0)),
        },
        {
          ...axis,
          size: em * 3.6,
          gap: em * 0.4,
          space: em * 3,
          values: (u, splits) => {
            if (!this.stack) return splits.map(ratio);
            return splits.map(scaled(u.scales.y.max ?? 0).write);
          },
        },
      ],
      hooks: {
        drawClear: [(u) => this.phases(u)],
        draw: [(u) => (this.stack ? this.areas(u) : this.lines(u)), (u) => this.starts(u)],
        setCursor: [(u) => this.read(u)],
      },
    };
  }

  // moment is a time as the room says it: the match's minute in play, else the time at the venue.
  // The first minute is 1′, but the axis has 15′ where fifteen of them are over.
  private moment(t: number, first = 1): string {
    const phase = this.phaseAt(t);
    if (!phase || phase.base < 0) return this.clock(t);
    const minute = phase.base + Math.floor((t - phase.from) / 60) + first;
    return minute > phase.end ? `${phase.end}+${minute - phase.end}′` : `${minute}′`;
  }

  private phaseAt(t: number): Phase | undefined {
    return this.axis.phases.findLast((p) => p.from <= t);
  }

  private clock(t: number): string {
    return new Date(t * 1000).toLocaleTimeString("fr", { hour: "2-digit", minute: "2-digit", timeZone: this.axis.zone });
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
    const { phases } = this.axis;
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

  // phases shade play behind the lines, and name each where there is room.
  private phases(u: uPlot): void {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const p of this.axis.phases) {
      const from = Math.max(left, u.valToPos(p.from, "x", true));
      const to = Math.min(left + width, p.to ? u.valToPos(p.to, "x", true) : left + width);
      if (to <= from || p.base < 0) continue;
      ctx.fillStyle = this.css("--play");
      ctx.fillRect(from, top, to - from, height);
    }
    // What comes after the last complete point is not known yet, up to now and beyond.
    const open = u.valToPos(this.wire!.start + this.wire!.solid * this.wire!.step, "x", true);
    ctx.fillStyle = this.hatch(ctx, this.css("--faint"), 0.35);
    ctx.fillRect(open, top, left + width - open, height);
    ctx.restore();
  }

  // starts writes the phases' names over the picture, at the top, with a line where each begins.
  private starts(u: uPlot): void {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const em = rem() * devicePixelRatio;
    ctx.save();
    ctx.font = `600 ${0.75 * em}px Inter, system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    for (const p of this.axis.phases) {
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
    ctx.restore();
  }

  private areas(u: uPlot): void {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const times = u.data[0];
    const floor = times.map(() => 0) as number[];
    const x = times.map((t) => u.valToPos(t, "x", true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    this.wire!.lines.forEach((line, n) => {
      const upper = this.stacked[n];
      const lower = n ? this.stacked[n - 1] : floor;
      const known = line.known!;
      const solid = Math.min(this.wire!.solid, line.solid, known);
      const area = (from: number, to: number) => {
        if (to - from < 1) return;
        ctx.beginPath();
        for (let i = from; i < to; i++) ctx.lineTo(x[i], u.valToPos(upper[i], "y", true));
        for (let i = to - 1; i >= from; i--) ctx.lineTo(x[i], u.valToPos(lower[i], "y", true));
        ctx.closePath();
        ctx.fill();
      };
      const colour = this.colour(line);
      ctx.fillStyle = colour;
      ctx.globalAlpha = 0.88;
      area(0, solid);
      ctx.globalAlpha = 1;
      ctx.fillStyle = this.hatch(ctx, colour);
      area(Math.max(0, solid - 1), known);
    });
    ctx.restore();
  }

  private lines(u: uPlot): void {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const x = u.data[0].map((t) => u.valToPos(t, "x", true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    const em = rem() * devicePixelRatio;
    ctx.lineWidth = 0.1 * em;
    ctx.lineJoin = "round";
    for (const line of this.wire!.lines) {
      const stroke = (from: number, to: number) => {
        ctx.beginPath();
        let pen = false;
        for (let i = from; i < to; i++) {
          const v = line.points[i];
          if (v == null) {
            pen = false;
            continue;
          }
          const y = u.valToPos(v, "y", true);
          if (pen) ctx.lineTo(x[i], y);
          else ctx.moveTo(x[i], y);
          pen = true;
        }
        ctx.stroke();
      };
      ctx.strokeStyle = this.colour(line);
      ctx.setLineDash([]);
      stroke(0, line.solid);
      ctx.setLineDash([0.12 * em, 0.25 * em]);
      stroke(Math.max(0, line.solid - 1), line.points.length);
    }
    ctx.restore();
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

  // read shows what is under the cursor: when, and each line's own value.
  private read(u: uPlot): void {
    let note = this.node.querySelector<HTMLElement>(".reading");
    const i = u.cursor.idx;
    if (i == null || !this.wire || u.cursor.left! < 0) return note?.remove();
    if (!note) {
      note = document.createElement("div");
      note.className = "reading";
      this.node.append(note);
    }
    const t = u.data[0][i];
    const minute = this.moment(t);
    const clock = this.clock(t);
    const when = document.createElement("b");
    when.textContent = minute === clock ? clock : `${minute} · ${clock}`;
    const { unit, write } = scaled(u.scales.y.max ?? 0);
    const rows = [...this.wire.lines].reverse().map((line) => {
      const row = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.className = `swatch ${line.id === "p2p" ? "p2p" : `cdn-${line.colour % 7}`}`;
      const v = line.points[i];
      row.append(swatch, `${line.name} ${v == null ? "—" : this.stack ? `${write(v)} ${unit}` : ratio(v)}`);
      return row;
    });
    note.replaceChildren(when, ...rows);
    note.classList.toggle("left", u.cursor.left! > u.over.clientWidth / 2);
  }
}
