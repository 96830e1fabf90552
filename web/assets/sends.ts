// The pages of sends and of the audience: what would be sent is shown while a form is filled in, the button that sends
// waits for the right number, a form goes once, and a file tells how much of it has gone. All of it works without this.
import { Idiomorph } from "idiomorph";
import { ratio, text } from "./text";

const TYPED = 400; // ms after the last key
const PATIENCE = 12_000; // ms for an answer

export function sends(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-preview]")) preview(form);
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-upload]")) upload(form);
  document.addEventListener("input", (e) => {
    const field = e.target as HTMLInputElement;
    if (field.dataset?.count !== undefined) counted(field);
    chosen(field);
  });
  if (!document.querySelector("body.sends")) return;
  once();
  // The form comes, and is laid anew, while the page follows its send.
  const all = () => document.querySelectorAll<HTMLInputElement>("input[data-count]").forEach(counted);
  all();
  setInterval(all, 250);
}

// once keeps a form from being sent twice by an impatient finger.
function once(): void {
  document.addEventListener("submit", (e) => {
    const form = e.target as HTMLFormElement;
    if (e.defaultPrevented || form.method !== "post") return;
    const buttons = [...form.querySelectorAll<HTMLButtonElement>("button")];
    form.dataset.sent = "true";
    setTimeout(() => buttons.forEach((b) => (b.disabled = true)));
    setTimeout(() => {
      delete form.dataset.sent;
      buttons.forEach((b) => (b.disabled = false));
    }, PATIENCE);
  });
}

// counted lets the button be pressed once the number is the one that would be told. The server holds it, too.
function counted(field: HTMLInputElement): void {
  const typed = field.value.replace(/[\s.,'’]/g, "");
  const right = typed === field.dataset.count;
  const button = field.form?.querySelector("button");
  if (button && !field.form!.dataset.sent) button.disabled = !right;
  field.classList.toggle("right", right);
  field.classList.toggle("wrong", !right && typed.length >= field.dataset.count!.length);
}

// chosen marks the choice that a field belongs to: who types a time means it.
function chosen(field: HTMLElement): void {
  const value = field.closest<HTMLElement>("[data-chooses]")?.dataset.chooses;
  const radio = value && field.closest("fieldset")?.querySelector<HTMLInputElement>(`input[type=radio][value="${value}"]`);
  if (radio) radio.checked = true;
}

// preview shows what the form would make; each part of the answer takes the place of what has its id.
function preview(form: HTMLFormElement): void {
  let timer = 0;
  let asked = 0;
  const show = async () => {
    const mine = ++asked;
    try {
      const body = new URLSearchParams();
      for (const [key, value] of new FormData(form)) if (typeof value === "string") body.append(key, value);
      const answer = await fetch(form.dataset.preview!, { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
      if (answer.redirected) return location.reload(); // signed out
      if (!answer.ok || mine !== asked) return;
      const parts = new DOMParser().parseFromString(await answer.text(), "text/html").body.children;
      for (const part of [...parts]) {
        const old = document.getElementById(part.id);
        if (old) Idiomorph.morph(old, part.outerHTML, { morphStyle: "outerHTML" });
      }
      form.classList.remove("stale");
    } catch {
      // what is shown stays, and is marked as old
    }
  };
  form.addEventListener("input", () => {
    form.classList.add("stale");
    clearTimeout(timer);
    timer = window.setTimeout(() => void show(), TYPED);
  });
  const again = Number(form.dataset.again);
  if (again) setInterval(() => document.visibilityState === "visible" && !form.classList.contains("stale") && void show(), again);
}

// upload sends a file and says how far it is.
function upload(form: HTMLFormElement): void {
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    const place = form.querySelector<HTMLElement>(".sending")!;
    const bar = place.querySelector("progress")!;
    const words = place.querySelector("span")!;
    const button = form.querySelector("button")!;
    place.hidden = false;
    button.disabled = true;
    const request = new XMLHttpRequest();
    request.upload.onprogress = (p) => {
      if (!p.lengthComputable) return;
      bar.max = p.total;
      bar.value = p.loaded;
      words.textContent = p.loaded < p.total ? text("upload_sent", { share: ratio(p.loaded / p.total) }) : text("upload_reading");
    };
    request.onload = () => {
      if (new URL(request.responseURL).pathname !== new URL(form.action).pathname) return location.assign(request.responseURL);
      const next = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main");
      const main = document.querySelector("main")!;
      if (next) main.innerHTML = next.innerHTML;
      scrollTo(0, 0);
      for (const of of main.querySelectorAll<HTMLFormElement>("form[data-upload]")) upload(of);
    };
    request.onerror = () => {
      words.textContent = text("upload_lost");
      button.disabled = false;
    };
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
}
