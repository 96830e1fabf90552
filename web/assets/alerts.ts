// Alerts on every page: the title and the icon tell how many nobody has and how loud the loudest is, a voice
// tells what began and what is over, and buttons and a key take them.
import { text } from "./text";

type Problem = { id: string; health: string; nobody?: boolean; say: string };
type Alarm = { count: number; loudest?: string; blind?: boolean; open: Problem[] };

const ranks: Record<string, number> = { critical: 3, warning: 2 };
const rank = (p: Problem) => ranks[p.health] ?? 1;

// alarms returns what single keys do, and what is to be done after each frame.
export function alarms(): { keys: Record<string, () => void>; arranged: () => void } {
  const title = document.title;
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const icon = link?.href;
  let was: string | undefined;
  let known: Map<string, Problem> | undefined; // of the frame before; none of the first is news

  const arranged = () => {
    const now = document.getElementById("alarm")?.dataset.alarm ?? "";
    if (now === was) return;
    was = now;
    const alarm: Alarm = now ? JSON.parse(now) : { count: 0, open: [] };
    document.title = alarm.blind ? text("alarm_blind", { title }) : alarm.count ? text("alarm_title", { n: String(alarm.count), title }) : title;
    const look = alarm.blind ? "blind" : alarm.loudest;
    if (link && icon) {
      const next = look ? badge(look, alarm.count) : icon;
      if (link.getAttribute("href") !== next) link.setAttribute("href", next);
    }
    const open = new Map(alarm.open.map((p) => [p.id, p]));
    if (known) {
      const before = known;
      const news = alarm.open.filter((p) => p.nobody && rank(p) > (before.has(p.id) ? rank(before.get(p.id)!) : 0));
      say("alarm-loud", news.filter((p) => p.health === "critical"));
      const over = [...before.values()].filter((p) => !open.has(p.id)).map((p) => ({ ...p, say: text("alarm_over", { what: p.say }) }));
      say("alarm-polite", [...news.filter((p) => p.health !== "critical"), ...over]);
    }
    known = open;
  };

  document.addEventListener("submit", async (e) => {
    const form = e.target as HTMLFormElement;
    if (!form.matches("form[data-act]")) return;
    e.preventDefault();
    const button = form.querySelector<HTMLButtonElement>("[type=submit]");
    if (button) button.disabled = true;
    const failed = await act(form);
    if (button) button.disabled = false;
    let problem = form.querySelector<HTMLElement>(".problem");
    if (failed && !problem) {
      problem = document.createElement("span");
      problem.className = "problem";
      problem.setAttribute("role", "alert");
      form.append(problem);
    }
    if (problem) problem.textContent = failed;
  });

  return { keys: taking(), arranged };
}

function say(id: string, problems: Problem[]): void {
  const voice = document.getElementById(id);
  if (voice && problems.length) voice.textContent = problems.map((p) => p.say).join(". ");
}

// act sends a form and returns why it was not done, or nothing. What became of it comes with a frame.
async function act(form: HTMLFormElement): Promise<string> {
  try {
    const body = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, signal: AbortSignal.timeout(8000) });
    if (answer.ok && !answer.redirected) return "";
    if (answer.redirected || answer.status === 401 || answer.status === 403) return text("act_denied");
    return answer.status === 409 || answer.status === 404 ? text("act_taken") : text("act_refused", { status: String(answer.status) });
  } catch {
    return text("act_lost");
  }
}

// taking asks once before the key takes the first problem that nobody has.
function taking(): Record<string, () => void> {
  const dialog = document.getElementById("take") as HTMLDialogElement | null;
  if (!dialog) return {};
  const problem = dialog.querySelector<HTMLElement>(".problem")!;
  let id = "";
  const button = () => document.querySelector<HTMLButtonElement>(`#alerts [data-take="${CSS.escape(id)}"]`);
  const tell = (what: string) => ([problem.textContent, problem.hidden] = [what, !what]);
  dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  const take = async () => {
    const form = button()?.form;
    const failed = form ? await act(form) : text("act_taken");
    if (failed) tell(failed);
    else dialog.close();
  };
  dialog.querySelector("[data-take-now]")?.addEventListener("click", () => void take());
  return {
    a: () => {
      const first = document.querySelector<HTMLElement>("#alerts [data-take]");
      if (!first) return;
      id = first.dataset.take!;
      dialog.querySelector(".what")!.textContent = first.dataset.title ?? "";
      tell("");
      dialog.showModal();
      dialog.querySelector<HTMLElement>("[data-take-now]")?.focus();
    },
  };
}

// badge is the icon of a severity: its shape and colour, with the number.
function badge(look: string, count: number): string {
  const shapes: Record<string, string> = {
    critical: '<path d="M1 1h30v30H1Z" fill="#ff8142"/>',
    warning: '<path d="M16 0 32 31H0Z" fill="#f0e442"/>',
    blind: '<circle cx="16" cy="16" r="13" fill="#14181d" stroke="#ff8142" stroke-width="5" stroke-dasharray="8 5"/>',
  };
  const shape = shapes[look] ?? '<circle cx="16" cy="16" r="15" fill="#9aa7b5"/>';
  const n = look === "blind" ? "" : count > 9 ? "9+" : String(count);
  const y = look === "warning" ? 28 : 24;
  return `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${shape}<text x="16" y="${y}" font-family="sans-serif" font-weight="800" font-size="22" text-anchor="middle" fill="#14181d">${n}</text></svg>`,
  )}`;
}
