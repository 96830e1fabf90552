// The pages of crisis messages. In the editor: how texts look and what they cost follows the typing hand, as the server
// says it; what is not saved survives a reload, and leaving asks; another's save is told. In a review: what somebody
// edits while it is read is not what may be approved.
import { Idiomorph } from "idiomorph";

const TYPED = 250; // ms after the last key
const PATIENCE = 8000; // ms for an answer
const KEPT = 24 * 3600 * 1000; // ms that unsaved work is kept

export function messages(): void {
  reading();
  const form = document.querySelector<HTMLFormElement>("#message-form");
  if (form) editing(form);
}

// reading keeps in the address which text was on the screen first: the page that follows then says that it changed.
function reading(): void {
  const review = document.querySelector<HTMLElement>("#review[data-hash]");
  if (!review) return;
  const url = new URL(location.href);
  if (url.searchParams.get("said") === "submitted") forget(keyOf(...(url.pathname.split("/").slice(2, 4) as [string, string])));
  if (url.searchParams.has("seen")) return;
  url.searchParams.set("seen", review.dataset.hash!);
  history.replaceState(null, "", url);
}

const keyOf = (scenario: string, step: string) => `vigie.message.${scenario}.${step}`;

function forget(key: string): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // a browser that keeps nothing
  }
}

type Kept = { at: number; fields: [string, string][] };

function editing(form: HTMLFormElement): void {
  const key = keyOf(form.dataset.scenario!, form.dataset.step!);
  const fields = (): [string, string][] => [...new FormData(form)].filter(([name]) => name !== "see").map(([name, value]) => [name, String(value)]);
  const asMade = JSON.stringify(fields());
  let sending = false;
  const dirty = () => form.dataset.typed === "1" || JSON.stringify(fields()) !== asMade;

  const state = document.getElementById("unsaved")!;
  const tell = () => {
    const is = dirty();
    state.textContent = is ? state.dataset.unsaved! : state.dataset.saved!;
    state.classList.toggle("is", is);
  };
  const keep = () => {
    tell();
    try {
      if (dirty()) sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), fields: fields() } satisfies Kept));
      else forget(key);
    } catch {
      // a browser that keeps nothing still warns when the page is left
    }
  };

  // What the server sends back unsaved is the newest there is; what it says it saved needs no keeping.
  if (form.dataset.typed === "1") keep();
  else if (form.dataset.saved === "1") {
    forget(key);
    const url = new URL(location.href);
    url.searchParams.delete("said"); // a reload later is of what is typed from now on
    history.replaceState(null, "", url);
  } else restore(form, key);

  const follow = preview(form);
  form.addEventListener("input", () => {
    keep();
    follow();
  });
  form.addEventListener("submit", () => (sending = true));
  // A page that comes back out of the browser's memory is not being sent any more.
  addEventListener("pageshow", () => (sending = false));
  addEventListener("beforeunload", (e) => {
    if (!sending && dirty()) e.preventDefault();
  });
  document.getElementById("forget")?.addEventListener("click", () => {
    forget(key);
    sending = true;
    location.assign(`/messages/${form.dataset.scenario}?step=${form.dataset.step}`);
  });
  tell();
  if (dirty()) follow();

  document.addEventListener("keydown", (e) => {
    if (e.key !== "s" || !(e.ctrlKey || e.metaKey) || e.altKey) return;
    e.preventDefault();
    form.requestSubmit(document.querySelector<HTMLButtonElement>("#save"));
  });
  holes(form);
  taking(form);
  others(form);
}

// restore lays what was typed before a reload into the form, with what the form was made of then: who saved meanwhile
// is found out by the server.
function restore(form: HTMLFormElement, key: string): void {
  let kept: Kept | undefined;
  try {
    kept = JSON.parse(sessionStorage.getItem(key) ?? "null") ?? undefined;
  } catch {
    return;
  }
  if (!kept || Date.now() - kept.at > KEPT) return;
  const values = new Map(kept.fields);
  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement) || !field.name || field.name === "see") continue;
    if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = values.has(field.name);
    else if (values.has(field.name)) field.value = values.get(field.name)!;
    else if (field.name.startsWith("was.")) field.remove();
  }
  for (const [name, value] of kept.fields) {
    if (!name.startsWith("was.") || form.elements.namedItem(name)) continue;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  for (const text of form.querySelectorAll<HTMLTextAreaElement>(".channel textarea")) if (text.value) text.closest("details")!.open = true;
  document.getElementById("restored")!.hidden = false;
}

// preview asks how the form's texts look, when the hand rests, and lays each part into its place.
function preview(form: HTMLFormElement): () => void {
  let timer = 0;
  let asked = 0;
  const show = async () => {
    const mine = ++asked;
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (!name.startsWith("was.")) body.append(name, String(value));
    let answer: Response;
    let text = "";
    try {
      answer = await fetch(form.dataset.preview!, { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
      text = answer.ok && !answer.redirected ? await answer.text() : "";
    } catch {
      // the socket says when the connection is lost
    }
    if (mine !== asked) return; // somebody typed on
    document.body.classList.toggle("unmeasured", !text);
    if (!text) return;
    for (const part of new DOMParser().parseFromString(text, "text/html").querySelectorAll<HTMLElement>("#preview > *")) {
      const place = document.getElementById(part.id);
      if (place) Idiomorph.morph(place, part.outerHTML, { morphStyle: "outerHTML" });
    }
    document.body.classList.remove("measuring");
  };
  return () => {
    document.body.classList.add("measuring");
    clearTimeout(timer);
    timer = window.setTimeout(() => void show(), TYPED);
  };
}

// holes puts a variable where the hand was.
function holes(form: HTMLFormElement): void {
  let last: HTMLTextAreaElement | HTMLInputElement | undefined;
  form.addEventListener("focusin", (e) => {
    const field = e.target as HTMLElement;
    if (/^(text|subject)\./.test(field.getAttribute("name") ?? "")) last = field as HTMLTextAreaElement;
  });
  form.addEventListener("click", (e) => {
    const button = (e.target as Element).closest<HTMLButtonElement>("button[data-hole]");
    const into = last ?? form.querySelector<HTMLTextAreaElement>(".channel[open] textarea");
    if (!button || !into) return;
    into.focus();
    into.setRangeText(`{${button.dataset.hole}}`, into.selectionStart ?? into.value.length, into.selectionEnd ?? into.value.length, "end");
    into.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// taking puts what another wrote meanwhile in the place of one's own.
function taking(form: HTMLFormElement): void {
  form.addEventListener("click", (e) => {
    const button = (e.target as Element).closest<HTMLButtonElement>("button[data-take]");
    if (!button) return;
    const text = form.elements.namedItem(button.dataset.take!) as HTMLTextAreaElement;
    const subject = form.elements.namedItem(button.dataset.take!.replace("text.", "subject.")) as HTMLInputElement | null;
    text.value = button.dataset.text!;
    if (subject) subject.value = button.dataset.subject!;
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// others tells when somebody saved since the form was made; what is typed stays.
function others(form: HTMLFormElement): void {
  const standing = document.getElementById("standing");
  const notice = document.getElementById("meanwhile");
  if (!standing || !notice) return;
  const look = () => (notice.hidden = standing.dataset.version === form.dataset.version);
  new MutationObserver(look).observe(standing, { attributes: true, attributeFilter: ["data-version"] });
}
