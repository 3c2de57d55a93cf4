// The boxes over the frame: shown, drawn, moved and resized by mouse, touch and keys.

const SPACE = "http://www.w3.org/2000/svg";
const SMALLEST = 4; // frame pixels, of a side
const CLICK = 4; // CSS pixels: a shorter drag is a click
const GRIPS = [
  ["nw", 0, 0], ["n", 0.5, 0], ["ne", 1, 0], ["e", 1, 0.5],
  ["se", 1, 1], ["s", 0.5, 1], ["sw", 0, 1], ["w", 0, 0.5],
];
const coarse = matchMedia("(pointer: coarse)");
const ruler = new OffscreenCanvas(1, 1).getContext("2d");

export class Boxes {
  // `onDraw(target, frame, box)` is called when a box has been drawn or changed, `onTouch()` before
  // that, `onReject(text)` when a drag draws nothing.
  constructor(stage, { onDraw, onSelect, onTouch, onReject }) {
    this.stage = stage;
    this.svg = stage.element.querySelector("svg");
    Object.assign(this, { onDraw, onSelect, onTouch, onReject });
    this.items = []; // { target, box, name, color, score, lost: "lost" or "bridged", key, locked }
    this.selected = null; // place among the targets
    this.drag = null;
    this.pointers = new Map(); // fingers on the stage
    this.known = 0;
    this.most = 1;
    this.adding = false; // whether the next box is a new target's
    this.isReady = false; // whether there is a frame to draw on
    const element = stage.element;
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#release(event));
    element.addEventListener("pointercancel", (event) => this.#cancel(event));
    stage.onresize = () => this.paint();
  }

  // The boxes of the frame that is shown, of so many targets; one being dragged stays as it is.
  show(items, known) {
    this.items = items;
    this.known = known;
    if (this.selected !== null && this.selected >= known) this.selected = null;
    this.paint();
  }

  select(target) {
    this.selected = target;
    this.adding = false;
    this.paint();
    this.onSelect(target);
  }

  // A box for whoever has no pointer: in the middle of what is shown.
  add() {
    if (!this.isReady) return;
    if (this.known >= this.most) return this.onReject(`At most ${this.most} targets`);
    const [x, y, width, height] = this.stage.part;
    const side = Math.max(SMALLEST, Math.min(width, height) / 5);
    this.onTouch();
    this.#draw(this.known, this.stage.frame, [x + (width - side) / 2, y + (height - side) / 2, side, side]);
  }

  // Move, or change the size of, the selected box; false if there is none.
  nudge(dx, dy, resize) {
    const item = this.items.find(({ target }) => target === this.selected);
    if (!item || item.locked) return false;
    this.onTouch();
    const [x, y, w, h] = item.box;
    const box = resize ? [x, y, w + dx, h + dy] : [x + dx, y + dy, w, h];
    item.box = this.#inside(box, resize);
    this.paint();
    this.onDraw(item.target, this.stage.frame, item.box);
    return true;
  }

  // Which target a box drawn on empty ground is for: a new one if asked for, or the one to correct.
  #targetOfDrag() {
    if (this.adding || !this.known) return this.known < this.most ? this.known : null;
    if (this.selected !== null) return this.selected;
    const lost = this.items.filter((item) => item.lost);
    if (lost.length === 1) return lost[0].target;
    return this.known === 1 ? 0 : null;
  }

  #draw(target, frame, box) {
    this.selected = target;
    this.adding = false;
    this.onDraw(target, frame, box);
  }

  #press(event) {
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) return this.#beginPinch();
    if (event.button > 1 || this.drag || !this.isReady) return;
    event.preventDefault();
    this.stage.element.focus({ preventScroll: true });
    this.stage.element.setPointerCapture(event.pointerId);
    const start = { pointer: event.pointerId, frame: this.stage.frame, from: this.stage.place(event), at: [event.clientX, event.clientY], moved: false };
    if (event.button === 1) {
      this.drag = { ...start, pans: true };
      return;
    }
    // With Shift, or for a new target, a box is drawn even where there is one.
    const group = this.adding || event.shiftKey ? null : event.target.closest("g[data-target]");
    const target = group ? Number(group.dataset.target) : null;
    const item = this.items.find((each) => each.target === target);
    this.onTouch();
    this.drag = { ...start, target, grip: event.target.dataset?.grip, before: item?.box, locked: item?.locked };
    if (target !== null) this.select(target);
  }

  #beginPinch() {
    this.drag = { pinch: true };
    this.spread = this.#fingers();
    this.paint();
  }

  #fingers() {
    const [a, b] = [...this.pointers.values()];
    return { size: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
  }

  #move(event) {
    const { drag, stage } = this;
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, event);
    if (drag?.pinch && this.pointers.size >= 2) {
      const [before, now] = [this.spread, this.#fingers()];
      stage.pan(before.clientX - now.clientX, before.clientY - now.clientY);
      stage.zoomBy(now.size / Math.max(1, before.size), now);
      this.spread = now;
      return;
    }
    if (!drag || event.pointerId !== drag.pointer) return;
    if (drag.pans) {
      stage.pan(drag.at[0] - event.clientX, drag.at[1] - event.clientY);
      drag.at = [event.clientX, event.clientY];
      return;
    }
    const way = Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]);
    if (drag.locked || (!drag.moved && way < CLICK)) return;
    drag.moved = true;
    const [x, y] = stage.place(event);
    const [fromX, fromY] = drag.from;
    if (drag.target === null) {
      drag.raw = [Math.min(x, fromX), Math.min(y, fromY), Math.abs(x - fromX), Math.abs(y - fromY)];
      drag.box = this.#inside(drag.raw, true);
    } else if (drag.grip) {
      drag.box = this.#resized(drag.before, drag.grip, x - fromX, y - fromY);
    } else {
      const [left, top, w, h] = drag.before;
      drag.box = this.#inside([left + x - fromX, top + y - fromY, w, h], false);
    }
    this.paint();
  }

  #release(event) {
    this.pointers.delete(event.pointerId);
    const { drag } = this;
    if (drag?.pinch) {
      if (!this.pointers.size) this.drag = null;
      return;
    }
    if (!drag || event.pointerId !== drag.pointer) return;
    this.drag = null;
    if (!drag.pans) this.#finish(drag);
    this.paint();
  }

  #finish(drag) {
    if (drag.locked) return this.onReject("This target is locked: unlock it to change its box");
    if (!drag.moved) return drag.target === null && !this.adding ? this.select(null) : undefined;
    if (drag.target !== null) return this.#draw(drag.target, drag.frame, drag.box);
    const target = this.#targetOfDrag();
    if (target === null) {
      return this.onReject(this.known >= this.most ? `At most ${this.most} targets` : "Select the target to correct first, or press New target");
    }
    if (this.items.some((item) => item.target === target && item.locked)) return this.onReject("This target is locked: unlock it to change its box");
    const [x, y, w, h] = drag.raw;
    const [width, height] = this.stage.size;
    if (x >= width - SMALLEST || y >= height - SMALLEST || x + w <= SMALLEST || y + h <= SMALLEST) return this.onReject("That box lies outside the picture");
    if (w < SMALLEST || h < SMALLEST) return this.onReject(`That box is too small: drag over at least ${SMALLEST} × ${SMALLEST} pixels`);
    return this.#draw(target, drag.frame, drag.box);
  }

  #cancel(event) {
    this.pointers.delete(event.pointerId);
    this.drag = null;
    this.paint();
  }

  #resized([x, y, w, h], grip, dx, dy) {
    let [left, top, right, bottom] = [x, y, x + w, y + h];
    if (grip.includes("w")) left = Math.min(left + dx, right - SMALLEST);
    if (grip.includes("e")) right = Math.max(right + dx, left + SMALLEST);
    if (grip.includes("n")) top = Math.min(top + dy, bottom - SMALLEST);
    if (grip.includes("s")) bottom = Math.max(bottom + dy, top + SMALLEST);
    return this.#inside([left, top, right - left, bottom - top], true);
  }

  // Keep a box within the frame, by cutting it or by moving it, and on its pixels when zoomed in.
  #inside([x, y, w, h], cut) {
    const [width, height] = this.stage.size;
    const snap = this.stage.snaps ? Math.round : (value) => value;
    if (cut) {
      const left = Math.min(Math.max(snap(x), 0), width - SMALLEST);
      const top = Math.min(Math.max(snap(y), 0), height - SMALLEST);
      const right = Math.min(Math.max(snap(x + w), left), width);
      const bottom = Math.min(Math.max(snap(y + h), top), height);
      return [left, top, Math.max(right - left, SMALLEST), Math.max(bottom - top, SMALLEST)];
    }
    return [Math.min(Math.max(snap(x), SMALLEST - w), width - SMALLEST), Math.min(Math.max(snap(y), SMALLEST - h), height - SMALLEST), w, h];
  }

  paint() {
    this.svg.setAttribute("viewBox", this.stage.part.join(" "));
    this.svg.setAttribute("preserveAspectRatio", "none");
    const groups = this.items.map((item) => {
      const isDragged = this.drag?.moved && this.drag.target === item.target;
      return this.#group(item, isDragged ? this.drag.box : item.box);
    });
    if (this.drag?.moved && this.drag.target === null) {
      groups.push(this.#group({ target: -1, name: "", color: "#fff", draft: true }, this.drag.box));
    }
    // While a pointer is down its element must stay: the browser sends it the rest of the gesture.
    this.svg.replaceChildren(...groups);
  }

  #group({ target, name, color, score, lost, key, locked, draft }, [x, y, w, h]) {
    const unit = this.stage.unit;
    const isSelected = target === this.selected;
    const place = { x, y, width: w, height: h };
    const group = make("g", { "data-target": target, class: `${isSelected ? "selected" : ""} ${lost ? "lost" : ""}` });
    group.append(make("rect", { ...place, class: "shade" }), make("rect", { ...place, class: draft ? "edge draft" : "edge", stroke: color }));
    if (!draft) {
      const value = lost ?? (key ? "key frame" : Number.isFinite(score) ? score.toFixed(2) : "");
      group.append(...chip(`${name}${value ? ` · ${value}` : ""}`, color, [x, y], unit, this.stage.part));
    }
    if (isSelected && !draft && !locked) this.#addGrips(group, place, unit);
    return group;
  }

  #addGrips(group, { x, y, width, height }, unit) {
    const large = coarse.matches ? 1.7 : 1;
    for (const [name, across, down] of GRIPS) {
      const [cx, cy] = [x + across * width, y + down * height];
      const isSmall = Math.min(width, height) < 34 * large * unit;
      if (isSmall && name.length === 1) continue; // corners alone where there is little room
      const reach = (isSmall ? 9 : 13) * large * unit;
      const knob = 4.5 * large * unit;
      group.append(
        make("rect", { x: cx - knob, y: cy - knob, width: 2 * knob, height: 2 * knob, class: "knob" }),
        make("rect", { x: cx - reach, y: cy - reach, width: 2 * reach, height: 2 * reach, class: `grip ${name}`, "data-grip": name }),
      );
    }
  }
}

// A label on ground of the target's colour, above its box or where there is room.
function chip(text, color, [x, y], unit, [left, top, width]) {
  const size = 12.5;
  ruler.font = `600 ${size}px system-ui, sans-serif`;
  const [wide, high] = [(ruler.measureText(text).width + 10) * unit, (size + 7) * unit];
  const at = Math.max(left, Math.min(x, left + width - wide));
  const above = y - high - 2 * unit;
  const over = above >= top ? above : Math.max(top, y) + 2 * unit;
  const label = make("text", { x: at + 5 * unit, y: over + high - 5.5 * unit, "font-size": size * unit, fill: inkOn(color) });
  label.textContent = text;
  return [make("rect", { x: at, y: over, width: wide, height: high, rx: 3 * unit, fill: color, class: "chip" }), label];
}

// Black or white, whichever can be read on a colour.
export function inkOn(color) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

function make(name, attributes) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
