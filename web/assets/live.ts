// The socket. Each frame has a sequence number and replaces fragments by their id; a delta says which
// frame it builds on, and when that is not the last one shown, a snapshot is asked for. Silence for
// 3 s is a lost connection, whatever the browser believes of its socket, and is said across the page.
import { Idiomorph } from "idiomorph";
import type { Charts } from "./chart";
import { selecting } from "./sources";
import { lasting, span, text } from "./text";

const SILENCE = 2500; // ms; the server speaks every 1.2 s at the latest
const LONGEST_WAIT = 1600;

type Frame = {
  kind: "snapshot" | "delta" | "beat";
  seq: number;
  from?: number;
  at: number;
  html?: Record<string, string>;
  charts?: Record<string, unknown>;
};

// follow keeps the page's fragments as the server has them; arranged is called after each frame.
export function follow(board: HTMLElement, charts: Charts, arranged: () => void): void {
  const banner = document.getElementById("lost")!;
  const word = document.getElementById("live-word")!;
  let metric = board.dataset.metric; // of the board only
  const past = document.getElementById("focus-bar")?.dataset.past === "true"; // a stretch is looked at, which does not go on
  document.body.classList.toggle("past", past);
  let socket: WebSocket | undefined;
  let shown = 0; // the frame on screen
  let heard = Date.now(); // when the server last spoke
  let board_at = Date.now(); // when the last board came
  let ahead = Date.now() - Number(document.getElementById("now")?.dataset.at ?? Date.now()); // our clock less the server's
  let failures = 0;
  let retry = 0;
  let lost = false;

  function connect(): void {
    clearTimeout(retry);
    retry = 0;
    socket?.close();
    // What is looked at stands in the page's own address.
    const url = new URL("/live" + location.search, location.href);
    url.searchParams.set("page", board.dataset.page!);
    url.searchParams.set("lang", board.dataset.lang!);
    if (metric) url.searchParams.set("metric", metric);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const s = (socket = new WebSocket(url));
    s.onmessage = (e) => {
      if (s === socket) take(JSON.parse(e.data));
    };
    s.onclose = (e) => {
      if (s !== socket) return;
      if (e.code === 4401) return location.assign(board.dataset.page === "wall" ? "/wall/enter" : "/sign-in");
      again();
    };
  }

  // The first try comes at once and at random, so that a thousand screens do not come back together.
  function again(): void {
    if (retry) return;
    const wait = Math.min(LONGEST_WAIT, 250 * 2 ** failures++);
    retry = window.setTimeout(connect, wait * (0.5 + Math.random() / 2));
  }

  function take(frame: Frame): void {
    heard = Date.now();
    failures = 0;
    if (frame.kind === "beat") return tell();
    if (frame.kind === "delta" && frame.from !== shown) {
      if (frame.seq > shown) socket?.send(JSON.stringify({ resync: true }));
      return;
    }
    board_at = heard;
    // A frame that took long makes our clock look ahead; the quickest one is right. Drift is
    // followed slowly.
    ahead = Math.min(ahead + 1, heard - frame.at);
    shown = frame.seq;
    for (const [id, html] of Object.entries(frame.html ?? {})) morph(id, html);
    charts.take(frame.charts ?? {}, frame.kind === "snapshot");
    arranged();
    board.dataset.seq = String(frame.seq);
    tell();
  }

  function morph(id: string, html: string): void {
    const node = document.getElementById(id);
    if (!node) return;
    Idiomorph.morph(node, html, {
      morphStyle: "outerHTML",
      callbacks: {
        // What the reader opened stays open, and where a click landed stays focused.
        beforeAttributeUpdated: (name: string, of: Element) => !(name === "open" && of.tagName === "DETAILS") && name !== "tabindex",
        // A stranger's lines change under the hand that selects one of them: they wait for it.
        // What a chart has drawn into its place is its own.
        beforeNodeMorphed: (old: Node) =>
          !(old instanceof HTMLElement && (old.dataset.chart || (old instanceof HTMLDetailsElement && old.open && selecting(old)))),
      },
    });
  }

  // tell says how old things are. It runs every second by itself, so that ages grow in silence.
  function tell(): void {
    const now = Date.now();
    const silent = now - heard > SILENCE;
    if (silent) {
      const since = new Date(heard).toLocaleTimeString(document.documentElement.lang);
      banner.textContent = text("lost", { time: since, age: span(now - heard) });
    }
    if (silent !== lost) {
      lost = silent;
      banner.hidden = !lost;
      document.body.classList.toggle("lost", lost);
    }
    const late = !lost && !past && now - board_at > 5000;
    document.body.classList.toggle("late", late);
    const said = text(lost ? "lost_word" : past ? "past" : late ? "late" : "live");
    if (word.textContent !== said) word.textContent = said;
    if (past) return; // what is past does not age
    for (const time of document.querySelectorAll<HTMLElement>("time[data-since]")) {
      const lasts = lasting(now - ahead - Number(time.dataset.since));
      if (time.textContent !== lasts) time.textContent = lasts;
    }
    for (const age of document.querySelectorAll<HTMLElement & { since?: number; was?: string }>(".age[data-as-of]")) {
      const of = age.dataset.asOf!;
      if (age.was !== of) [age.was, age.since] = [of, now];
      const old = span(now - ahead - Number(of));
      if (age.textContent !== old) age.textContent = old;
      if (!age.dataset.fresh) continue; // a moment's, not its panel's
      const unmoved = (now - age.since!) / 1000 / Number(age.dataset.fresh);
      const panel = age.closest(".panel");
      panel?.classList.toggle("aged", unmoved > 1 && unmoved <= 2);
      panel?.classList.toggle("stale", unmoved > 2);
    }
  }

  function watch(): void {
    tell();
    // A socket that fell silent is not believed any more.
    if (lost && !retry && Date.now() - heard > SILENCE && socket?.readyState !== WebSocket.CONNECTING) again();
  }

  // The metric is part of what is watched, so another one is another socket.
  document.addEventListener("click", (e) => {
    const link = (e.target as Element).closest?.<HTMLAnchorElement>("a[data-metric]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    metric = board.dataset.metric = link.dataset.metric!;
    for (const other of document.querySelectorAll("a[data-metric]")) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    const url = new URL(location.href);
    url.searchParams.set("metric", metric);
    history.replaceState(null, "", url);
    connect();
  });

  addEventListener("online", () => again());
  setInterval(watch, 250);
  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ seen: shown }));
  }, 5000);
  connect();
}
