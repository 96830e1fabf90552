// Notes: a dialog to write one, at the cursor's moment or now, and the list, where one's own can be taken
// back. The server sends them to every screen.
import { both } from "./chart";
import type { Cursor } from "./focus";
import { text } from "./text";

// notes returns what is to be done after each frame.
export function notes(cursor: Cursor): () => void {
  const dialog = document.getElementById("note") as HTMLDialogElement | null;
  const form = dialog?.querySelector("form");
  const { user: me, admin } = document.getElementById("focus-tools")?.dataset ?? {};
  const problem = dialog?.querySelector<HTMLElement>(".problem");
  let at: number | undefined; // the cursor's moment when the dialog opened

  document.addEventListener("click", (e) => {
    if (!(e.target as Element).closest?.("[data-note]") || !dialog || !form) return;
    at = cursor.at;
    const now = form.elements.namedItem("when") as RadioNodeList | null;
    const there = dialog.querySelector<HTMLElement>(".there");
    if (there) {
      there.hidden = at === undefined;
      there.querySelector("span")!.textContent = at === undefined ? "" : both(at);
    }
    if (now) now.value = at === undefined ? "now" : "there";
    say("");
    dialog.showModal();
    form.querySelector<HTMLElement>("[name=text]")?.focus();
  });
  dialog?.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());

  const say = (what: string) => {
    if (problem) [problem.textContent, problem.hidden] = [what, !what];
  };

  form?.addEventListener("submit", async (e) => {
    e.preventDefault();
    const match = document.getElementById("marks")?.dataset.match;
    const body = new URLSearchParams({ text: String(new FormData(form).get("text") ?? "").trim() });
    if (!body.get("text")) return say(text("note_empty"));
    const there = new FormData(form).get("when") === "there" && at !== undefined;
    const clock = Number(document.getElementById("now")?.dataset.at ?? Date.now()) / 1000;
    body.set("at", String(Math.round(there ? at! : clock)));
    const button = form.querySelector<HTMLButtonElement>("[type=submit]")!;
    button.disabled = true;
    const failed = await send(`/matches/${encodeURIComponent(match ?? "")}/notes`, body);
    button.disabled = false;
    if (failed) return say(failed);
    form.reset();
    dialog!.close();
  });

  document.addEventListener("submit", async (e) => {
    const remove = e.target as HTMLFormElement;
    if (!remove.matches("form[data-by]")) return;
    e.preventDefault();
    const failed = await send(new URL(remove.action).pathname, new URLSearchParams());
    const heard = document.getElementById("heard");
    if (failed && heard) heard.textContent = failed;
  });

  return () => {
    for (const f of document.querySelectorAll<HTMLFormElement>("form[data-by]")) f.hidden = f.dataset.by !== me && !admin;
  };
}

// send posts a form and returns why it failed, or nothing.
async function send(path: string, body: URLSearchParams): Promise<string> {
  try {
    const answer = await fetch(path, { method: "POST", body, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(8000) });
    if (answer.ok) return "";
    return text(answer.status === 401 || answer.status === 403 ? "note_denied" : "note_refused", { status: String(answer.status) });
  } catch {
    return text("note_lost");
  }
}
