// What is said beside the graph, and the search. Texts of the program become text nodes, never markup.

const side = document.getElementById("panel"), tabs = document.getElementById("tabs"), found = document.getElementById("found");
const searchField = document.getElementById("search");
const allBoxes = [];
eachBox(root, (box) => box.kind !== "graph" && allBoxes.push(box));
longest.time = allBoxes.reduce((most, box) => (box.kind === "node" || box.kind === "control" ? Math.max(most, box.time) : most), 0);
/// The boxes that make the values of the graph itself, by name.
const boxOfName = new Map();
for (const box of allBoxes) if (box.graph === root && box.kind !== "module") for (const value of box.gives) boxOfName.set(nameOf(root, value), box);

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const bytes = (count) => (count < 1e3 ? `${count} B` : count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`);
const time = (micro) => (micro < 1e3 ? `${micro.toFixed(1)} µs` : micro < 1e6 ? `${(micro / 1e3).toFixed(2)} ms` : `${(micro / 1e6).toFixed(2)} s`);
const number = (value) => (typeof value === "string" ? value : value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(2) : String(+value.toPrecision(4)));

const section = (title, ...children) => element("section", {}, element("h3", {}, title), ...children);
function table(rows, kind = "") {
  return element("table", { class: kind }, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell)))));
}
const button = (box, text) => element("button", { class: "link", title: "Show in the graph", onclick: () => show(box) }, text);

/// A list of any length, of which only the rows in view are there.
function longList(count, height, makeRow) {
  const inner = element("div", { class: "rows", style: `height:${count * height}px` });
  const list = element("div", { class: "long" }, inner);
  let [first, last] = [-1, -1];
  const update = () => {
    const from = Math.max(0, Math.floor(list.scrollTop / height) - 10), to = Math.min(count, Math.ceil((list.scrollTop + (list.clientHeight || 900)) / height) + 10);
    if (from === first && to === last) return;
    [first, last] = [from, to];
    inner.replaceChildren();
    for (let index = from; index < to; index++) {
      const row = makeRow(index);
      row.style.top = index * height + "px";
      row.style.height = height + "px";
      inner.append(row);
    }
  };
  list.addEventListener("scroll", update);
  new ResizeObserver(update).observe(list);
  list.refresh = () => {
    first = -1;
    update();
  };
  list.reach = (index) => {
    list.scrollTop = Math.max(0, index * height - list.clientHeight / 2);
    list.refresh();
  };
  update();
  return list;
}

function histogram(values, width, height) {
  const space = "http://www.w3.org/2000/svg", picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("width", width);
  picture.setAttribute("height", height);
  picture.setAttribute("class", "histogram");
  picture.setAttribute("preserveAspectRatio", "none");
  const most = Math.max(1, ...values.bins), step = width / values.bins.length;
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", values.bins.map((count, index) => {
    const top = count ? Math.max(1, (count / most) * (height - 1)) : 0;
    return `M${(index * step).toFixed(2)},${height}v${(-top).toFixed(2)}h${(step * 0.86).toFixed(2)}v${top.toFixed(2)}z`;
  }).join(""));
  picture.append(path);
  return picture;
}

function weightDetails(weight) {
  const { values } = weight;
  if (!values) return element("p", { class: "muted" }, "no elements");
  const rows = [["minimum", number(values.minimum)], ["maximum", number(values.maximum)], ["mean", number(values.mean)], ["deviation", number(values.deviation)]];
  if (values.nonFinite) rows.push(["NaN or infinite", String(values.nonFinite)]);
  rows.push(["looked at", `${values.count} elements`]);
  return element("div", { class: "weight-details" }, histogram(values, 240, 60), element("div", { class: "scale" }, element("span", {}, number(values.minimum)), element("span", {}, number(values.maximum))), table(rows, "facts"));
}

// MARK: Tabs

let current = "Program", loweredList = null;

function programTab() {
  const named = (list) => table(list.map((entry) => [entry.name, entry.type]), "mono");
  const counts = new Map();
  for (const box of allBoxes) if (box.node) counts.set(box.node.op, (counts.get(box.node.op) ?? 0) + 1);
  const operators = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const swatch = (op) => element("span", { class: "swatch", style: `background:var(--${familyOf(op)})` });
  return element("div", {},
    section("Inputs", data.inputs.length ? named(data.inputs) : element("p", { class: "muted" }, "none")),
    section("Results", named(data.outputs)),
    data.ranges.length ? section("Sizes", table(data.ranges.map((range) => [range.symbol, range.origin, range.range]), "mono")) : null,
    data.guards.length ? section("Guards: what every call must meet", ...data.guards.map((one) => element("div", { class: "guard" }, element("code", {}, one.condition), element("p", { class: "muted" }, one.message + (one.site ? `  (${one.site})` : ""))))) : null,
    data.mutatedBuffers.length ? section("Calls change these buffers", element("p", { class: "mono" }, data.mutatedBuffers.join(", "))) : null,
    data.lowered?.profile.length ? section(`Time: ${time(data.lowered.total)} a call`, element("p", { class: "muted" }, data.note), table(data.lowered.profile.map((row) => [time(row.microseconds), `${Math.round((100 * row.microseconds) / data.lowered.total)}%`, `${row.count} ×`, row.name]), "mono times")) : null,
    section(`Operators: ${root.count} nodes`, table(operators.map(([op, count]) => [`${count} ×`, element("span", {}, swatch(op), element("button", { class: "link", onclick: () => startSearch(op) }, op))]), "mono")));
}

function weightsTab() {
  const total = data.weights.reduce((sum, weight) => sum + weight.byteCount, 0);
  const heading = element("p", { class: "muted" }, `${data.weights.length} tensors, ${bytes(total)}`);
  const list = longList(data.weights.length, 46, (index) => {
    const weight = data.weights[index];
    return element("div", { class: "weight", onclick: () => showWeight(weight) },
      element("div", {}, element("div", { class: "mono name", title: weight.name }, weight.name), element("div", { class: "mono muted" }, `${weight.type}  ${weight.role === "parameter" ? "" : weight.role}`)),
      weight.values ? histogram(weight.values, 84, 30) : null);
  });
  return element("div", { class: "fill" }, heading, list);
}

function showWeight(weight) {
  const reader = allBoxes.find((box) => box.node && box.reads.some((value) => box.graph.weightOf.get(value) === weight));
  if (reader) return show(reader);
  side.replaceChildren(element("div", {}, element("h2", { class: "mono" }, weight.name), element("p", { class: "mono" }, weight.type), weightDetails(weight)));
}

function loweredTab() {
  const { lines, microseconds } = data.lowered, most = Object.values(microseconds).reduce((most, taken) => Math.max(most, taken), 0);
  const wanted = new Set((view.selected?.gives ?? []).map((value) => nameOf(view.selected.graph, value)));
  const isNear = (line) => wanted.size > 0 && (line.match(/%[^\s,:()[\]=]+/g) ?? []).some((name) => wanted.has(name));
  const list = longList(lines.length, 17, (index) => {
    const row = element("div", { class: "line" + (isNear(lines[index]) ? " near" : "") });
    const taken = microseconds[index];
    if (most > 0) row.append(element("span", { class: "taken", style: taken === undefined ? "" : `--part:${((100 * taken) / most).toFixed(1)}%` }, taken === undefined ? "" : time(taken)));
    // Names of values lead to where they are made.
    for (const part of lines[index].slice(0, 4000).split(/(%[^\s,:()[\]=]+)/)) {
      const box = part.startsWith("%") ? boxOfName.get(part) : null;
      row.append(box ? button(box, part) : document.createTextNode(part));
    }
    return row;
  });
  loweredList = { list, first: lines.findIndex((line, index) => index > 0 && isNear(line)), steps: lines.findIndex((line) => line.startsWith("steps for ")) };
  return element("div", { class: "fill" }, element("p", { class: "muted" }, `As it runs, ${data.note}: passes, the graph after them, the steps. `, element("button", { class: "link", onclick: () => loweredList.list.reach(loweredList.steps + 10) }, "To the steps")), list);
}

function selectionTab() {
  const box = view.selected;
  if (!box) return element("p", { class: "muted" }, "Click on a node.");
  const { graph, node } = box, parts = [];
  const typeOf = (value) => (typeof value === "string" ? "known in a run" : graph.types.get(value) ?? "");
  const valueRow = (value) => {
    const weight = graph.weightOf.get(value), maker = graph.makers.get(value), name = nameOf(graph, value);
    return [weight ? element("span", { title: weight.name }, weight.name) : maker ? button(maker, name) : name, typeOf(value)];
  };
  parts.push(element("h2", {}, element("span", { class: "swatch", style: `background:${colorOf(box)}` }), node ? node.op : box.kind === "module" ? box.path : box.title));
  if (box.kind === "module") {
    parts.push(element("p", { class: "mono" }, box.type), element("p", {}, `${box.count} nodes${box.time ? ", " + time(box.time) : ""}  `, element("button", { onclick: () => toggle(box) }, box.isOpen ? "Fold" : "Unfold")));
  }
  if (node) {
    const facts = [];
    if (node.site) facts.push(["source", node.site]);
    const path = [];
    for (let at = box.parent; at && at.kind === "module"; at = at.parent) path.unshift(at);
    if (path.length) facts.push(["module", element("span", {}, button(path.at(-1), path.at(-1).path), " " + path.at(-1).type)]);
    if (box.modulePath) facts.push(["in", box.modulePath]);
    if (node.origin) facts.push(["made by", node.origin]);
    if (node.microseconds !== undefined) facts.push(["time alone", time(node.microseconds)]);
    if (facts.length) parts.push(table(facts, "facts"));
    parts.push(element("pre", { class: "call" }, node.text));
    if (box.children) parts.push(element("p", {}, element("button", { onclick: () => toggle(box) }, box.isOpen ? "Fold its bodies" : "Unfold its bodies")));
  }
  if (box.reads.length) parts.push(section("Reads", table(box.reads.map(valueRow), "mono")));
  if (box.gives.length) {
    parts.push(section("Gives", table(box.gives.map((value) => [nameOf(graph, value), typeOf(value)]), "mono")));
    const readers = [...new Set(box.gives.flatMap((value) => (graph.readers.get(value) ?? []).map((reader) => reader.box)))];
    if (readers.length) parts.push(section("Read by", element("p", { class: "readers" }, ...readers.slice(0, 60).map((reader) => button(reader, reader.kind === "output" ? "result" : reader.gives.length ? nameOf(graph, reader.gives[0]) : reader.title)))));
  } else if (box.detail) parts.push(element("p", { class: "mono" }, box.detail));
  const held = box.kind === "module" ? [] : box.reads.map((value) => graph.weightOf.get(value)).filter((weight) => weight);
  for (const weight of held) parts.push(section(weight.name, element("p", { class: "mono" }, `${weight.type}  ${bytes(weight.byteCount)}`), weightDetails(weight)));
  return element("div", {}, ...parts);
}

const allTabs = { Selection: selectionTab, Program: programTab, Weights: weightsTab, ...(data.lowered ? { Lowered: loweredTab } : {}) };

function render() {
  tabs.replaceChildren(...Object.keys(allTabs).map((name) => element("button", { role: "tab", "aria-selected": String(name === current), onclick: () => openTab(name) }, name)));
  side.replaceChildren(allTabs[current]());
  if (current === "Lowered" && loweredList.first > 0) loweredList.list.reach(loweredList.first);
}

function openTab(name) {
  current = name;
  render();
}

function select(box) {
  view.selected = box;
  if (box && current !== "Lowered") current = "Selection";
  render();
  redraw();
}

function show(box) {
  reveal(box);
  select(box);
}

// MARK: Search

let results = [], position = -1;

/// The boxes whose name, operator, module, or place in the source holds all words.
function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word);
  if (!words.length) return [];
  return allBoxes.filter((box) => {
    const names = box.gives.map((value) => nameOf(box.graph, value));
    const path = box.kind === "module" ? box.path + " " + box.type : box.modulePath ?? (box.parent.kind === "module" ? box.parent.path : "");
    const own = [box.title, box.node?.op, box.node?.site, path, ...(box.kind === "module" ? [] : names)].join(" ").toLowerCase();
    return words.every((word) => own.includes(word));
  });
}

function startSearch(text) {
  searchField.value = text;
  results = search(text);
  position = -1;
  found.hidden = !text.trim();
  const name = (box) => (box.kind === "module" ? box.path : box.gives.length ? nameOf(box.graph, box.gives[0]) : box.title);
  found.replaceChildren(
    element("li", { class: "muted" }, `${results.length} found` + (results.length > 200 ? ", the first 200:" : "")),
    ...results.slice(0, 200).map((box, index) => element("li", { class: "hit", onclick: () => goTo(index) }, element("span", { class: "swatch", style: `background:${colorOf(box)}` }), name(box), element("span", { class: "muted" }, "  " + (box.node ? box.node.op : box.kind === "module" ? box.type : box.kind)))));
}

function goTo(index) {
  if (!results.length) return;
  position = (index + results.length) % results.length;
  [...found.children].forEach((item, at) => item.classList.toggle("now", at === position + 1));
  found.children[position + 1]?.scrollIntoView({ block: "nearest" });
  show(results[position]);
}

// MARK: The page

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  readColors();
  redraw();
}

function setUp() {
  document.getElementById("title").textContent = data.title;
  const total = data.weights.reduce((sum, weight) => sum + weight.byteCount, 0);
  const several = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const facts = [several(root.count, "node")];
  if (data.weights.length) facts.push(`${several(data.weights.length, "weight")}, ${bytes(total)}`);
  if (data.ranges.length) facts.push(several(data.ranges.length, "free size"));
  if (data.guards.length) facts.push(several(data.guards.length, "guard"));
  if (data.lowered?.total) facts.push(`${time(data.lowered.total)} a call`);
  document.getElementById("summary").textContent = facts.join("  ·  ");
  const used = new Set(allBoxes.filter((box) => box.node).map((box) => box.family));
  document.getElementById("legend").append(...[...FAMILIES.map(([name]) => name), "pointwise"].filter((name) => used.has(name)).map((name) => element("span", {}, element("span", { class: "swatch", style: `background:var(--${name})` }), name)));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  const click = (id, act) => document.getElementById(id).addEventListener("click", act);
  click("fold", () => setOpen(() => false));
  click("unfold", unfoldOne);
  click("fit", () => fit());
  click("theme", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  searchField.addEventListener("input", () => startSearch(searchField.value));
  searchField.addEventListener("keydown", (event) => {
    if (event.key === "Enter") goTo(position + (event.shiftKey ? -1 : 1));
    if (event.key === "Escape") {
      startSearch("");
      canvas.focus();
    }
  });
  addEventListener("keydown", (event) => {
    if (event.target === searchField || event.ctrlKey || event.metaKey) return;
    const middle = [stage.clientWidth / 2, stage.clientHeight / 2];
    const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (event.key === "/") searchField.focus();
    else if (event.key === "f") fit();
    else if (event.key === "+" || event.key === "=") zoom(1.25, ...middle);
    else if (event.key === "-") zoom(0.8, ...middle);
    else if (event.key === "Enter" && view.selected && event.target === canvas) toggle(view.selected);
    else if (event.key === "Escape") select(null);
    else if (move && event.target === canvas) {
      [view.x, view.y] = [view.x + move[0], view.y + move[1]];
      redraw();
    } else return;
    event.preventDefault();
  });
  const divider = document.getElementById("divider");
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    const follow = (move) => document.documentElement.style.setProperty("--side", Math.min(innerWidth - 240, Math.max(220, innerWidth - move.clientX)) + "px");
    divider.addEventListener("pointermove", follow);
    divider.addEventListener("pointerup", () => divider.removeEventListener("pointermove", follow), { once: true });
  });
  setUpMoving();
  render();
  openAtFirst();
}
setUp();
