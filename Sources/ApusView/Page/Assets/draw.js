// Drawing what of the graph is to be seen, and moving over it.

const data = JSON.parse(document.getElementById("data").textContent);
const root = makeGraph(data.graph, null, data.title, data.weights);
findReaders(root);
const canvas = document.getElementById("canvas"), stage = document.getElementById("stage"), map = document.getElementById("map");
const view = { scale: 1, x: 0, y: 0, selected: null, hovered: null, drawn: 0 };
const longest = { time: 0 };
let colors = {};

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "ink", "muted", "line", "edge", "accent", "frame", "frame-deep", "box", "heat", ...FAMILIES.map(([name]) => name), "pointwise", "end", "module"];
  colors = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
}

/// Where a box's left upper corner is on the whole drawing.
function placeOf(box) {
  let [x, y] = [0, 0];
  for (let at = box; at.parent; at = at.parent) [x, y] = [x + at.x, y + at.y];
  return { x, y };
}

/// Whether all around the box is open.
function isShown(box) {
  for (let at = box.parent; at; at = at.parent) if (!at.isOpen) return false;
  return true;
}

function eachBox(box, visit) {
  visit(box);
  box.children?.forEach((child) => eachBox(child, visit));
}

/// The boxes that stand in the drawing, whether in view or not.
function shownBoxes(box = root, found = []) {
  for (const child of box.isOpen ? box.children : []) {
    found.push(child);
    if (child.children) shownBoxes(child, found);
  }
  return found;
}

// MARK: Drawing

function roundedBox(context, x, y, w, h, radius) {
  context.beginPath();
  context.roundRect(x, y, w, h, radius);
}

let scheduled = false;
function redraw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    draw();
  });
}

function draw() {
  layOut(root);
  const density = window.devicePixelRatio || 1, width = stage.clientWidth, height = stage.clientHeight;
  if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(density * view.scale, 0, 0, density * view.scale, density * view.x, density * view.y);
  const seen = { left: -view.x / view.scale, top: -view.y / view.scale, right: (width - view.x) / view.scale, bottom: (height - view.y) / view.scale };
  view.drawn = 0;
  drawInside(context, root, 0, 0, seen, 0);
  drawMap();
}

const meets = (seen, x, y, w, h) => x <= seen.right && x + w >= seen.left && y <= seen.bottom && y + h >= seen.top;

function drawInside(context, box, x, y, seen, depth) {
  if (box.kind === "control") {
    for (const body of box.children) drawBox(context, body, x + body.x, y + body.y, seen, depth);
    return;
  }
  const { segments, curves, places } = box.layout, graph = box.kind === "graph" ? box : box.graph;
  const chosen = view.selected ?? view.hovered, isDetailed = view.scale > 0.28;
  const touched = (value) => chosen && chosen.graph === graph && (chosen.gives.includes(value) || chosen.reads.includes(value));
  context.lineWidth = Math.max(1.1, 0.7 / view.scale);
  const lines = { plain: new Path2D(), bright: new Path2D() };
  const add = (segment, isCurve) => {
    const [x1, y1, x2, y2] = [x + segment.x1, y + segment.y1, x + segment.x2, y + segment.y2];
    if (Math.max(y1, y2) < seen.top || Math.min(y1, y2) > seen.bottom || Math.max(x1, x2) < seen.left || Math.min(x1, x2) > seen.right) return;
    const path = touched(segment.value) ? lines.bright : lines.plain;
    path.moveTo(x1, y1);
    if (Math.abs(x1 - x2) < 0.5 || !isDetailed) path.lineTo(x2, y2);
    else {
      const bend = isCurve ? Math.min(200, (y2 - y1) / 2) : Math.max(12, (y2 - y1) * 0.5);
      path.bezierCurveTo(x1, y1 + bend, x2, y2 - bend, x2, y2);
    }
    view.drawn += 1;
  };
  for (const segment of segments) add(segment, false);
  for (const curve of curves) add(curve, true);
  for (const place of places) {
    if (!isPoint(place) || place.h === 0 || place.entry || place.exit) continue;
    const [px, py] = [x + place.x, y + place.y];
    if (!meets(seen, px, py, 0, place.h)) continue;
    const path = touched(place.value) ? lines.bright : lines.plain;
    path.moveTo(px, py);
    path.lineTo(px, py + place.h);
  }
  context.strokeStyle = colors.edge;
  context.stroke(lines.plain);
  context.strokeStyle = colors.accent;
  context.lineWidth *= 1.8;
  context.stroke(lines.bright);
  if (view.scale > 0.55) drawLabels(context, box, graph, x, y, seen);
  if (isDetailed) drawHeads(context, segments, curves, x, y, seen);
  for (const child of box.children) drawBox(context, child, x + child.x, y + child.y, seen, depth);
}

/// The dtype and sizes of each value, once, beside the first line that starts at its box.
function drawLabels(context, box, graph, x, y, seen) {
  context.font = SMALL_FONT;
  context.textAlign = "left";
  context.textBaseline = "middle";
  const told = new Set(), labels = [];
  for (const segment of [...box.layout.segments, ...box.layout.curves]) {
    const { from, value } = segment, key = from.order + ":" + value;
    if (isPoint(from) || from.box.kind === "input" || told.has(key)) continue;
    told.add(key);
    const [left, top, type] = [x + segment.x1 + 5, y + segment.y1 + 11, graph.types.get(value)];
    if (!type || !meets(seen, left, top - 6, 200, 12)) continue;
    // A box to the right that reaches down to the label leaves less room for it.
    const next = box.layout.layers[from.layer][from.index + 1];
    const isNear = next && !isPoint(next) && next.y + next.h > segment.y1 + 5;
    const most = isNear ? Math.floor((next.x - next.w / 2 - segment.x1 - 8) / 6.35) : 40;
    if (most > 4) labels.push({ left, top, text: shorten(type, Math.min(40, most)) });
  }
  // Of labels that would lie over each other the left one stays.
  labels.sort((a, b) => a.top - b.top || a.left - b.left);
  let end = { top: -Infinity, right: 0 };
  for (const { left, top, text } of labels) {
    if (Math.abs(top - end.top) < 11 && left < end.right) continue;
    const width = measure(text, SMALL_FONT);
    end = { top, right: left + width };
    context.fillStyle = colors.paper;
    context.globalAlpha = 0.72;
    context.fillRect(left - 2, top - 6, width + 4, 12);
    context.globalAlpha = 1;
    context.fillStyle = colors.muted;
    context.fillText(text, left, top);
  }
}

function drawHeads(context, segments, curves, x, y, seen) {
  context.fillStyle = colors.edge;
  context.beginPath();
  for (const { to, x2, y2 } of [...segments, ...curves]) {
    if (isPoint(to) || (to.box.isOpen && to.box.kind === "module")) continue;
    const [px, py] = [x + x2, y + y2];
    if (!meets(seen, px, py, 0, 0)) continue;
    context.moveTo(px, py);
    context.lineTo(px - 3.5, py - 7);
    context.lineTo(px + 3.5, py - 7);
    context.closePath();
  }
  context.fill();
}

const colorOf = (box) => colors[box.kind === "module" ? "module" : box.kind === "input" || box.kind === "output" ? "end" : box.family] ?? colors.pointwise;

function drawBox(context, box, x, y, seen, depth) {
  if (!meets(seen, x, y, box.w, box.h)) return;
  view.drawn += 1;
  const isChosen = box === view.selected, isNear = box === view.hovered;
  if (box.isOpen && box.children) {
    roundedBox(context, x, y, box.w, box.h, 9);
    context.fillStyle = depth % 2 ? colors["frame-deep"] : colors.frame;
    context.fill();
    context.lineWidth = (isChosen ? 2.4 : 1) / Math.min(1, Math.max(view.scale, 0.4));
    context.strokeStyle = isChosen ? colors.accent : box.kind === "control" ? colors.control : colors.line;
    if (box.kind === "graph") context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
    drawInside(context, box, x, y, seen, depth + 1);
    if (view.scale > 0.22) {
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.font = TITLE_FONT;
      const mark = box.kind === "graph" ? "" : "▾ ";
      context.fillStyle = box.kind === "control" ? colors.control : colors.ink;
      context.fillText(mark + box.label, x + 10, y + 13);
      if (box.kind === "module") {
        const start = measure(mark + box.label, TITLE_FONT) + 18;
        context.font = SMALL_FONT;
        context.fillStyle = colors.muted;
        context.fillText(shorten(box.type, Math.max(4, Math.floor((box.w - start - 10) / 6.4))), x + start, y + 13.5);
      }
    }
    return;
  }
  const isEnd = box.kind === "input" || box.kind === "output", color = colorOf(box);
  const radius = isEnd ? Math.min(14, box.h / 2) : 6;
  if (box.kind === "module" && view.scale > 0.2) {
    // A module that is folded looks like a pile.
    roundedBox(context, x + 4, y + 4, box.w, box.h, radius);
    context.fillStyle = colors.frame;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = color;
    context.stroke();
  }
  if (view.scale < 0.22) {
    context.fillStyle = isChosen ? colors.accent : color;
    context.fillRect(x, y, box.w, box.h);
    return;
  }
  roundedBox(context, x, y, box.w, box.h, radius);
  context.fillStyle = colors.box;
  context.fill();
  context.save();
  context.clip();
  context.fillStyle = color;
  if (isEnd) context.globalAlpha = 0.16;
  else context.globalAlpha = box.kind === "module" ? 0.2 : 0.24;
  context.fillRect(x, y, box.w, box.lines.length && !isEnd ? 26 : box.h);
  context.globalAlpha = 1;
  if (!isEnd && box.kind !== "module") context.fillRect(x, y, 4, box.h);
  if (longest.time > 0 && box.time > 0) {
    context.fillStyle = colors.heat;
    // A node against the longest one, a module against all.
    context.fillRect(x, y + box.h - 4, Math.max(2, box.w * (box.time / (box.kind === "module" ? root.time : longest.time))), 4);
  }
  context.restore();
  roundedBox(context, x, y, box.w, box.h, radius);
  context.lineWidth = isChosen ? 2.4 : isNear ? 1.6 : 1;
  context.strokeStyle = isChosen || isNear ? colors.accent : color;
  context.stroke();
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = TITLE_FONT;
  context.fillStyle = colors.ink;
  context.fillText((box.children ? "▸ " : "") + box.label, x + box.w / 2, y + 13.5);
  if (view.scale < 0.4) return;
  context.font = SMALL_FONT;
  context.fillStyle = colors.muted;
  box.lines.forEach((line, index) => context.fillText(line, x + box.w / 2, y + 26 + ROW * (index + 0.5) + 1));
}

/// The whole drawing, small, with the part that is in view.
function drawMap() {
  const isWhole = view.x >= 0 && view.y >= 0 && root.w * view.scale + view.x <= stage.clientWidth + 1 && root.h * view.scale + view.y <= stage.clientHeight + 1;
  map.hidden = isWhole;
  if (isWhole) return;
  const context = map.getContext("2d"), size = map.width, scale = Math.min((size - 8) / root.w, (size - 8) / root.h);
  const [left, top] = [(size - root.w * scale) / 2, (size - root.h * scale) / 2];
  context.clearRect(0, 0, size, size);
  let count = 0;
  for (const box of shownBoxes()) {
    if (box.kind === "graph" || (box.isOpen && box.children) || ++count > 4000) continue;
    const { x, y } = placeOf(box);
    context.fillStyle = colorOf(box);
    context.fillRect(left + x * scale, top + y * scale, Math.max(1, box.w * scale), Math.max(1, box.h * scale));
  }
  context.strokeStyle = colors.accent;
  context.lineWidth = 1.5;
  const clamp = (value) => Math.min(size - 1, Math.max(1, value));
  const [x1, y1] = [clamp(left - (view.x / view.scale) * scale), clamp(top - (view.y / view.scale) * scale)];
  const [x2, y2] = [clamp(left + ((stage.clientWidth - view.x) / view.scale) * scale), clamp(top + ((stage.clientHeight - view.y) / view.scale) * scale)];
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
}

// MARK: Moving

function fit(box = root) {
  layOut(root);
  const { x, y } = placeOf(box), [width, height] = [stage.clientWidth, stage.clientHeight];
  const whole = Math.min((width - 48) / box.w, (height - 48) / box.h);
  // A drawing that is much higher than wide begins at its top, readable.
  const scale = Math.min(1.15, box === root ? Math.max(whole, Math.min(0.8, Math.max(0.5, (width - 48) / box.w))) : whole);
  view.scale = Math.max(scale, 0.02);
  view.x = (width - box.w * view.scale) / 2 - x * view.scale;
  view.y = box.h * view.scale > height - 48 ? 24 - y * view.scale : (height - box.h * view.scale) / 2 - y * view.scale;
  redraw();
}

function zoom(factor, x, y) {
  const scale = Math.min(4, Math.max(0.02, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  redraw();
}

/// Opens all around a box, and brings it into the middle.
function reveal(box) {
  for (let at = box.parent; at; at = at.parent) {
    if (at.isOpen) continue;
    at.isOpen = true;
    dirty(at);
  }
  layOut(root);
  const { x, y } = placeOf(box);
  view.scale = Math.max(view.scale, 0.75);
  view.x = stage.clientWidth / 2 - (x + box.w / 2) * view.scale;
  view.y = stage.clientHeight / 2 - (y + Math.min(box.h, 60) / 2) * view.scale;
  redraw();
}

/// Opens or closes a box, whose title stays where it is.
function toggle(box) {
  if (!box.children || box.kind === "graph") return;
  layOut(root);
  const before = placeOf(box), middle = before.x + box.w / 2;
  box.isOpen = !box.isOpen;
  dirty(box);
  layOut(root);
  const after = placeOf(box);
  view.x += (middle - (after.x + box.w / 2)) * view.scale;
  view.y += (before.y - after.y) * view.scale;
  if (box === view.selected) render();
  redraw();
}

/// Sets which modules are open, and lays all out anew.
function setOpen(isOpen) {
  eachBox(root, (box) => {
    if (box.kind === "module") box.isOpen = isOpen(box);
    box.layout = null;
  });
  fit();
}

/// Opens one more level of the modules that are to be seen.
function unfoldOne() {
  const closed = new Set(shownBoxes().filter((box) => box.children && !box.isOpen));
  for (const box of closed) {
    box.isOpen = true;
    dirty(box);
  }
  fit();
}

/// What opens at first: all of a small graph; else what holds modules that repeat, `layer.0`, and others as long as they are few.
function openAtFirst() {
  if (root.count <= 30) return setOpen(() => true);
  const isRepeated = (box) => box.kind === "module" && /(^|\.)\d+$/.test(box.path);
  const holdsRepeated = (box) => box.children.some((child) => isRepeated(child) || (child.kind === "module" && holdsRepeated(child)));
  let shown = root.children.length;
  const open = (boxes, most) => {
    for (const box of boxes) {
      if (box.kind !== "module" || isRepeated(box)) continue;
      if (!box.isOpen && shown + box.children.length <= most(box)) {
        box.isOpen = true;
        shown += box.children.length;
      }
      if (box.isOpen) open(box.children, most);
    }
  };
  open(root.children, (box) => (holdsRepeated(box) ? 400 : 0));
  open(root.children, () => 36);
  fit();
}

/// The innermost box at a place of the drawing, and whether the place is in the title of an open one.
function boxAt(px, py) {
  const [x, y] = [(px - view.x) / view.scale, (py - view.y) / view.scale];
  let found = null, at = root, left = 0, top = 0;
  while (at && at.isOpen && at.children) {
    const inner = at.children.find((child) => x >= left + child.x && x <= left + child.x + child.w && y >= top + child.y && y <= top + child.y + child.h);
    if (!inner) break;
    [left, top] = [left + inner.x, top + inner.y];
    [found, at] = [inner, inner];
  }
  return { box: found, isTitle: !!found && y <= top + HEADER };
}

function setUpMoving() {
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag = { x: event.offsetX, y: event.offsetY, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      drag = { x: event.offsetX, y: event.offsetY, moved: true };
      [view.x, view.y] = [view.x + dx, view.y + dy];
      return redraw();
    }
    const { box } = boxAt(event.offsetX, event.offsetY);
    const near = box?.kind === "graph" ? null : box;
    canvas.style.cursor = near ? "pointer" : "grab";
    if (near !== view.hovered) {
      view.hovered = near;
      redraw();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const wasDrag = drag?.moved;
    drag = null;
    if (wasDrag) return;
    const { box, isTitle } = boxAt(event.offsetX, event.offsetY);
    const mark = box && box.children && isTitle && (event.offsetX - view.x) / view.scale - placeOf(box).x < 30;
    if (mark && box.isOpen) return toggle(box);
    select(box?.kind === "graph" ? null : box);
  });
  canvas.addEventListener("dblclick", (event) => {
    const { box } = boxAt(event.offsetX, event.offsetY);
    if (box) toggle(box);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    if (event.shiftKey) {
      view.x -= step;
      return redraw();
    }
    zoom(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0016)), event.offsetX, event.offsetY);
  }, { passive: false });
  map.addEventListener("pointerdown", (event) => {
    const size = map.width, scale = Math.min((size - 8) / root.w, (size - 8) / root.h);
    const x = (event.offsetX - (size - root.w * scale) / 2) / scale, y = (event.offsetY - (size - root.h * scale) / 2) / scale;
    view.x = stage.clientWidth / 2 - x * view.scale;
    view.y = stage.clientHeight / 2 - y * view.scale;
    redraw();
  });
  new ResizeObserver(redraw).observe(stage);
}
