"use strict";
(() => {
  const { steps, rows, runs, totals } = data;
  const chart = byId("chart"), lanes = byId("lanes"), scale = byId("scale"), details = byId("details");
  const search = byId("search"), tip = byId("tip");
  const LABEL = 210, BAR = 20, GAP = 4, onCritical = new Set(data.critical);
  const total = Math.max(totals.seconds, 0.1);
  const texts = steps.map((s) => [...s.names, s.state, s.mode, s.stage].join(" ").toLowerCase());
  const users = steps.map(() => []);
  steps.forEach((s, n) => s.needs.forEach((one) => users[one].push(n)));
  let view = { start: 0, end: total }, selected = -1, hits = [], hit = -1, shapes = [];

  const took = (s) => (s.state === "cached" ? "cached" : duration(s.end - s.start));
  const short = (s) => s.text.replace(/^RUN(\s+--\S+)+\s+/, "RUN ").replace(/\s+/g, " ");
  const title = (s) => (s.stage ? `${s.stage}: ` : "") + short(s);
  const row = (r) => (r.platform ? `${r.bake_target} ${r.platform}` : r.bake_target);

  // ── figures

  function figure(value, text, kind = "") {
    return el("div", { class: `figure ${kind}` }, el("b", {}, value), el("span", {}, text));
  }
  const count = (state) => steps.filter((s) => s.state === state).length;
  const share = (part, whole) => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : "–");
  const most = Math.max(0, ...data.load.map(([, n]) => n));
  byId("figures").append(
    figure(duration(totals.seconds), "from begin to end"),
    figure(duration(totals.critical), `critical path, ${share(totals.critical, totals.seconds)} of it`, "critical"),
    figure(duration(totals.work), "work of all steps"),
    figure(totals.busy > 0 ? `${(totals.work / totals.busy).toFixed(1)} ×` : "–", `side by side on average, ${most} at most`),
    figure(share(totals.emulated, totals.work), "of the work emulated"),
    figure(`${count("cached")} of ${steps.length}`, "steps cached"));

  // ── lanes: steps that ran at the same time stand below each other

  function packed(numbers) {
    const places = new Map(), cached = numbers.filter((n) => steps[n].state === "cached");
    cached.forEach((n) => places.set(n, 0)); // they take no time: one lane is enough
    const ends = cached.length ? [Infinity] : [];
    for (const n of numbers.filter((one) => steps[one].state !== "cached")) {
      const s = steps[n], least = Math.max(s.end, s.start + total / 400);
      let lane = ends.findIndex((end) => end <= s.start + 1e-6);
      if (lane < 0) lane = ends.length;
      ends[lane] = least;
      places.set(n, lane);
    }
    return [places, Math.max(1, ends.length)];
  }
  const boxes = rows.map((r, i) => {
    const numbers = steps.flatMap((s, n) => (s.rows.includes(i) ? [n] : []));
    const [places, height] = packed(numbers);
    const picture = svg("svg", { height: height * (BAR + GAP) + 10, role: "group", "aria-label": row(r) });
    const ran = numbers.filter((n) => steps[n].state !== "cached");
    const label = el("div", { class: "label" }, el("b", {}, r.bake_target),
      el("span", {}, ...(r.mode ? [el("span", { class: `badge ${r.mode}` }, r.mode), " "] : []), r.platform),
      el("span", {}, `${ran.length} ran, ${numbers.length - ran.length} cached`));
    lanes.append(el("div", { class: "lane" }, label, picture));
    return { picture, numbers, places, height };
  });
  const width = () => Math.max(50, chart.clientWidth - LABEL);
  const x = (seconds) => ((seconds - view.start) / (view.end - view.start)) * width();

  function step() {
    const wanted = (view.end - view.start) / Math.max(2, width() / 90);
    const power = 10 ** Math.floor(Math.log10(wanted));
    const nice = wanted >= 1 ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600] : [1, 2, 5, 10].map((k) => k * power);
    return nice.find((one) => one >= wanted) || wanted;
  }
  function ticks() {
    const every = step(), found = [];
    for (let at = Math.ceil(view.start / every) * every; at <= view.end; at += every) found.push(at);
    return found;
  }
  const clock = (s) => (step() < 1 ? `${s.toFixed(step() < 0.1 ? 2 : 1)} s` : s < 60 ? `${Math.round(s)} s` : `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, "0")}`);

  function drawScale() {
    const w = width(), high = 34, most = Math.max(1, ...data.load.map(([, n]) => n));
    scale.replaceChildren();
    scale.append(svg("text", { x: 18, y: 24 }, "steps at once"), svg("text", { x: 18, y: 64 }, "time"));
    const inside = svg("svg", { x: LABEL, width: w, height: 74, overflow: "hidden" });
    const points = data.load.flatMap(([at, n], i) => [[at, i ? data.load[i - 1][1] : 0], [at, n]]);
    const path = points.map(([at, n]) => `${x(at).toFixed(1)} ${(6 + high * (1 - n / most)).toFixed(1)}`).join("L");
    if (path) inside.append(svg("path", { class: "load", d: `M${x(0)} ${high + 6}L${path}Z` }), svg("path", { class: "loadline", d: `M${path}` }));
    for (const at of ticks()) {
      inside.append(svg("line", { x1: x(at), x2: x(at), y1: 44, y2: 74 }), svg("text", { x: x(at) + 5, y: 64 }, clock(at)));
    }
    scale.append(inside);
  }

  function drawBar(n, lane) {
    const s = steps[n], left = x(s.start), right = x(s.end), y = 6 + lane * (BAR + GAP);
    const kind = s.stage || s.runs || /^(FROM|COPY|ADD|WORKDIR)\b/.test(s.text) ? s.mode : "internal";
    const group = svg("g", { class: `bar ${s.state} ${kind}`, "data-n": n, tabindex: "-1", role: "button", "aria-label": `${title(s)}, ${took(s)}, ${s.mode}` });
    if (s.state === "cached") {
      group.append(svg("path", { d: `M${left} ${y + 4}l6 6l-6 6l-6-6z` }));
    } else {
      const w = Math.max(2, right - left);
      group.append(svg("rect", { x: left, y, width: w, height: BAR }));
      const seen = Math.min(right, width()) - Math.max(left, 0);
      if (seen > 46) {
        const room = Math.floor((seen - 12) / 6.3), text = s.stage ? `${s.stage}  ${took(s)}  ${short(s)}` : `${short(s)}  ${took(s)}`;
        group.append(svg("text", { x: Math.max(left, 0) + 6, y: y + 14 }, text.length > room ? `${text.slice(0, Math.max(1, room - 1))}…` : text));
      }
    }
    group.classList.toggle("on-critical", onCritical.has(n));
    return group;
  }
  function draw() {
    shapes = steps.map(() => []);
    drawScale();
    for (const { picture, numbers, places, height } of boxes) {
      picture.replaceChildren();
      const bottom = height * (BAR + GAP) + 10;
      for (const at of ticks()) picture.append(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: 0, y2: bottom }));
      for (const run of runs.slice(1)) picture.append(svg("line", { class: "boundary", x1: x(run.start), x2: x(run.start), y1: 0, y2: bottom }));
      for (const n of numbers) {
        const s = steps[n];
        if (s.end < view.start - total / 50 || s.start > view.end + total / 50) continue;
        const shape = drawBar(n, places.get(n));
        shapes[n].push(shape);
        picture.append(shape);
      }
    }
    chart.dataset.span = (view.end - view.start).toFixed(4);
    paint();
  }

  // ── selecting, search

  function reach(start, next) {
    const seen = new Set([start]), todo = [start];
    while (todo.length) for (const other of next(todo.pop())) if (!seen.has(other)) { seen.add(other); todo.push(other); }
    return seen;
  }
  function paint() {
    const found = new Set(hits), on = Boolean(matcher(search.value));
    const above = selected >= 0 ? reach(selected, (n) => steps[n].needs) : new Set();
    const below = selected >= 0 ? reach(selected, (n) => users[n]) : new Set();
    lanes.classList.toggle("searching", on && selected < 0);
    lanes.classList.toggle("selecting", selected >= 0);
    shapes.forEach((several, n) => several.forEach((shape) => {
      shape.classList.toggle("hit", on && found.has(n));
      shape.classList.toggle("selected", n === selected);
      shape.classList.toggle("near", above.has(n) || below.has(n));
    }));
  }
  function select(n, moves = false) {
    selected = n;
    if (n >= 0 && moves) {
      const s = steps[n], span = view.end - view.start;
      if (s.start < view.start || s.end > view.end) { view = { start: Math.max(0, (s.start + s.end - span) / 2), end: 0 }; view.end = view.start + span; draw(); }
      shapes[n][0]?.scrollIntoView({ block: "nearest" });
    }
    paint();
    if (n >= 0) tell(n); else overview();
    details.scrollTop = 0;
  }
  function look() {
    const matches = matcher(search.value);
    hits = matches ? texts.flatMap((text, n) => (matches(text) ? [n] : [])) : [];
    hit = -1;
    byId("found").textContent = matches ? (hits.length ? `${hits.length} found` : "none") : "";
    paint();
  }
  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && hits.length) {
      hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
      byId("found").textContent = `${hit + 1} of ${hits.length}`;
      select(hits[hit], true);
    } else if (event.key === "Escape") { search.value = ""; look(); search.blur(); select(-1); }
  });

  // ── the panel beside it

  function link(n) {
    const s = steps[n];
    return el("li", {}, el("button", { class: "link", "data-go": n, onclick: () => select(n, true) },
      el("span", { class: "row" }, el("span", { class: "grow" }, title(s).slice(0, 90)), el("span", { class: "seconds" }, took(s)))));
  }
  const list = (heading, numbers) => (numbers.length ? [el("h3", {}, `${heading} (${numbers.length})`), el("ul", {}, ...numbers.map(link))] : []);
  function tell(n) {
    const s = steps[n], facts = el("dl");
    const fact = (name, ...value) => facts.append(el("dt", {}, name), el("dd", {}, ...value));
    fact("state", s.state);
    fact("took", s.state === "cached" ? "nothing" : `${duration(s.end - s.start)}, from ${duration(s.start)} on`);
    fact("ran", s.runs || s.stage ? { native: "natively", cross: "on the build platform, for another one", emulated: "under QEMU" }[s.mode] : "in BuildKit");
    if (s.stage) fact("stage", el("code", {}, s.stage));
    fact("for", s.rows.map((i) => row(rows[i])).join(", "));
    if (runs.length > 1) fact("invocation", `${runs[s.run].number} of ${runs.length}`);
    details.replaceChildren(el("h2", {}, s.stage || "Step"), facts, el("pre", {}, s.text.replace(/ {2,}/g, " \\\n  ")),
      ...(s.error ? [el("h3", {}, "Error"), el("pre", {}, s.error)] : []),
      ...(s.log.length ? [el("h3", {}, "Last lines of its output"), el("pre", {}, s.log.join("\n"))] : []),
      ...list("Waited for", s.needs), ...list("Then came", users[n]));
  }
  function overview() {
    const told = data.critical.filter((n) => steps[n].end - steps[n].start > 0.05 && steps[n].state !== "cached");
    const failed = steps.flatMap((s, n) => (s.state === "failed" ? [n] : []));
    const invocations = runs.map((run) => el("li", { class: "row" }, el("span", { class: "grow" },
      `${run.bake_targets.slice(0, 3).join(", ")}${run.bake_targets.length > 3 ? ` and ${run.bake_targets.length - 3} more` : ""} `,
      el("span", { class: "muted" }, `${run.platforms.join(", ")}${run.attempt > 1 ? `, try ${run.attempt}` : ""}, ${run.outcome}`)),
      el("span", { class: "seconds" }, duration(run.end - run.start))));
    const colours = [["native", "ran natively"], ["cross", "ran on the build platform, for another"], ["emulated", "ran under QEMU"], ["cached", "cached"], ["failed", "failed"], ["own", "BuildKit's own work"]];
    details.replaceChildren(
      el("h2", {}, "Critical path"),
      el("p", { class: "notice" }, steps.length ? `The chain of steps, each waiting for the one before, that took longest: ${duration(totals.critical)}. Only what is on it makes the bake shorter.` : "Nothing ran."),
      el("ul", {}, ...told.map(link)),
      ...list("Failed", failed),
      ...(runs.length ? [el("h3", {}, `Invocations of Buildx (${runs.length})`), el("ul", {}, ...invocations)] : []),
      el("h3", {}, "Legend"), el("ul", { class: "legend" }, ...colours.map(([kind, text]) => el("li", { class: kind }, text))),
      el("p", { class: "keys" }, "Wheel with Ctrl: zoom. Drag: move in time. / search, Enter next, f fit, c critical path, Esc back."));
  }

  // ── zoom and pan

  function zoom(factor, at = width() / 2) {
    const span = view.end - view.start, middle = view.start + (at / width()) * span;
    const wanted = Math.min(total * 1.02, Math.max(total / 2000, 0.02, span / factor));
    shift(middle - (at / width()) * wanted, wanted);
  }
  function shift(start, span = view.end - view.start) {
    const first = Math.min(Math.max(-total * 0.01, start), Math.max(-total * 0.01, total * 1.02 - span));
    view = { start: first, end: first + span };
    draw();
  }
  const fit = () => shift(-total * 0.01, total * 1.03);
  chart.addEventListener("wheel", (event) => {
    const along = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * 0.002), event.clientX - chart.getBoundingClientRect().left - LABEL);
    } else if (along) { event.preventDefault(); shift(view.start + (along / width()) * (view.end - view.start)); }
  }, { passive: false });
  let from = null, moved = 0;
  chart.addEventListener("pointerdown", (event) => { from = event.clientX; moved = 0; });
  window.addEventListener("pointerup", () => { from = null; });
  window.addEventListener("pointermove", (event) => {
    if (from !== null) {
      moved += Math.abs(event.clientX - from);
      if (moved > 3) { shift(view.start - ((event.clientX - from) / width()) * (view.end - view.start)); from = event.clientX; }
    }
    const bar = from === null && event.target.closest ? event.target.closest(".bar") : null;
    tip.hidden = !bar;
    if (bar) {
      const s = steps[Number(bar.dataset.n)];
      tip.replaceChildren(el("b", {}, title(s).slice(0, 200)), el("br"), `${took(s)} · ${s.state} · ${s.mode} · ${s.rows.map((i) => row(rows[i])).join(", ")}`);
      tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 10)}px`;
      tip.style.top = `${event.clientY + 18 + tip.offsetHeight > window.innerHeight ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18}px`;
    }
  });
  lanes.addEventListener("click", (event) => {
    if (moved > 3) return;
    const bar = event.target.closest(".bar");
    select(bar ? Number(bar.dataset.n) : -1);
  });

  function critical(on) {
    lanes.classList.toggle("show-critical", on);
    byId("critical").setAttribute("aria-pressed", String(on));
  }
  const toggle = () => critical(byId("critical").getAttribute("aria-pressed") !== "true");
  byId("critical").addEventListener("click", toggle);
  byId("in").addEventListener("click", () => zoom(1.5));
  byId("out").addEventListener("click", () => zoom(1 / 1.5));
  byId("fit").addEventListener("click", fit);
  window.addEventListener("keydown", (event) => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const span = view.end - view.start;
    const keys = { "/": () => search.focus(), f: fit, c: toggle, "+": () => zoom(1.5), "-": () => zoom(1 / 1.5), Escape: () => { search.value = ""; look(); select(-1); }, ArrowLeft: () => shift(view.start - span / 10), ArrowRight: () => shift(view.start + span / 10) };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  window.addEventListener("resize", draw);

  critical(true);
  fit();
  overview();
})();
