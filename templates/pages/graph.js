"use strict";
(() => {
  const { nodes, edges, panels } = data;
  const canvas = byId("canvas"), scene = byId("scene"), details = byId("details"), search = byId("search");
  const shapes = [], byEnds = new Map();
  scene.querySelectorAll("[data-n]").forEach((shape) => { shapes[Number(shape.dataset.n)] = shape; });
  scene.querySelectorAll("[data-e]").forEach((line) => byEnds.set(line.dataset.e, line));
  const lines = edges.map(([a, b]) => byEnds.get(`${a}-${b}`));
  const parents = nodes.map(() => []), children = nodes.map(() => []);
  edges.forEach(([a, b], e) => { parents[b].push([a, e]); children[a].push([b, e]); });
  const texts = nodes.map((n) => [n.label, n.caption, n.stage, n.kind, n.layer, ...n.bake_targets].join(" ").toLowerCase());
  const words = { same: "up to date", changed: "changed", new: "new" };
  let selected = -1, hits = [], hit = -1;

  // ── zoom and pan

  const view = { x: 0, y: 0, k: 1 };
  function show() {
    scene.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
    scene.classList.toggle("far", view.k < 0.3);
    canvas.dataset.zoom = view.k.toFixed(4);
  }
  function size() { const box = canvas.getBoundingClientRect(); return [box.width, box.height]; }
  function zoom(factor, x = size()[0] / 2, y = size()[1] / 2) {
    const k = Math.min(4, Math.max(0.008, view.k * factor));
    view.x = x - (x - view.x) * k / view.k;
    view.y = y - (y - view.y) * k / view.k;
    view.k = k;
    show();
  }
  function fit([x, y, width, height], most = 1.15) {
    const [w, h] = size();
    view.k = Math.max(0.008, Math.min(most, (w - 32) / width, (h - 32) / height));
    view.x = (w - width * view.k) / 2 - x * view.k;
    view.y = height * view.k < h - 32 ? Math.max(16, (h - height * view.k) / 3) - y * view.k : 16 - y * view.k;
    show();
  }
  const all = () => [0, 0, Math.max(1, ...panels.map((p) => p.box[2])), Math.max(1, ...panels.map((p) => p.box[1] + p.box[3]))];
  function goTo(n) {
    const [x, y, w, h] = nodes[n].box, [width, height] = size();
    view.k = Math.max(view.k, 0.8);
    view.x = width / 2 - (x + w / 2) * view.k;
    view.y = height / 2 - (y + h / 2) * view.k;
    show();
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    if (event.shiftKey) { view.x -= event.deltaY || event.deltaX; show(); return; }
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => { pointers.set(event.pointerId, [event.clientX, event.clientY]); moved = 0; });
  window.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const dx = event.clientX - before[0], dy = event.clientY - before[1];
    moved += Math.abs(dx) + Math.abs(dy);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (others.length) {
      const [ox, oy] = others[0], box = canvas.getBoundingClientRect();
      const ratio = Math.hypot(event.clientX - ox, event.clientY - oy) / (Math.hypot(before[0] - ox, before[1] - oy) || 1);
      zoom(ratio, ox - box.left, oy - box.top);
    } else if (moved > 3) {
      canvas.classList.add("dragging");
      view.x += dx; view.y += dy; show();
    }
  });
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, (event) => { pointers.delete(event.pointerId); canvas.classList.remove("dragging"); });
  }

  // ── selecting

  function reach(start, next) {
    const seen = new Set([start]), passed = new Set(), todo = [start];
    while (todo.length) {
      for (const [other, edge] of next[todo.pop()]) {
        passed.add(edge);
        if (!seen.has(other)) { seen.add(other); todo.push(other); }
      }
    }
    return [seen, passed];
  }
  function select(n, moves = false) {
    selected = n;
    scene.classList.toggle("selecting", n >= 0);
    shapes.forEach((shape, i) => shape.classList.toggle("selected", i === n));
    if (n >= 0) {
      const [above, aboveEdges] = reach(n, parents), [below, belowEdges] = reach(n, children);
      shapes.forEach((shape, i) => shape.classList.toggle("near", above.has(i) || below.has(i)));
      lines.forEach((line, e) => line.classList.toggle("near", aboveEdges.has(e) || belowEdges.has(e)));
      if (moves) goTo(n);
      tell(n, above, below);
    } else overview();
    details.scrollTop = 0;
  }
  canvas.addEventListener("click", (event) => {
    if (moved > 3) return;
    const shape = event.target.closest(".node");
    select(shape ? Number(shape.dataset.n) : -1);
  });
  canvas.addEventListener("dblclick", (event) => {
    const shape = event.target.closest(".node");
    if (shape) goTo(Number(shape.dataset.n));
  });

  // ── the panel beside the drawing

  const mark = (sign, state) => el("span", { class: `mark ${state}` }, sign);
  function stageLink(n, seconds = "") {
    const text = `${nodes[n].title}`;
    const inside = el("span", { class: "row" }, mark(nodes[n].mark, nodes[n].state),
      el("span", { class: "grow" }, text, el("span", { class: "muted" }, ` ${nodes[n].caption}`)),
      el("span", { class: "seconds" }, seconds));
    return el("li", {}, el("button", { class: "link", "data-go": n, onclick: () => select(n, true) }, inside));
  }
  const longest = (n) => Math.max(0, ...Object.values(nodes[n].seconds));
  const told = (n) => Object.keys(nodes[n].seconds).length ? duration(longest(n)) : "";
  function list(title, numbers, each = (n) => stageLink(n)) {
    return numbers.length ? [el("h3", {}, `${title} (${numbers.length})`), el("ul", {}, ...numbers.map(each))] : [];
  }
  function pathTo(n) { const found = []; for (let at = n; at >= 0; at = nodes[at].before) found.unshift(at); return found; }

  function tell(n, above, below) {
    const node = nodes[n], facts = el("dl");
    const fact = (name, ...value) => facts.append(el("dt", {}, name), el("dd", {}, ...value));
    fact("kind", `${node.caption} (${node.layer.toLowerCase()})`);
    fact("target", node.target);
    fact("stage", el("code", {}, node.stage));
    fact("runs on", node.kind === "artifact" ? "nothing runs" : node.native ? "the build platform" : "the target's platform");
    if (node.bake_targets.length) fact("bake target", el("code", {}, node.bake_targets.join(", ")));
    const states = Object.entries(node.states).map(([platform, [sign, why]]) => {
      const took = node.seconds[platform];
      return el("li", { class: "row" }, mark(sign, { "=": "same", "~": "changed", "+": "new" }[sign]),
        el("span", { class: "grow" }, why, el("span", { class: "muted" }, ` ${platform}`)),
        el("span", { class: "seconds" }, took === undefined ? "" : duration(took)));
    });
    const images = [...below].filter((i) => nodes[i].bake_targets.length && i !== n).sort((a, b) => a - b);
    const fields = node.fields.length ? [el("li", { class: "muted" }, `of its recipe: ${node.fields.join(", ")}`)] : [];
    const files = node.files.map((path) => el("li", {}, el("code", {}, path)));
    details.replaceChildren(
      el("h2", {}, node.title), facts,
      ...(states.length ? [el("h3", {}, "Why it would be built, or not"), el("ul", {}, ...states)] : []),
      ...(files.length + fields.length ? [el("h3", {}, `Inputs (${files.length} ${files.length === 1 ? "file" : "files"})`), el("ul", {}, ...fields, ...files)] : []),
      ...list("Made from", parents[n].map(([i]) => i)),
      ...list("Needed by", children[n].map(([i]) => i)),
      ...list("In the images", images),
      ...list(data.measured ? `Longest way to it: ${duration(node.total)}` : "Longest way to it", pathTo(n), (i) => stageLink(i, told(i))),
      el("p", { class: "keys" }, `${above.size - 1} stages before it, ${below.size - 1} behind it. Esc: back.`));
  }

  function overview() {
    const count = { same: 0, changed: 0, new: 0 };
    nodes.forEach((node) => { if (node.state) count[node.state] += 1; });
    const bar = el("div", { class: "bar", role: "img", "aria-label": "share of stages that are up to date" },
      ...Object.entries(count).map(([state, number]) => el("span", { class: state, width: `${100 * number / Math.max(1, nodes.length)}%` })));
    const rows = [["=", "same"], ["~", "changed"], ["+", "new"]].map(([sign, state]) => el("li", {},
      el("button", { class: "link", "data-state": state, onclick: () => find(`is:${state}`) },
        el("span", { class: "row" }, mark(sign, state), el("span", { class: "grow" }, words[state]), el("span", { class: "seconds" }, String(count[state]))))));
    const paths = panels.flatMap((panel) => [
      el("h3", {}, panels.length > 1 ? `Critical path: ${panel.target}` : "Critical path"),
      el("p", { class: "notice" }, data.measured
        ? `${duration(panel.seconds)} in ${panel.critical.length} stages, by what earlier bakes took; what was never measured counts as nothing.`
        : `${panel.critical.length} stages, by their number: no bake has told yet how long they take.`),
      el("ul", {}, ...panel.critical.map((n) => stageLink(n, told(n)))),
    ]);
    const colours = [["base", "base image"], ["tool", "build tool"], ["fetch", "fetch"], ["build", "build, artifact"], ["install", "install"], ["image", "image"]];
    details.replaceChildren(
      el("h2", {}, `${nodes.length} stages`), bar, el("ul", {}, ...rows),
      el("p", { class: "notice" }, "Compared with what was built last in this checkout, as edgebake plan does."),
      ...paths,
      el("h3", {}, "Legend"),
      el("ul", { class: "legend" }, ...colours.map(([name, text]) => {
        const swatch = el("span", { class: "swatch" });
        swatch.style.background = `var(--${name})`;
        return el("li", {}, swatch, text);
      })),
      el("p", { class: "notice" }, "Solid line: continues that stage (FROM). Dashed: copies from it."),
      el("p", { class: "keys" }, "Wheel: zoom. Drag: move. / search, Enter next, f fit, c critical path, Esc back."));
  }

  // ── search

  function find(query) { search.value = query; look(); }
  function look() {
    const state = /^is:(same|changed|new)$/.exec(search.value.trim());
    const matches = state ? null : matcher(search.value);
    hits = state ? nodes.flatMap((n, i) => (n.state === state[1] ? [i] : [])) : matches ? texts.flatMap((t, i) => (matches(t) ? [i] : [])) : [];
    hit = -1;
    const on = Boolean(state || matches), found = new Set(hits);
    scene.classList.toggle("searching", on);
    shapes.forEach((shape, i) => shape.classList.toggle("hit", on && found.has(i)));
    byId("found").textContent = on ? (hits.length ? `${hits.length} found` : "none") : "";
  }
  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && hits.length) {
      hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
      byId("found").textContent = `${hit + 1} of ${hits.length}`;
      select(hits[hit], true);
    } else if (event.key === "Escape") { find(""); search.blur(); select(-1); }
  });

  // ── buttons and keys

  function critical(on) {
    scene.classList.toggle("show-critical", on);
    byId("critical").setAttribute("aria-pressed", String(on));
  }
  const toggle = () => critical(byId("critical").getAttribute("aria-pressed") !== "true");
  byId("critical").addEventListener("click", toggle);
  byId("in").addEventListener("click", () => zoom(1.3));
  byId("out").addEventListener("click", () => zoom(1 / 1.3));
  byId("fit").addEventListener("click", () => fit(all()));
  const target = byId("target");
  target.append(el("option", { value: "" }, "All targets"), ...panels.map((p, i) => el("option", { value: i }, p.target)));
  target.hidden = panels.length < 2;
  target.addEventListener("change", () => fit(target.value === "" ? all() : panels[Number(target.value)].box));
  window.addEventListener("keydown", (event) => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const shape = event.target.closest && event.target.closest(".node");
    if (shape && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); select(Number(shape.dataset.n)); return; }
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    const keys = { "/": () => search.focus(), f: () => fit(all()), c: toggle, "+": () => zoom(1.3), "-": () => zoom(1 / 1.3), Escape: () => { find(""); select(-1); } };
    if (step && event.target === canvas) { view.x += step[0]; view.y += step[1]; show(); event.preventDefault(); }
    else if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // ── begin

  nodes.forEach((node, n) => {
    const shape = shapes[n];
    shape.setAttribute("tabindex", "0");
    shape.setAttribute("role", "button");
    if (!node.state) return;
    shape.classList.add(`s-${node.state}`);
    shape.setAttribute("aria-label", `${shape.getAttribute("aria-label")}, ${words[node.state]}`);
    shape.append(svg("text", { class: "mark", x: node.box[2] - 9, y: 19 }, node.mark));
  });
  for (const panel of panels) {
    panel.critical.forEach((n, i) => {
      shapes[n].classList.add("on-critical");
      const line = byEnds.get(`${panel.critical[i - 1]}-${n}`);
      if (!line) return;
      line.classList.add("on-critical");
      line.parentNode.insertBefore(line, line.parentNode.querySelector(".node")); // above the other lines
    });
  }
  critical(true);
  select(-1);
  fit(all());
  window.addEventListener("resize", () => { if (selected < 0) fit(all()); });
})();
