"use strict";
// The graph as a tree of boxes, and where they stand.
//
// A box is a node, a module, an input or output, a control node with its bodies, or the body of one. Within a box that is open its children stand
// in layers by the longest path; a value that goes down over several layers passes through a point in each. Values enter and leave an open box
// at points on its border, so that each box is laid out by itself, and once.

const HEADER = 24, PAD = 14, LAYER_GAP = 40, BOX_GAP = 22, POINT_GAP = 12, ROW = 15;
// Points for values that pass layers; beyond, a value is drawn as one curve.
const MOST_POINTS = 40000, LONGEST_SPAN = 60;

const measure = (() => {
  const context = document.createElement("canvas").getContext("2d");
  const known = new Map();
  return (text, font) => {
    const key = font + text;
    let width = known.get(key);
    if (width === undefined) {
      context.font = font;
      known.set(key, (width = context.measureText(text).width));
    }
    return width;
  };
})();
const TITLE_FONT = "600 12.5px system-ui, sans-serif", SMALL_FONT = "10.5px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";

const shortName = (op) => op.replace(/^[^:]*::/, "").replace(/\.[A-Za-z0-9_]+$/, "");
/// What a value is called: `%add`, and a symbol by its name.
const nameOf = (graph, value) => (typeof value === "string" ? value : "%" + graph.names.get(value));
const shorten = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

// What an operator does, by the words of its name; the first row that has one of them.
const FAMILIES = [
  ["control", /cond|while|scan|assert|invoke|call/],
  ["product", /linear|matmul|^mm|addmm|bmm|conv|einsum|attention|lstm|gru|rnn|^dot|outer/],
  ["norm", /norm|softmax|logsumexp/],
  ["activation", /relu|gelu|silu|sigmoid|tanh|elu|hard|mish|softplus|dropout|swish/],
  ["index", /embedding|gather|scatter|index|take|where|masked|sort|topk|nonzero|unique|bucket|search/],
  ["reduction", /sum|mean|amax|amin|aminmax|argm|max|min|prod|cum|pool|any|all|var|std|median|norm/],
  ["shape", /view|reshape|permute|transpose|^t$|expand|slice|select|cat|stack|squeeze|split|chunk|flatten|copy|clone|alias|pad|roll|flip|repeat|unbind|unfold|narrow|movedim|tile|contiguous|detach|^to$|upsample/],
  ["creation", /zeros|ones|full|arange|rand|eye|empty|linspace|tril|triu|scalar_tensor|bernoulli|multinomial/],
];
const familyOf = (() => {
  const known = new Map();
  return (op) => {
    if (!known.has(op)) known.set(op, (FAMILIES.find(([, words]) => words.test(shortName(op))) ?? ["pointwise"])[0]);
    return known.get(op);
  };
})();

// MARK: Boxes

let boxCount = 0;
function makeBox(kind, parent, title, detail = "") {
  return { id: boxCount++, kind, parent, title, detail, children: null, isOpen: false, layout: null, x: 0, y: 0, w: 0, h: 0, reads: [], gives: [], count: 0, time: 0 };
}

/// The box of a graph, with those of all that stands in it.
function makeGraph(data, parent, title, weights) {
  const graph = makeBox("graph", parent, title);
  graph.isOpen = true;
  graph.children = [];
  graph.data = data;
  const types = new Map(), names = new Map(), makers = new Map(), readers = new Map(), weightOf = new Map();
  Object.assign(graph, { types, names, makers, readers, weightOf });
  const note = (value, name, type, maker) => {
    types.set(value, type);
    names.set(value, name);
    if (maker) makers.set(value, maker);
  };
  for (const input of data.inputs) {
    if (input.weight !== undefined) {
      weightOf.set(input.value, weights[input.weight]);
      note(input.value, input.name, input.type);
      continue;
    }
    const box = makeBox("input", graph, input.name, input.type);
    box.graph = graph;
    box.gives = [input.value];
    note(input.value, input.name, input.type, box);
    graph.children.push(box);
  }
  const modules = data.modules.map((run) => {
    const box = makeBox("module", null, run.path, run.type);
    Object.assign(box, { graph, path: run.path, type: run.type, children: [] });
    return box;
  });
  data.modules.forEach((run, index) => {
    modules[index].parent = run.parent === undefined ? graph : modules[run.parent];
  });
  const placed = new Set();
  const place = (box) => {
    // A module stands where its first node does.
    if (box.kind === "module" && placed.has(box)) return;
    placed.add(box);
    if (box.parent !== graph) place(box.parent);
    box.parent.children.push(box);
  };
  data.nodes.forEach((node, position) => {
    const box = makeBox(node.bodies.length ? "control" : "node", node.module === undefined ? graph : modules[node.module], shortName(node.op));
    Object.assign(box, { graph, node, position, family: familyOf(node.op), count: 1, time: node.microseconds ?? 0 });
    // A symbol that only a run knows goes from node to node as a value does, by its name.
    box.reads = node.reads.concat(node.readsSymbols ?? []);
    box.gives = node.gives.map((result) => result.value).concat(node.makesSymbols ?? []);
    const held = node.reads.filter((value) => weightOf.has(value)).map((value) => {
      const weight = weightOf.get(value), shape = weight.type.replace(/^[a-z0-9]+/, "");
      return weight.name.split(".").pop() + " " + shape;
    });
    box.details = held.slice(0, 3).map((text) => shorten(text, 40));
    if (held.length > 3) box.details.push(`and ${held.length - 3} more`);
    if (node.condition) box.details.unshift(shorten(node.condition, 40));
    if (node.bodies.length) {
      box.children = node.bodies.map((body) => makeGraph(body.graph, box, body.name, []));
      box.count += box.children.reduce((sum, body) => sum + body.count, 0);
      box.isOpen = box.count <= 60;
    }
    for (const result of node.gives) note(result.value, result.name, result.type, box);
    for (const symbol of node.makesSymbols ?? []) note(symbol, symbol, symbol, box);
    place(box);
  });
  data.outputs.forEach((output, position) => {
    const box = makeBox("output", graph, output.text, output.type);
    Object.assign(box, { graph, position, reads: output.value === undefined ? [] : [output.value] });
    graph.children.push(box);
  });
  finish(graph);
  return graph;
}

/// Counts, times, and the values that cross the borders of modules; modules of one box become that box.
function finish(box) {
  if (box.kind === "module" || box.kind === "graph") {
    for (const child of box.children) if (child.kind === "module") finish(child);
    box.children = box.children.map((child) => {
      if (child.kind !== "module" || child.children.length !== 1) return child;
      const [only] = child.children;
      only.parent = box;
      if (only.kind !== "module") only.modulePath = only.modulePath ?? child.path;
      return only;
    });
    box.count = box.children.reduce((sum, child) => sum + child.count, 0);
    box.time = box.children.reduce((sum, child) => sum + child.time, 0);
  }
  if (box.kind !== "module") return;
  const own = new Set(box.children.flatMap((child) => child.gives));
  const read = new Set(box.children.flatMap((child) => child.reads));
  box.reads = [...read].filter((value) => !own.has(value) && !box.graph.weightOf.has(value));
  // What nobody outside reads is found below, when all readers are known.
  box.gives = [...own];
}

/// Leaves of modules' values those that are read outside.
function findReaders(graph) {
  const visit = (box, within) => {
    if (box.kind === "module") return box.children.forEach((child) => visit(child, [...within, box]));
    for (const value of box.reads) {
      const list = graph.readers.get(value) ?? [];
      list.push({ box, within });
      graph.readers.set(value, list);
    }
    if (box.kind === "control") box.children.forEach(findReaders);
  };
  graph.children.forEach((child) => visit(child, []));
  const trim = (box) => {
    if (box.kind !== "module") return;
    box.children.forEach(trim);
    box.gives = box.gives.filter((value) => (graph.readers.get(value) ?? []).some((reader) => !reader.within.includes(box)));
  };
  graph.children.forEach(trim);
}

// MARK: Layers

const isPoint = (place) => place.box === null;

/// Sizes of a box, and of all that is shown in it. What has been laid out stays.
function layOut(box) {
  if (box.layout) return;
  box.layout = {};
  if (box.isOpen && box.kind === "control") return layOutBodies(box);
  if (box.isOpen && box.children) return layOutChildren(box);
  const lines = box.kind === "module" ? [`${shorten(box.type, 32)}`, `${box.count} nodes`] : box.kind === "node" || box.kind === "control" ? box.details : [shorten(box.detail, 48)];
  box.lines = lines.filter((line) => line);
  if (box.kind === "control") box.lines.push(`${box.children.length} ${box.children.length === 1 ? "body" : "bodies"}, ${box.count - 1} nodes`);
  box.label = shorten(box.kind === "module" ? moduleLabel(box) : box.title, 48);
  const widest = Math.max(measure(box.label, TITLE_FONT) + (box.children ? 22 : 0), ...box.lines.map((line) => measure(line, SMALL_FONT)));
  box.w = Math.max(56, Math.ceil(widest) + 24);
  box.h = 26 + box.lines.length * ROW + (box.lines.length ? 4 : 0);
}

/// What a module is called beside the one around it.
function moduleLabel(box) {
  const around = box.parent.kind === "module" ? box.parent.path + "." : "";
  return around && box.path.startsWith(around) ? box.path.slice(around.length) : box.path;
}

function layOutBodies(box) {
  box.label = shorten(box.title + (box.node.condition ? `  ${box.node.condition}` : ""), 60);
  let x = PAD, height = 0;
  for (const body of box.children) {
    layOut(body);
    Object.assign(body, { x, y: HEADER + PAD / 2 });
    x += body.w + PAD;
    height = Math.max(height, body.h);
  }
  box.w = Math.max(x, measure(box.label, TITLE_FONT) + 60);
  box.h = HEADER + PAD * 1.5 + height;
  box.layout = { entries: new Map(), exits: new Map() };
}

function layOutChildren(box) {
  const { children } = box;
  children.forEach(layOut);
  const makers = new Map(), places = [];
  const add = (inner, w, h, extra) => {
    const place = { box: inner, w, h, x: 0, y: 0, layer: 0, order: places.length, up: [], down: [], ...extra };
    places.push(place);
    return place;
  };
  const entries = new Map(), exits = new Map(), placeOf = new Map();
  const isModule = box.kind === "module";
  if (isModule) for (const value of box.reads) entries.set(value, makers.set(value, add(null, 1, 0, { entry: true })).get(value));
  for (const child of children) {
    const place = add(child, child.w, child.h);
    placeOf.set(child, place);
    for (const value of child.gives) makers.set(value, place);
  }
  if (isModule) for (const value of box.gives) exits.set(value, add(null, 1, 0, { exit: true }));
  const links = new Map();
  const link = (value, to) => {
    const from = makers.get(value);
    if (!from || from === to) return;
    const key = from.order + ":" + value;
    if (!links.has(key)) links.set(key, { value, from, to: [] });
    links.get(key).to.push(to);
  };
  for (const child of children) for (const value of child.reads) link(value, placeOf.get(child));
  for (const [value, place] of exits) link(value, place);

  // Places stand in an order that can be run, so one pass finds the longest paths.
  const incoming = places.map(() => []);
  for (const one of links.values()) for (const to of one.to) incoming[to.order].push(one.from);
  for (const place of places) for (const from of incoming[place.order]) place.layer = Math.max(place.layer, from.layer + 1);
  // What reads nothing stands right above what reads it.
  const nearest = new Map();
  for (const one of links.values()) for (const to of one.to) nearest.set(one.from, Math.min(nearest.get(one.from) ?? Infinity, to.layer));
  for (const place of places) if (!place.entry && !incoming[place.order].length && nearest.has(place)) place.layer = nearest.get(place) - 1;
  const last = places.reduce((most, place) => Math.max(most, place.layer + (place.exit || !exits.size ? 0 : 1)), 0);
  for (const place of exits.values()) place.layer = last;
  if (entries.size && places.some((place) => !place.entry && place.layer === 0)) for (const place of places) if (!place.entry) place.layer += 1;

  // A value goes through one point in each layer that it passes, however many read it below.
  const segments = [], curves = [];
  let points = 0;
  const connect = (from, to, value) => {
    const segment = { from, to, value };
    segments.push(segment);
    from.down.push(segment);
    to.up.push(segment);
  };
  for (const { value, from, to } of links.values()) {
    to.sort((a, b) => a.layer - b.layer);
    let end = from;
    for (const target of to) {
      const span = target.layer - end.layer;
      if (span > LONGEST_SPAN || points + span > MOST_POINTS) {
        curves.push({ from, to: target, value });
        continue;
      }
      while (end.layer < target.layer - 1) {
        const next = add(null, 1, 0, { layer: end.layer + 1, value });
        points += 1;
        connect(end, next, value);
        end = next;
      }
      connect(end, target, value);
    }
  }
  const layers = [];
  for (const place of places) (layers[place.layer] ??= []).push(place);
  for (let index = 0; index < layers.length; index++) layers[index] ??= [];
  orderLayers(layers, places.length);
  placeAcross(layers, box, places.length);
  placeDown(layers, box, exits);
  for (const place of places) if (place.box) Object.assign(place.box, { x: place.x - place.w / 2, y: place.y });
  const inner = { places, layers, segments, curves, entries, exits };
  spreadEnds(inner);
  box.layout = inner;
  box.label = shorten(isModule ? moduleLabel(box) : box.title, 48);
}

/// Puts each place near those that it is linked with, sweeping down and up; the order with the fewest crossings stays.
function orderLayers(layers, size) {
  const number = () => layers.forEach((layer) => layer.forEach((place, index) => (place.index = index)));
  const sweep = (list, links, end) => {
    for (const layer of list) {
      for (const place of layer) {
        const near = place[links];
        place.wish = near.length ? near.reduce((sum, segment) => sum + segment[end].index, 0) / near.length : place.index;
      }
      layer.sort((a, b) => a.wish - b.wish || a.index - b.index);
      layer.forEach((place, index) => (place.index = index));
    }
  };
  number();
  if (layers.every((layer) => layer.length < 2)) return;
  let best = layers.map((layer) => [...layer]), fewest = crossings(layers);
  for (let round = 0; round < (size > 4000 ? 3 : 10) && fewest > 0; round++) {
    if (round % 2 === 0) sweep(layers.slice(1), "up", "from");
    else sweep([...layers].reverse().slice(1), "down", "to");
    const count = crossings(layers);
    if (count < fewest) [best, fewest] = [layers.map((layer) => [...layer]), count];
  }
  best.forEach((layer, index) => (layers[index] = layer));
  number();
}

/// How often lines between neighbouring layers cross.
function crossings(layers) {
  let count = 0;
  for (let index = 1; index < layers.length; index++) {
    const width = layers[index - 1].length, tree = new Int32Array(width + 1);
    let seen = 0;
    for (const place of layers[index]) {
      const ends = place.up.map((segment) => segment.from.index).sort((a, b) => a - b);
      for (const end of ends) {
        let below = 0;
        for (let at = end + 1; at > 0; at -= at & -at) below += tree[at];
        count += seen - below;
      }
      for (const end of ends) {
        seen += 1;
        for (let at = end + 1; at <= width; at += at & -at) tree[at] += 1;
      }
    }
  }
  return count;
}

const endOffset = (place, value, which) => {
  const inner = place.box?.isOpen ? place.box.layout?.[which]?.get(value) : null;
  return inner ? inner.x - place.w / 2 : 0;
};

/// How much the types of what a place gives take beside its line.
function labelRoom(place, box) {
  if (isPoint(place) || place.box.kind === "input" || !place.down.length) return 0;
  const { types } = box.kind === "module" ? box.graph : box;
  return place.down.reduce((most, { value }) => Math.max(most, measure(shorten(types.get(value) ?? "", 40), SMALL_FONT)), 0) + 8;
}

/// Places within each layer, as near to straight lines as their order and widths let them.
function placeAcross(layers, box, size) {
  const gap = (a, b) => (a.w + b.w) / 2 + (isPoint(a) && isPoint(b) ? POINT_GAP : BOX_GAP);
  for (const layer of layers) {
    let x = 0;
    layer.forEach((place, index) => {
      x += index ? gap(layer[index - 1], place) : place.w / 2;
      place.x = x;
    });
  }
  const settle = (layer, sides) => {
    // Weighted least squares under 'each right of the one before': pool neighbours that would overlap.
    const blocks = [];
    let shift = 0;
    layer.forEach((place, index) => {
      if (index) shift += gap(layer[index - 1], place);
      let weight = 0, sum = 0;
      const pull = (x, other) => {
        const strength = isPoint(place) && isPoint(other) ? 6 : isPoint(place) || isPoint(other) ? 2 : 1;
        weight += strength;
        sum += strength * x;
      };
      if (sides & 1) for (const { from, value } of place.up) pull(from.x + endOffset(from, value, "exits") - endOffset(place, value, "entries"), from);
      if (sides & 2) for (const { to, value } of place.down) pull(to.x + endOffset(to, value, "entries") - endOffset(place, value, "exits"), to);
      if (!weight) [weight, sum] = [0.05, 0.05 * place.x];
      let block = { first: index, weight, sum: sum - weight * shift };
      place.shift = shift;
      while (blocks.length && blocks.at(-1).sum / blocks.at(-1).weight > block.sum / block.weight) {
        const before = blocks.pop();
        block = { first: before.first, weight: before.weight + block.weight, sum: before.sum + block.sum };
      }
      blocks.push(block);
    });
    blocks.forEach((block, index) => {
      const end = index + 1 < blocks.length ? blocks[index + 1].first : layer.length;
      for (let at = block.first; at < end; at++) layer[at].x = block.sum / block.weight + layer[at].shift;
    });
  };
  const backwards = [...layers].reverse();
  for (let round = 0; round < (size > 4000 ? 3 : 8); round++) {
    layers.forEach((layer) => settle(layer, 1));
    backwards.forEach((layer) => settle(layer, 2));
  }
  layers.forEach((layer) => settle(layer, 3));
  let [left, right] = [Infinity, -Infinity];
  for (const layer of layers) {
    if (!layer.length) continue;
    left = Math.min(left, layer[0].x - layer[0].w / 2);
    const end = layer.at(-1);
    right = Math.max(right, end.x + end.w / 2, end.x + labelRoom(end, box));
  }
  if (left > right) [left, right] = [0, 0];
  const title = measure(shorten(box.kind === "module" ? moduleLabel(box) + "  " + box.type : box.title, 60), TITLE_FONT) + 40;
  const width = Math.max(right - left + 2 * PAD, title), inset = (width - (right - left)) / 2;
  for (const layer of layers) for (const place of layer) place.x += inset - left;
  box.w = width;
}

function placeDown(layers, box, exits) {
  const top = box.parent ? HEADER : 0;
  let y = top;
  layers.forEach((layer, index) => {
    const height = layer.reduce((most, place) => Math.max(most, place.h), 0);
    const isEntry = index === 0 && layer.length && layer.every((place) => place.entry);
    if (isEntry) y = 0;
    else if (index === 0) y = top + PAD;
    for (const place of layer) Object.assign(place, isPoint(place) ? { y, h: height } : { y: y + (height - place.h) / 2 });
    y += height + (isEntry ? top + PAD : LAYER_GAP);
  });
  box.h = (layers.length ? y - LAYER_GAP : top) + (exits.size ? 0 : PAD);
}

/// Where on its box each line ends: side by side, in the order of the other ends, or where it enters and leaves an open box.
function spreadEnds({ places, segments, curves }) {
  for (const segment of [...segments, ...curves]) {
    const { from, to, value } = segment;
    const open = (place, which) => (place.box?.isOpen && place.box.layout?.[which]?.has(value) ? place.x + endOffset(place, value, which) : null);
    segment.x1 = open(from, "exits") ?? from.x;
    segment.x2 = open(to, "entries") ?? to.x;
    segment.y1 = from.y + from.h;
    segment.y2 = to.y;
  }
  for (const place of places) {
    if (isPoint(place) || (place.box.isOpen && place.box.kind === "module")) continue;
    const spread = (list, own, other) => {
      const byValue = new Map();
      for (const segment of list) {
        if (!byValue.has(segment.value)) byValue.set(segment.value, []);
        byValue.get(segment.value).push(segment);
      }
      const groups = [...byValue.values()].sort((a, b) => a[0][other] - b[0][other]);
      const step = Math.min(16, (place.w - 24) / Math.max(groups.length, 1));
      groups.forEach((group, index) => group.forEach((segment) => (segment[own] = place.x + (index - (groups.length - 1) / 2) * step)));
    };
    spread(place.up, "x2", "x1");
    spread(place.down, "x1", "x2");
  }
}

/// Forgets where the boxes around one stand.
function dirty(box) {
  for (let at = box; at; at = at.parent) at.layout = null;
}
