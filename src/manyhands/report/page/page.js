// Draws every chart of the page with Vega: those in sight first, the others when the browser is idle, all before printing.
(() => {
  "use strict";
  const config = JSON.parse(document.getElementById("config").textContent);
  const waiting = new Set(document.querySelectorAll("figure[data-chart]"));
  const refuse = () => Promise.reject(new Error("this page loads nothing"));
  const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function explain(handler, event, item, value) {
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    const rows = typeof value === "object" ? Object.entries(value) : [["", value]];
    tip.replaceChildren(
      ...rows.map(([name, text]) => {
        const row = document.createElement("div");
        const key = document.createElement("span");
        key.textContent = name;
        row.append(key, String(text));
        return row;
      }),
    );
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const y = event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18;
    tip.style.transform = `translate(${Math.max(8, x)}px, ${y}px)`;
  }

  async function draw(figure) {
    if (!waiting.delete(figure)) return;
    seen.unobserve(figure);
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const options = { mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, tooltip: explain };
    await vegaEmbed(figure.querySelector(".plot"), spec, { ...options, config, loader });
    figure.dataset.drawn = "";
  }

  const seen = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "400px" },
  );
  waiting.forEach((figure) => seen.observe(figure));

  // A table that is wider than its place is shown row by row, each value beside its heading, so that nothing is cut.
  function stack(table) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    table.querySelectorAll("tbody tr").forEach((row) =>
      [...row.children].forEach((cell, place) => (cell.dataset.head = heads[place] ?? "")),
    );
    table.classList.add("stacked");
  }
  // All places are measured before any table changes: the page is laid out once. To measure inside closed details would lay them out.
  function fit(within) {
    const places = [...within.querySelectorAll(".scroll")].filter((place) => !place.closest("details:not([open])"));
    const tables = places.map((place) => place.firstElementChild);
    tables.forEach((table) => table.classList.remove("stacked"));
    const wide = tables.filter((table, number) => table.scrollWidth > places[number].clientWidth + 1);
    wide.forEach(stack);
  }
  document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", () => details.open && fit(details)));
  let width = innerWidth;
  addEventListener("resize", () => width !== innerWidth && ((width = innerWidth), fit(document)));
  fit(document);

  const idle = window.requestIdleCallback || ((call) => setTimeout(call, 50));
  function next() {
    const [figure] = waiting;
    if (!figure) return;
    draw(figure).then(() => idle(next));
  }
  addEventListener("load", () => idle(next));
  addEventListener("beforeprint", () => {
    waiting.forEach(draw);
    document.querySelectorAll("details[data-print]").forEach((details) => (details.open = true));
  });
  addEventListener("scroll", () => (tip.hidden = true), { passive: true });
})();
