// The pages of matches: kick-off in the browser's own time where the account does not tell it, and the
// page fetched anew every few seconds, for what others decide, unless someone is in the middle of a form.
import { Idiomorph } from "idiomorph";
import { selecting } from "./sources";

const EVERY = 8000; // ms

export function matches(): void {
  const part = document.querySelector<HTMLElement>("[data-refresh]");
  if (!part) return;
  ownTimes();
  setInterval(() => {
    if (document.visibilityState === "visible" && !busy(part)) void refresh(part);
  }, EVERY);
}

// busy tells whether a form is being filled in: a field has the focus or another value than it came with.
function busy(part: HTMLElement): boolean {
  if (selecting(part) || part.querySelector("details[open]:not(.info)")) return true;
  const fields = part.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input:not([type=hidden]), select");
  return [...fields].some((f) => {
    if (f === document.activeElement) return true;
    if (f instanceof HTMLInputElement) return f.value !== f.defaultValue;
    return f.selectedIndex !== Math.max(0, [...f.options].findIndex((o) => o.defaultSelected));
  });
}

async function refresh(part: HTMLElement): Promise<void> {
  let page: Document;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(EVERY) });
    if (answer.redirected) return location.reload(); // signed out
    if (!answer.ok) return;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return; // the socket says when the connection is lost
  }
  const next = page.getElementById(part.id);
  if (!next || busy(part)) return;
  // The reason why something was not done stays until the reader goes on.
  const refused = part.querySelector(".refused");
  if (refused) next.querySelector(".match-head")?.prepend(refused.cloneNode(true));
  Idiomorph.morph(part, next.outerHTML, {
    morphStyle: "outerHTML",
    callbacks: { beforeAttributeUpdated: (name: string, of: Element) => !(name === "open" && of.tagName === "DETAILS") },
  });
  ownTimes();
}

function ownTimes(): void {
  const language = document.documentElement.lang;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const place = zone.slice(zone.lastIndexOf("/") + 1).replace(/_/g, " ");
  for (const own of document.querySelectorAll<HTMLElement>("[data-own]")) {
    const venue = own.dataset.own!;
    const at = new Date(venue);
    if (at.toLocaleString("sv-SE").slice(0, 16).replace(" ", "T") === venue.slice(0, 16)) continue; // both clocks say the same
    const sameDay = at.toLocaleDateString("sv-SE") === venue.slice(0, 10);
    const day = sameDay ? "" : at.toLocaleDateString(language, { weekday: "short", day: "numeric", month: "short" }) + " ";
    own.textContent = `${day}${at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })} ${place}`;
  }
}
