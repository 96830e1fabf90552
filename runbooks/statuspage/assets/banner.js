// The status banner, for any page:
//
//   <script src="https://status.example.fr/banner.js" defer
//           data-lang="fr" data-labels="channel=TF1,region=idf" data-into="#top"></script>
//
// Without data-lang it is in the page's own language, and without data-into at the top of the page. data-labels is what
// the page is about: a banner that is aimed at another channel or region is not shown. It asks banner.json beside it, shows one banner, and remembers what was closed. It
// needs connect-src and script-src of a page's policy to allow where it comes from, and nothing of style-src.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || !window.fetch || !document.documentElement.attachShadow) return;
  const source = new URL("banner.json", script.src);
  const words = {
    fr: { close: "Fermer ce message", more: "En savoir plus", next: "Prochain point avant", drill: "EXERCICE" },
    en: { close: "Close this message", more: "Learn more", next: "Next update by", drill: "DRILL" },
  };
  const wanted = (script.dataset.lang || document.documentElement.lang || navigator.language || "fr").slice(0, 2).toLowerCase();
  const lang = words[wanted] ? wanted : "fr";
  const mine = {};
  for (const pair of (script.dataset.labels || "").split(",")) {
    const at = pair.indexOf("=");
    if (at > 0) mine[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }

  const key = "status-banner-closed";
  const closed = () => {
    try {
      const ids = JSON.parse(localStorage.getItem(key));
      return Array.isArray(ids) ? ids : [];
    } catch {
      return remembered;
    }
  };
  let remembered = []; // where the page may keep nothing
  const close = (id) => {
    remembered = [...closed(), id].slice(-20);
    try {
      localStorage.setItem(key, JSON.stringify(remembered));
    } catch {
      // it comes back with the next page
    }
  };

  const css = `
    :host { all: initial; display: block; }
    .status { font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
    .bar { display: flex; gap: 12px; align-items: flex-start; box-sizing: border-box; padding: 12px 16px; background: #fdf5da; color: #14202b; border-bottom: 2px solid #7d5c00; overflow-wrap: anywhere; }
    .bar.resolved { background: #e7f4ed; border-color: #17754a; }
    .bar.cancelled { background: #e9eef3; border-color: #51606e; }
    .bar.drill { background: #efebfa; border-color: #5b3fa8; border-bottom-style: dashed; }
    .sign { flex: none; width: 22px; height: 22px; color: #7d5c00; }
    .resolved .sign { color: #17754a; }
    .cancelled .sign { color: #51606e; }
    .drill .sign { color: #5b3fa8; }
    .text { flex: 1; min-width: 0; white-space: pre-line; }
    strong { font-weight: 650; }
    a { color: inherit; text-underline-offset: 0.18em; }
    button { flex: none; width: 44px; height: 44px; margin: -10px -12px -10px 0; padding: 0; border: 0; background: none; color: inherit; font: 24px/1 system-ui, sans-serif; cursor: pointer; }
    a:focus-visible, button:focus-visible { outline: 3px solid currentColor; outline-offset: -6px; }
    @media (prefers-color-scheme: dark) {
      .bar { background: #2a2614; color: #f2f5f8; border-color: #f0d264; }
      .bar.resolved { background: #12291f; border-color: #5ccb98; }
      .bar.cancelled { background: #1b232d; border-color: #a3b0bd; }
      .bar.drill { background: #251d3d; border-color: #c3b1ff; }
      .sign { color: #f0d264; } .resolved .sign { color: #5ccb98; } .cancelled .sign { color: #a3b0bd; } .drill .sign { color: #c3b1ff; }
    }
    @media print { :host { display: none; } }`;

  // A live region is there, and empty, before anything is said in it.
  const host = document.createElement("div");
  host.className = "status-banner";
  const root = host.attachShadow({ mode: "open" });
  const status = document.createElement("div");
  status.className = "status";
  status.setAttribute("role", "status");
  root.append(status);
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // an older browser: the banner is plain, and says the same
  }
  const into = script.dataset.into && document.querySelector(script.dataset.into);
  (into || document.body).prepend(host);

  const add = (to, name, text) => {
    const e = document.createElement(name);
    e.textContent = text;
    to.append(e);
    return e;
  };
  const sign = (ok) => {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    for (const [n, v] of Object.entries({ viewBox: "0 0 24 24", class: "sign", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": "2.2", "stroke-linecap": "round", "stroke-linejoin": "round" })) svg.setAttribute(n, v);
    const path = document.createElementNS(ns, "path");
    path.setAttribute("d", ok ? "M12 3a9 9 0 1 0 .01 0M8 12.3l2.8 2.8 5.2-5.7" : "M12 3L2.5 20h19zM12 10v4.5M12 17.4v.1");
    svg.append(path);
    return svg;
  };

  let shown = "";
  const show = (data) => {
    const skip = closed();
    const fits = (b) => Object.entries(b.labels || {}).every(([name, value]) => mine[name] === undefined || mine[name] === value);
    const all = data.active === true && Array.isArray(data.banners) ? data.banners : [];
    const banner = all.find((b) => !skip.includes(b.id) && fits(b));
    const is = banner ? JSON.stringify(banner) : "";
    if (is === shown) return;
    shown = is;
    status.replaceChildren();
    if (!banner) return;
    const l = banner.texts[lang] ? lang : Object.keys(banner.texts)[0];
    const text = banner.texts[l];
    const w = words[lang];
    const over = banner.state === "resolved" || banner.state === "cancelled";
    const bar = add(status, "div", "");
    bar.className = "bar " + (over ? banner.state : "") + (data.drill ? " drill" : "");
    bar.dataset.id = banner.id;
    bar.append(sign(over));
    const say = add(bar, "div", "");
    say.className = "text";
    say.lang = l;
    say.dir = "auto";
    if (data.drill) add(say, "strong", w.drill + " ");
    if (text.title) {
      add(say, "strong", text.title);
      say.append("\n");
    }
    say.append(text.text);
    if (banner.next_by) {
      const [hour, minute] = banner.next_by.slice(11, 16).split(":"); // as the status page says it, in its zone
      if (Date.parse(banner.next_by) > Date.now()) say.append("\n" + w.next + " " + (lang === "fr" ? Number(hour) + "\u202fh\u202f" : hour + ":") + minute + ".");
    }
    if (/^https?:\/\//.test(banner.url || "")) {
      say.append(" ");
      const a = add(say, "a", w.more);
      a.href = banner.url;
      a.rel = "noopener";
    }
    const button = add(bar, "button", "×");
    button.type = "button";
    button.setAttribute("aria-label", w.close);
    button.addEventListener("click", () => {
      close(banner.id);
      show(data);
    });
  };

  // A slow or failing origin is asked less and less, and by nobody at the same moment.
  const longest = 600;
  let every = 30;
  let trouble = 0;
  const ask = async () => {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 10000);
    const began = performance.now();
    try {
      const answer = await fetch(source, { cache: "no-cache", credentials: "omit", signal: stop.signal });
      if (!answer.ok) throw new Error(answer.status);
      const data = await answer.json();
      const age = /max-age=(\d+)/.exec(answer.headers.get("Cache-Control") || "");
      every = Math.min(longest, Math.max(5, Number(data.poll) || 30, age ? Number(age[1]) : 0));
      trouble = performance.now() - began > 3000 ? trouble + 1 : 0;
      show(data);
    } catch {
      trouble++; // what is shown stays
    } finally {
      clearTimeout(limit);
      plan();
    }
  };
  const plan = () => {
    const wait = Math.min(longest, every * 2 ** Math.min(trouble, 10));
    setTimeout(() => (document.hidden ? plan() : ask()), wait * 1000 * (0.75 + Math.random() / 2));
  };
  ask();
})();
