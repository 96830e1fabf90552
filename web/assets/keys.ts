// The keyboard: single keys that click what says it has them, and the matrix as a grid. They never
// fire where one types.
import { text } from "./text";

const typing = "input, textarea, select, [contenteditable]";

export function keys(actions: Record<string, () => void>): void {
  let leader = -1e9; // when g was pressed, which the key of a page follows
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    if ((e.target as Element).closest?.(typing)) return;
    const go = e.timeStamp - leader < 1500 && document.querySelector<HTMLAnchorElement>(`a[data-go="${CSS.escape(e.key)}"]`);
    leader = e.key === "g" ? e.timeStamp : -1e9;
    if (go) return go.click();
    if (document.querySelector("dialog[open]") && e.key !== "?") return;
    const act =
      actions[e.key] ??
      click(document.querySelectorAll<HTMLElement>("a[data-metric]")[Number(e.key) - 1]) ??
      click(document.querySelector<HTMLElement>(`[data-key="${CSS.escape(e.key)}"]`));
    if (!act) return;
    e.preventDefault();
    act();
  });
}

const click = (node?: HTMLElement | null) => (node?.checkVisibility() ? () => node.click() : undefined);

// grid makes the matrix one stop of the tab key, in which arrows move. It returns what is to be done after
// each frame.
export function grid(): () => void {
  const links = () => [...document.querySelectorAll<HTMLAnchorElement>("#matrix table a[href]")];
  let place: [number, number] | undefined; // row and column of the cell that Tab reaches
  const where = (a: HTMLAnchorElement): [number, number] => {
    const cell = a.closest<HTMLTableCellElement>("td, th");
    return [(cell?.parentElement as HTMLTableRowElement)?.rowIndex ?? 0, cell?.cellIndex ?? 0];
  };
  // The nearest cell with a link in that direction, in the same row or column.
  const next = (from: HTMLAnchorElement, key: string, all: HTMLAnchorElement[]): HTMLAnchorElement | undefined => {
    const [row, column] = where(from);
    const at = (a: HTMLAnchorElement) => where(a);
    const line = all.filter((a) => (key === "ArrowUp" || key === "ArrowDown" ? at(a)[1] === column : at(a)[0] === row));
    const i = line.indexOf(from);
    return { ArrowLeft: line[i - 1], ArrowUp: line[i - 1], ArrowRight: line[i + 1], ArrowDown: line[i + 1], Home: line[0], End: line.at(-1) }[key];
  };
  const rove = () => {
    const all = links();
    const here = all.find((a) => place && String(where(a)) === String(place)) ?? all.find((a) => a.closest("td")) ?? all[0];
    for (const a of all) a.tabIndex = a === here ? 0 : -1;
    mark();
  };
  document.addEventListener("focusin", (e) => {
    const a = (e.target as Element).closest?.<HTMLAnchorElement>("#matrix table a[href]");
    if (!a) return;
    place = where(a);
    rove();
  });

  // Two cells are compared by marking one and opening the other, unless the board is narrowed already:
  // then the one opened is compared with that.
  let first: string | undefined; // the marked cell's scope
  let comparing = false;
  const said = document.getElementById("heard");
  const scope = (a: HTMLAnchorElement) => {
    const q = new URL(a.href).searchParams;
    return ["cdn", "isp", "channel", "device"].map((k) => [k, q.get(k) ?? ""] as const);
  };
  const narrowed = () => scope({ href: location.href } as HTMLAnchorElement).some(([, v]) => v);
  const mark = () => {
    for (const a of links()) a.classList.toggle("first", !!first && JSON.stringify(scope(a)) === first);
  };
  const compare = (a: HTMLAnchorElement) => {
    const url = new URL(location.href);
    if (!first && !narrowed()) {
      first = JSON.stringify(scope(a));
      if (said) said.textContent = text("compare_second");
      return mark();
    }
    for (const [k, v] of first ? (JSON.parse(first) as [string, string][]) : []) v ? url.searchParams.set(k, v) : url.searchParams.delete(k);
    for (const [k, v] of scope(a)) v ? url.searchParams.set(`vs_${k}`, v) : url.searchParams.delete(`vs_${k}`);
    url.searchParams.delete("vs");
    location.assign(url);
  };
  const stop = () => {
    comparing = false;
    first = undefined;
    document.body.classList.remove("comparing");
    mark();
  };
  document.addEventListener("click", (e) => {
    const a = (e.target as Element).closest?.<HTMLAnchorElement>("#matrix table a[href]");
    // Ctrl is left to the browser: a cell in a tab of its own is worth as much.
    if (a && (e.shiftKey || comparing) && !e.ctrlKey && !e.metaKey && !e.button) {
      e.preventDefault();
      compare(a);
      return;
    }
    if (!(e.target as Element).closest?.("[data-compare]") || !links().length) return;
    comparing = !comparing;
    if (!comparing) return stop();
    document.body.classList.add("comparing");
    if (said) said.textContent = text(narrowed() ? "compare_second" : "compare_first");
    const focused = document.activeElement as HTMLAnchorElement | null;
    if (focused?.matches("#matrix table a[href]") && !narrowed()) compare(focused);
    else links().find((l) => l.tabIndex === 0)?.focus();
  });
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") return stop();
    const a = (e.target as Element).closest?.<HTMLAnchorElement>("#matrix table a[href]");
    if (!a || e.ctrlKey || e.altKey || e.metaKey) return;
    if (e.key === "Enter" && e.shiftKey) {
      e.preventDefault();
      return compare(a);
    }
    if (e.shiftKey) return;
    const to = next(a, e.key, links());
    if (!to && !e.key.startsWith("Arrow")) return;
    e.preventDefault();
    to?.focus();
  });
  return rove;
}
