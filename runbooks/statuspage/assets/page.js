// Keeps an open page up to date: it asks for the page again, with its ETag, and takes over what changed. Without this
// script the page is the same, and does not move.
(() => {
  "use strict";
  const stale = 5 * 60 * 1000; // ms between the server's clock and the time of the check, beyond which nobody looks after the page
  const longest = 5 * 60 * 1000;
  const page = () => document.getElementById("page");
  const news = document.getElementById("news");
  if (!page() || !window.fetch || !window.AbortController) return;
  let tag = "";
  let failures = 0;
  let timer = 0;
  let asking = false;

  const frozen = (is) => {
    document.getElementById("frozen").hidden = !is;
  };

  // What was promised is late by the server's clock, not by the reader's.
  const clock = (now) => {
    for (const due of document.querySelectorAll("[data-due]")) {
      const [ahead, late] = due.querySelectorAll("span");
      const over = now >= Date.parse(due.dataset.due);
      ahead.hidden = over;
      late.hidden = !over;
    }
  };

  const take = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    const fresh = next.getElementById("page");
    const style = (of) => of.querySelector("link[rel=stylesheet]")?.getAttribute("href").split("/").pop();
    if (!fresh) throw new Error("not the page");
    if (style(next) !== style(document)) {
      location.reload(); // another version
      return;
    }
    const was = page();
    const told = was.dataset.digest !== fresh.dataset.digest;
    const seen = new Set([...was.querySelectorAll("details")].map((d) => d.id));
    const open = new Set([...was.querySelectorAll("details[open]")].map((d) => d.id));
    for (const d of fresh.querySelectorAll("details")) if (seen.has(d.id)) d.open = open.has(d.id);
    const focused = was.contains(document.activeElement) ? document.activeElement : null;
    const near = focused?.closest("[id]")?.id;
    const kind = focused?.localName;
    const self = was.dataset.self; // fresh is the page of the language, wherever this one is
    const base = new URL(self, location.href);
    for (const a of fresh.querySelectorAll("a[href], img[src]")) {
      const name = a.localName === "a" ? "href" : "src";
      a.setAttribute(name, new URL(a.getAttribute(name), base).href);
    }
    fresh.dataset.self = self;
    was.replaceWith(document.adoptNode(fresh));
    document.title = next.title;
    if (near) {
      const home = document.getElementById(near);
      const to = home && (home.localName === kind ? home : home.querySelector(kind));
      to?.focus({ preventScroll: true });
    }
    if (told) news.textContent = news.dataset.prefix + document.getElementById("headline").textContent;
  };

  const ask = async () => {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 15000);
    try {
      const answer = await fetch(page().dataset.self, { cache: "no-cache", credentials: "omit", signal: stop.signal });
      if (!answer.ok) throw new Error(answer.status);
      const now = Date.parse(answer.headers.get("Date")) || Date.now();
      const is = answer.headers.get("ETag");
      if (!is || is !== tag) take(await answer.text());
      tag = is;
      failures = 0;
      const checked = Date.parse(page().dataset.checked);
      frozen(now - checked > stale);
      clock(now);
    } catch {
      failures++;
      frozen(failures > 1);
    } finally {
      clearTimeout(limit);
      asking = false;
      plan();
    }
  };

  const plan = () => {
    clearTimeout(timer);
    const every = Math.min(longest, page().dataset.poll * 1000 * 2 ** Math.min(failures, 8));
    timer = setTimeout(() => (document.hidden ? plan() : ask()), every * (0.75 + Math.random() / 2));
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
  });
  window.addEventListener("beforeprint", () => {
    for (const d of document.querySelectorAll("details:not([open])")) {
      d.open = true;
      d.dataset.printed = "";
    }
  });
  window.addEventListener("afterprint", () => {
    for (const d of document.querySelectorAll("details[data-printed]")) {
      d.open = false;
      delete d.dataset.printed;
    }
  });
  plan();
})();
