// The page of sources: its rows come in the order that the server tells, and settings are copied.
import { text } from "./text";

const CALM = 30_000; // ms between two changes of order while nothing new calls for someone

export function sources(): () => void {
  const list = document.getElementById("senders");
  if (!list) return () => {};
  copying(list);
  let calling = document.getElementById("order")?.dataset.calling;
  let arranged = Date.now();

  return () => {
    const order = document.getElementById("order")!.dataset;
    const ids: string[] = JSON.parse(order.order!);
    const rows = new Map<string, Element>();
    for (const row of list.children) rows.set((row as HTMLElement).dataset.source!, row);
    // Other sources than the page was made for: the configuration is a new one.
    if (ids.length !== rows.size || ids.some((id) => !rows.has(id))) {
      if (performance.now() > 30_000) location.reload();
      return;
    }
    if (order.calling === calling && Date.now() - arranged < CALM) return;
    calling = order.calling;
    arranged = Date.now();
    arrange(list, ids.map((id) => rows.get(id)!));
  };
}

// arrange moves the rows around the one that is being read, which stays where it is in the document
// and so keeps its focus and selection.
function arrange(list: Element, rows: Element[]): void {
  const read = rows.find((row) => busy(row));
  let at = list.firstElementChild;
  for (const row of rows) {
    while (row === read && at !== read) {
      const next = at!.nextElementSibling;
      list.append(at!); // its turn comes
      at = next;
    }
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
}

// busy tells whether someone has the focus or a selection in it.
export function busy(node: Element): boolean {
  if (node.contains(document.activeElement)) return true;
  return selecting(node);
}

export function selecting(node: Element): boolean {
  const s = getSelection();
  return !!s && !s.isCollapsed && s.rangeCount > 0 && s.getRangeAt(0).intersectsNode(node);
}

function copying(list: Element): void {
  list.addEventListener("click", async (e) => {
    const button = (e.target as Element).closest<HTMLElement>("button[data-copy]");
    const code = button && document.getElementById(button.dataset.copy!);
    if (!code) return;
    const said = (await copy(code)) ? "copied" : "copy_by_hand";
    const was = (button.dataset.label ??= button.textContent!);
    button.textContent = text(said);
    button.classList.toggle("done", said === "copied");
    setTimeout(() => {
      button.textContent = was;
      button.classList.remove("done");
    }, 2500);
  });
}

// The clipboard is open to pages that came by https; on others the text is selected, which old ways
// of copying work with, and the reader's own keys in any case.
export async function copy(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent!);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    const s = getSelection()!;
    s.removeAllRanges();
    s.addRange(range);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }
}
