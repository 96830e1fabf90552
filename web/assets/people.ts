// The menu behind one's name, one's own time beside the venue's, copying what is shown once, and the
// code of a wall that comes in its link. All of it works by hand without this.
import { copy } from "./sources";
import { text } from "./text";

export function people(): void {
  menu();
  ownTime();
  secrets();
  wallDoor();
}

function menu(): void {
  const m = document.getElementById("account") as HTMLDetailsElement | null;
  if (!m) return;
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || !m.open) return;
    m.open = false;
    m.querySelector("summary")!.focus();
  });
  document.addEventListener("click", (e) => {
    if (!m.contains(e.target as Node)) m.open = false;
  });
  m.addEventListener("focusout", (e) => {
    if (e.relatedTarget && !m.contains(e.relatedTarget as Node)) m.open = false;
  });
}

// The server's clock, of which the page shows the venue's time, in the person's own zone.
function ownTime(): void {
  const own = document.getElementById("own-now");
  if (!own) return;
  const zone = own.dataset.zone!;
  const place = zone.slice(zone.lastIndexOf("/") + 1).replace(/_/g, " ");
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const tell = () => {
    const at = Number(document.getElementById("now")?.dataset.at);
    const said = at ? `${format.format(at)} ${place}` : "";
    if (own.textContent !== said) own.textContent = said;
  };
  tell();
  setInterval(tell, 250);
}

function secrets(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>(".once button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const was = (button.dataset.label ??= button.textContent!);
      button.textContent = text((await copy(document.getElementById(button.dataset.copy!)!)) ? "copied" : "copy_by_hand");
      setTimeout(() => (button.textContent = was), 2500);
    });
  }
}

// What stands behind the # is sent to no server, so it is in no log; it leaves the address before the
// form is sent.
function wallDoor(): void {
  const code = document.querySelector<HTMLInputElement>("#wall-door #code");
  if (!code || location.hash.length < 2) return;
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  code.form!.requestSubmit();
}
