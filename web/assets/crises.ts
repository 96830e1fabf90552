// The pages of a crisis: what is due counts down, a live run's forms are sent without leaving the page, so that nothing
// which is typed elsewhere on it is lost, its steps have keys, and the support desk's words are copied by one click. All
// of it works without this.
import { lay } from "./alertpages";
import { copy } from "./sources";
import { lasting, text } from "./text";

const PATIENCE = 12000; // ms for an answer

export function crises(): void {
  // The bar of pages is wider than a telephone: where one is is in sight.
  const pages = document.querySelector<HTMLElement>("nav.pages");
  const here = pages?.querySelector<HTMLElement>("[aria-current]");
  if (pages && here) pages.scrollLeft = here.offsetLeft - (pages.clientWidth - here.offsetWidth) / 2;
  dues();
  quick();
  steps();
  words();
}

// dues counts down to what is due, by the server's clock, and says by how much it is overdue.
function dues(): void {
  const tell = () => {
    const now = document.getElementById("now")?.dataset.at;
    const part = document.querySelector<HTMLElement & { from?: string; ahead?: number }>("[data-now]");
    if (part && part.from !== part.dataset.now) [part.from, part.ahead] = [part.dataset.now, Date.now() - Number(part.dataset.now)];
    const server = part ? Date.now() - part.ahead! : now ? Number(now) : Date.now();
    for (const time of document.querySelectorAll<HTMLElement>("time[data-due]")) {
      const left = Number(time.dataset.due) - server;
      const said = left < 0 ? text("overdue_by", { span: lasting(-left) }) : text("due_in", { span: lasting(left) });
      if (time.textContent !== said) time.textContent = said;
      if (left < 0) time.closest(".due")?.classList.add("critical");
    }
  };
  tell();
  setInterval(tell, 500);
}

// quick sends a form in the background and lays the answer into place. When there is none, what was typed is still there.
function quick(): void {
  document.addEventListener("submit", async (e) => {
    const form = e.target as HTMLFormElement;
    const part = form.closest<HTMLElement>("[data-follow]");
    if (!part || !("quick" in form.dataset)) return;
    e.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const place = document.getElementById("answer")!;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form, e.submitter) as unknown as Record<string, string>),
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (new URL(answer.url).pathname === "/sign-in") return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById(part.id);
      if (!next) throw new Error(String(answer.status));
      if (answer.ok) {
        form.reset();
        if (form.contains(document.activeElement)) form.closest<HTMLElement>(".step")?.focus({ preventScroll: true });
        for (const fold of form.closest(".step, header")?.querySelectorAll<HTMLDetailsElement>("details.fold[open]:not(.step-more)") ?? []) if (fold.contains(form)) fold.open = false;
      }
      place.innerHTML = page.getElementById("answer")?.innerHTML ?? "";
      if (!answer.ok) place.scrollIntoView({ block: "nearest" });
      lay(part, next);
    } catch {
      place.innerHTML = "<p class='refused' role='alert'></p>";
      place.firstElementChild!.textContent = text("not_kept");
      place.scrollIntoView({ block: "nearest" });
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

// steps moves among the steps of a run by j and k; space or enter does the one that has the focus, c comments on it.
function steps(): void {
  if (!document.querySelector(".steps")) return;
  let leader = -1e9; // when g was pressed, which the key of a page follows
  document.addEventListener("keydown", (e) => {
    const at = e.target as HTMLElement;
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (at.closest("input, textarea, select, [contenteditable]")) {
      if (e.key === "Escape") at.closest<HTMLElement>(".step")?.focus();
      return;
    }
    const led = e.timeStamp - leader < 1500;
    leader = e.key === "g" ? e.timeStamp : -1e9;
    if (led) return;
    const all = [...document.querySelectorAll<HTMLElement>(".steps > .step")];
    const here = at.closest<HTMLElement>(".step");
    const i = here ? all.indexOf(here) : all.findIndex((s) => s.classList.contains("now")) - (e.key === "j" ? 1 : 0);
    const to = { j: all[Math.min(all.length - 1, i + 1)], k: all[Math.max(0, i - 1)] }[e.key];
    if (to) {
      e.preventDefault();
      to.focus({ preventScroll: true });
      to.scrollIntoView({ block: "nearest" });
      return;
    }
    if (!here) return;
    if (e.key === "c") {
      e.preventDefault();
      const say = here.querySelector<HTMLInputElement>("form.comment input[name=text]");
      const fold = say?.closest("details");
      if (fold) fold.open = true;
      say?.focus();
    } else if ((e.key === " " || e.key === "Enter") && at === here) {
      e.preventDefault();
      const say = here.querySelector<HTMLInputElement>("form.tick input[name=evidence]");
      if (say && !say.value.trim()) return say.focus();
      (here.querySelector<HTMLElement>(".tick-do") ?? here.querySelector<HTMLElement>(".choose-do"))?.[here.querySelector(".tick-do") ? "click" : "focus"]();
    }
  });
}

// words copies what is to be said, and says that it did.
function words(): void {
  document.addEventListener("click", async (e) => {
    const button = (e.target as Element).closest?.<HTMLButtonElement>("button[data-say]");
    const said = button && document.getElementById(button.dataset.say!);
    if (!button || !said) return;
    const done = await copy(said);
    const was = (button.dataset.label ??= button.textContent!);
    button.textContent = text(done ? "words_copied" : "words_by_hand");
    button.classList.toggle("copied", done);
    const heard = document.getElementById("alarm-polite");
    if (heard) heard.textContent = button.textContent;
    setTimeout(() => {
      button.textContent = was;
      button.classList.remove("copied");
    }, 2500);
  });
}
