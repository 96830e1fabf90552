// Theme, keyboard, and the sheet that tells the keys.
function remember(name: string, value: string): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

function theme(): void {
  const root = document.documentElement;
  const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  const next = now === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  remember("vigie_theme", next);
  dispatchEvent(new Event("theme"));
}

export function comforts(): void {
  const sheet = document.getElementById("keys") as HTMLDialogElement | null;
  const help = () => (sheet?.open ? sheet.close() : sheet?.showModal());
  document.getElementById("theme")?.addEventListener("click", theme);
  document.getElementById("help")?.addEventListener("click", help);
  const keys: Record<string, () => void> = {
    "?": help,
    d: theme,
    l: () => document.getElementById("language")?.click(),
    t: () => {
      document.body.classList.toggle("tables");
      dispatchEvent(new Event("resize"));
    },
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.()),
  };
  let leader = -1e9; // when g was pressed, which the key of a page follows
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if ((e.target as Element).closest?.("input, textarea, select, [contenteditable]")) return;
    const go = e.timeStamp - leader < 1500 && document.querySelector<HTMLAnchorElement>(`a[data-go="${CSS.escape(e.key)}"]`);
    leader = e.key === "g" ? e.timeStamp : -1e9;
    if (go) return go.click();
    const metric = document.querySelectorAll<HTMLAnchorElement>("a[data-metric]")[Number(e.key) - 1];
    const act = keys[e.key] ?? (metric && (() => metric.click()));
    if (!act) return;
    e.preventDefault();
    act();
  });
  // One definition is open at a time, and Escape closes it.
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") for (const d of document.querySelectorAll(".info[open]")) d.removeAttribute("open");
  });
  document.addEventListener("click", (e) => {
    for (const d of document.querySelectorAll(".info[open]")) if (!d.contains(e.target as Node)) d.removeAttribute("open");
  });
}
