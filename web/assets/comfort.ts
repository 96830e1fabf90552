// Theme, tables, full screen, and the sheet that tells the keys.
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

// comforts returns what single keys do everywhere.
export function comforts(): Record<string, () => void> {
  const sheet = document.getElementById("keys") as HTMLDialogElement | null;
  const help = () => (sheet?.open ? sheet.close() : sheet?.showModal());
  document.getElementById("theme")?.addEventListener("click", theme);
  document.getElementById("help")?.addEventListener("click", help);
  // One definition or menu is open at a time, and Escape closes it.
  const opened = ".info[open], .menu[open]";
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const d of document.querySelectorAll<HTMLElement>(opened)) {
      if (d.contains(document.activeElement)) d.querySelector("summary")?.focus();
      d.removeAttribute("open");
    }
  });
  document.addEventListener("click", (e) => {
    for (const d of document.querySelectorAll(opened)) if (!d.contains(e.target as Node)) d.removeAttribute("open");
  });
  return {
    "?": help,
    d: theme,
    l: () => document.getElementById("language")?.click(),
    t: () => {
      document.body.classList.toggle("tables");
      dispatchEvent(new Event("resize"));
    },
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.()),
  };
}
