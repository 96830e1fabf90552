// The pages of alerts: what is live on them is fetched anew every few seconds and laid into place, so that
// nothing that has the focus, is open or is being typed changes under the hand. What a new silence would
// mute is shown while it is typed, and what a dial would do is fetched when somebody asks. All of it works
// without this.
import { Idiomorph } from "idiomorph";
import { selecting } from "./sources";

const PATIENCE = 8000; // ms for an answer
const TYPED = 350; // ms after the last key

export function alertPages(): void {
  const part = document.querySelector<HTMLElement>("[data-follow]");
  if (!part) return;
  previews(part);
  silence();
  let failed = false;
  let timer = 0;
  let asking = false;
  let asked = false;
  const again = async () => {
    clearTimeout(timer);
    if (asking) return void (asked = true); // once more, then
    asking = true;
    if (document.visibilityState === "visible" && !selecting(part)) failed = !(await refresh(part));
    asking = false;
    // Pages that are told when something changed look by themselves rarely, as long as they would be told.
    const told = "pushed" in part.dataset && Number(document.querySelector<HTMLElement>("main")?.dataset.seq) > 0 && !document.body.matches(".lost");
    timer = window.setTimeout(again, asked ? 100 : Number(part.dataset.follow) * (failed ? 3 : told ? 5 : 1));
    asked = false;
  };
  timer = window.setTimeout(again, Number(part.dataset.follow));
  const changed = document.getElementById("changed");
  if (changed && "pushed" in part.dataset) new MutationObserver(() => void again()).observe(changed, { attributes: true });
  // A filter is at work as soon as it is chosen.
  document.addEventListener("change", (e) => {
    const field = e.target as HTMLElement;
    if (field.matches("#filter select")) (field as HTMLSelectElement).form!.requestSubmit();
  });
}

async function page(address: string): Promise<Document | undefined> {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.redirected) return void location.reload(); // signed out
    if (!answer.ok) return undefined;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return undefined; // the socket says when the connection is lost
  }
}

async function refresh(part: HTMLElement): Promise<boolean> {
  const query = new URLSearchParams(location.search);
  query.delete("said"); // it was said
  const next = (await page(`${location.pathname}?${query}`))?.getElementById(part.id);
  if (!next) return false;
  if (!selecting(part)) lay(part, next);
  return true;
}

// lay puts what was fetched into place of part, but under a hand.
export function lay(part: HTMLElement, next: HTMLElement): void {
  Idiomorph.morph(part, next.outerHTML, {
    morphStyle: "outerHTML",
    ignoreActiveValue: !!document.activeElement?.matches("input, select, textarea"), // it would leave what is inside anything else as well
    callbacks: {
      beforeAttributeUpdated: (name: string, of: Element) => !(name === "open" && of.tagName === "DETAILS"),
      beforeNodeMorphed: (old: Node) => !(old instanceof HTMLElement && (busy(old) || old.hasAttribute("data-kept"))),
      beforeNodeRemoved: (old: Node) => !(old instanceof HTMLElement && ("quick" in old.dataset || old.contains(document.activeElement)) && busy(old)),
    },
  });
}

// busy tells whether a form is being filled in: a field of it has the focus, or another value than it came
// with. A button that has the focus is none of that.
function busy(form: HTMLElement): boolean {
  if (!(form instanceof HTMLFormElement)) return false;
  const fields = form.querySelectorAll<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>("input:not([type=hidden]), select, textarea");
  return [...fields].some((f) => {
    if (f === document.activeElement) return true;
    if (f instanceof HTMLSelectElement) return f.selectedIndex !== Math.max(0, [...f.options].findIndex((o) => o.defaultSelected));
    return f.type === "radio" || f.type === "checkbox" ? f.checked !== f.defaultChecked : f.value !== f.defaultValue;
  });
}

// silence shows what would be muted while it is typed. Until that is so, there is no button to make it.
function silence(): void {
  const form = document.querySelector<HTMLFormElement>("#silence-form");
  const place = document.getElementById("silence-preview");
  if (!form || !place) return;
  let timer = 0;
  let asked = 0;
  const show = async () => {
    const mine = ++asked;
    const query = new URLSearchParams();
    for (const [key, value] of new FormData(form)) if (key !== "seen") query.set(key, String(value));
    const next = (await page(`${location.pathname}?${query}`))?.getElementById("silence-preview");
    if (mine !== asked) return; // somebody typed on
    if (next) place.innerHTML = next.innerHTML;
    place.classList.remove("stale");
  };
  form.addEventListener("input", (e) => {
    const field = e.target as HTMLInputElement;
    if (field.name === "reason") return;
    if (field.name === "own" && field.value) form.querySelector<HTMLInputElement>("[value=own]")!.checked = true;
    place.classList.add("stale");
    for (const button of place.querySelectorAll("button")) button.disabled = true;
    clearTimeout(timer);
    timer = window.setTimeout(() => void show(), TYPED);
  });
  form.addEventListener("submit", (e) => {
    const reason = form.elements.namedItem("reason") as HTMLInputElement;
    if ((e.submitter as HTMLButtonElement | null)?.formMethod !== "post" || reason.value.trim()) return;
    e.preventDefault();
    reason.required = true;
    reason.reportValidity();
  });
}

// previews fetch what a dial would do when its fold is opened, once a minute at most.
function previews(part: HTMLElement): void {
  part.addEventListener(
    "toggle",
    async (e) => {
      const fold = e.target as HTMLDetailsElement;
      if (!fold.dataset.load || !fold.open || Date.now() - Number(fold.dataset.loaded ?? 0) < 60_000) return;
      fold.dataset.loaded = String(Date.now());
      const place = fold.querySelector<HTMLElement>("[data-kept]")!;
      try {
        const answer = await fetch(fold.dataset.load, { headers: { "X-Part": "1" }, signal: AbortSignal.timeout(25_000) });
        if (answer.redirected) return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        place.innerHTML = await answer.text();
      } catch {
        fold.dataset.loaded = "0"; // its link leads there as well
        place.querySelector("progress")?.remove();
      }
    },
    true,
  );
}
