// Where one looks: a moment, under one cursor over all charts, and a stretch of time, chosen on any of
// them by mouse, finger or keyboard. A stretch becomes part of the page's address.
import { both, type Chart } from "./chart";
import { text } from "./text";

const GRAIN = 10; // s: what is kept is no finer
const SLIP = 6; // px that a hand may move without meaning a stretch

// Cursor is the moment and the stretch that all charts show.
export class Cursor {
  at?: number;
  stretch?: [number, number];
  keyed = false; // the keyboard moved it last: a mouse that merely lies there has no say
  private charts = new Set<Chart>();
  private frame = 0;

  join(chart: Chart): () => void {
    this.charts.add(chart);
    return () => this.charts.delete(chart);
  }

  move(at?: number, stretch?: [number, number]): void {
    [this.at, this.stretch] = [at, stretch && [Math.min(...stretch), Math.max(...stretch)]];
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.charts.forEach((c) => c.place());
    });
  }
}

// look goes to a stretch, whatever else is looked at.
function look([from, to]: [number, number]): void {
  const url = new URL(location.href);
  const text = (t: number) => new Date(t * 1000).toISOString().replace(".000", "");
  url.searchParams.set("from", text(Math.floor(from / GRAIN) * GRAIN));
  url.searchParams.set("to", text(Math.ceil(to / GRAIN) * GRAIN));
  location.assign(url);
}

// steer lets a hand move the cursor over a chart and choose a stretch on it. A mouse goes there when it
// lets go; a finger and the keyboard confirm. It returns what undoes it.
export function steer(chart: Chart, cursor: Cursor): () => void {
  const { node } = chart;
  const gone = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(type: K, act: (e: HTMLElementEventMap[K]) => void) =>
    node.addEventListener(type, act, { signal: gone.signal });
  const leave = cursor.join(chart);
  const stays = !!document.querySelector("main[data-page=wall]"); // no hand reaches it
  const title = document.getElementById(node.dataset.title ?? `${node.dataset.chart}-title`);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "look";
  button.hidden = true;
  let begun: number | undefined; // where a hand came down, px
  let first: number | undefined; // the moment there
  let chosen: [number, number] | undefined;

  // cut keeps a stretch within what has come.
  const cut = ([a, b]: [number, number]): [number, number] => {
    const range = chart.range()!;
    const [from, to] = [Math.max(range.from, Math.min(a, b)), Math.min(range.to, Math.max(a, b))];
    return [Math.min(from, range.to - GRAIN), Math.max(to, from + GRAIN)];
  };
  const offer = (stretch?: [number, number]) => {
    button.hidden = !stretch;
    if (!stretch) return;
    chosen = cut(stretch);
    button.textContent = text("look", { from: both(chosen[0]), to: both(chosen[1]) });
    if (!button.isConnected) node.append(button);
  };
  const clear = () => {
    begun = first = undefined;
    offer();
  };

  on("pointermove", (e) => {
    const t = chart.time(e.clientX);
    if (t === undefined || e.target === button) return;
    if (cursor.keyed && e.pointerType === "mouse" && !e.movementX && !e.movementY) return; // the page moved under it
    cursor.keyed = false;
    if (begun !== undefined && first !== undefined && Math.abs(e.clientX - begun) > SLIP) {
      if (!node.hasPointerCapture(e.pointerId)) node.setPointerCapture(e.pointerId);
      return cursor.move(t, cut([first, t]));
    }
    if (begun === undefined && e.pointerType !== "mouse") return;
    cursor.move(t, begun === undefined && !button.hidden ? cursor.stretch : undefined);
  });
  on("pointerdown", (e) => {
    const t = chart.time(e.clientX);
    if (t === undefined || e.button || e.target === button) return;
    clear();
    if (!stays) [begun, first] = [e.clientX, t];
    cursor.move(t);
  });
  on("pointerup", (e) => {
    const stretch = begun !== undefined ? cursor.stretch : undefined;
    begun = undefined;
    if (!stretch) return;
    if (e.pointerType === "mouse") look(stretch);
    else offer(stretch);
  });
  on("pointercancel", () => {
    clear();
    cursor.move();
  });
  on("pointerleave", (e) => {
    if (e.pointerType === "mouse" && begun === undefined && !cursor.keyed) cursor.move(undefined, cursor.stretch);
  });
  button.addEventListener("click", () => chosen && look(chosen));

  let anchor: number | undefined; // where a stretch by keyboard begins
  on("keydown", (e) => {
    const range = chart.range();
    if (!range || e.target !== node || e.ctrlKey || e.altKey || e.metaKey) return;
    const now = cursor.at ?? range.to - range.step;
    const last = range.to - range.step / 2;
    const moves: Record<string, number> = {
      ArrowLeft: now - range.step,
      ArrowRight: now + range.step,
      PageUp: now - 30 * range.step,
      PageDown: now + 30 * range.step,
      Home: range.from + range.step / 2,
      End: last,
    };
    if (e.key === "Enter" && cursor.stretch) look(cursor.stretch);
    else if (e.key === "Escape" && cursor.stretch) {
      anchor = undefined;
      offer();
      cursor.move(cursor.at);
    } else if (e.key in moves) {
      const t = Math.min(Math.max(moves[e.key], range.from + range.step / 2), last);
      anchor = e.shiftKey && !stays ? (anchor ?? now) : undefined;
      const stretch = anchor === undefined ? undefined : cut([anchor - range.step / 2, t + range.step / 2]);
      offer(stretch);
      cursor.keyed = true;
      cursor.move(t, stretch);
      announce(chart);
    } else return;
    e.preventDefault();
  });
  on("blur", () => {
    anchor = undefined;
    cursor.keyed = false;
    if (button.hidden) cursor.move();
  });
  node.removeAttribute("aria-hidden");
  node.tabIndex = 0;
  node.setAttribute("role", "application"); // the arrow keys are for the cursor
  node.setAttribute("aria-label", text("chart", { title: title?.textContent ?? "" }));
  return () => {
    gone.abort();
    leave();
  };
}

let speaking = 0;

// announce reads the values out when the cursor rests.
function announce(chart: Chart): void {
  clearTimeout(speaking);
  speaking = window.setTimeout(() => {
    const heard = document.getElementById("heard");
    if (heard) heard.textContent = chart.say();
  }, 300);
}

// links are what the bar over the board does by itself.
export function links(): void {
  document.addEventListener("click", async (e) => {
    const copy = (e.target as Element).closest?.<HTMLElement>("[data-copy-link]");
    if (!copy) return;
    e.preventDefault();
    let said = text("copied");
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      said = text("copy_address"); // without https a page may not
    }
    const heard = document.getElementById("heard");
    if (heard) heard.textContent = said;
    const was = (copy.dataset.was ??= copy.textContent ?? "");
    copy.textContent = said;
    setTimeout(() => (copy.textContent = was), 2500);
  });
}
