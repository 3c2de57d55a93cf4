// The boxes over the frame: shown, drawn, moved and resized by mouse, touch and keys.

import { clamp } from "./stage.js";

const SPACE = "http://www.w3.org/2000/svg";
const SMALLEST = 4; // frame pixels, of a side
const CLICK = 4; // CSS pixels: a shorter drag is a click
const GRIPS = [
  ["nw", 0, 0], ["n", 0.5, 0], ["ne", 1, 0], ["e", 1, 0.5],
  ["se", 1, 1], ["s", 0.5, 1], ["sw", 0, 1], ["w", 0, 0.5],
];
const KNOB = 4.5; // CSS pixels of half a handle
const TEXT = 12.5; // CSS pixels of a label
const LOCKED = "This target is locked: unlock it to change its box";
const coarse = matchMedia("(pointer: coarse)");
const ruler = new OffscreenCanvas(1, 1).getContext("2d");
ruler.font = `600 ${TEXT}px system-ui, sans-serif`;

export class Boxes {
  items = []; // { target, box, name, color, score, lost: "lost" or "bridged", key, locked }
  known = 0; // count of the targets
  most = 1;
  selected = null; // place among the targets
  adding = false; // whether the next box is a new target's
  isReady = false; // whether there is a frame to draw on
  drag = null; // what the pointers on the stage are doing: { pinch }, { pans, … } or a box's
  pointers = new Map();

  // Set by whoever uses the boxes: `onTouch()` is called before a box is drawn or changed,
  // `onDraw(target, frame, box)` afterwards, `onReject(text)` when a drag draws nothing.
  constructor(stage) {
    this.stage = stage;
    this.svg = stage.element.querySelector("svg");
    stage.element.onpointerdown = (event) => this.#press(event);
    stage.element.onpointermove = (event) => this.#move(event);
    stage.element.onpointerup = (event) => this.#release(event);
    stage.element.onpointercancel = (event) => this.#release(event, true);
    stage.onresize = () => this.paint();
  }

  // The boxes of the frame that is shown, of so many targets; one being dragged stays as it is.
  show(items, known) {
    this.items = items;
    this.known = known;
    if (this.selected >= known) this.selected = null;
    this.paint();
  }

  clear() {
    Object.assign(this, { selected: null, adding: false, isReady: false });
    this.show([], 0);
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
    const item = this.#item(this.selected);
    if (!item || item.locked) return false;
    this.onTouch();
    const [x, y, w, h] = item.box;
    item.box = resize ? this.#cut([x, y, w + dx, h + dy]) : this.#moved([x + dx, y + dy, w, h]);
    this.paint();
    this.onDraw(item.target, this.stage.frame, item.box);
    return true;
  }

  #item(target) {
    return this.items.find((item) => item.target === target);
  }

  #draw(target, frame, box) {
    this.selected = target;
    this.adding = false;
    this.onDraw(target, frame, box);
  }

  // --- Pointers -------------------------------------------------------------------------------------

  #press(event) {
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) {
      this.drag = { pinch: this.#fingers() };
      this.paint();
    }
    if (event.button > 1 || this.drag || !this.isReady) return;
    event.preventDefault();
    this.stage.element.focus({ preventScroll: true, focusVisible: false });
    this.stage.element.setPointerCapture(event.pointerId);
    const pans = event.button === 1;
    this.drag = { pans, frame: this.stage.frame, from: this.stage.place(event), at: event, moved: false };
    if (pans) return;
    // With Shift, or for a new target, a box is drawn even where there is one.
    const group = this.adding || event.shiftKey ? null : event.target.closest("g[data-target]");
    const target = group ? Number(group.dataset.target) : null;
    const item = this.#item(target);
    this.onTouch();
    Object.assign(this.drag, { target, grip: event.target.dataset.grip, before: item?.box, locked: item?.locked });
    if (group) this.select(target);
  }

  #fingers() {
    const [a, b] = this.pointers.values();
    const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    return { ...middle, size: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) };
  }

  #move(event) {
    const { drag, stage } = this;
    if (!this.pointers.has(event.pointerId)) return;
    this.pointers.set(event.pointerId, event);
    if (drag?.pinch && this.pointers.size >= 2) {
      const [before, now] = [drag.pinch, this.#fingers()];
      stage.pan(before.clientX - now.clientX, before.clientY - now.clientY);
      stage.zoomBy(now.size / Math.max(1, before.size), now);
      drag.pinch = now;
    } else if (drag?.pans) {
      stage.pan(drag.at.clientX - event.clientX, drag.at.clientY - event.clientY);
      drag.at = event;
    } else if (drag && !drag.pinch && !drag.locked) {
      this.#moveBox(drag, event);
    }
  }

  #moveBox(drag, event) {
    drag.moved ||= Math.hypot(event.clientX - drag.at.clientX, event.clientY - drag.at.clientY) >= CLICK;
    if (!drag.moved) return;
    const [x, y] = this.stage.place(event);
    const [fromX, fromY] = drag.from;
    if (drag.target === null) {
      drag.raw = [Math.min(x, fromX), Math.min(y, fromY), Math.abs(x - fromX), Math.abs(y - fromY)];
      drag.box = this.#cut(drag.raw);
    } else if (drag.grip) {
      drag.box = this.#resized(drag.before, drag.grip, x - fromX, y - fromY);
    } else {
      const [left, top, w, h] = drag.before;
      drag.box = this.#moved([left + x - fromX, top + y - fromY, w, h]);
    }
    this.paint();
  }

  #release(event, isCancelled = false) {
    this.pointers.delete(event.pointerId);
    const { drag } = this;
    if (!drag || (drag.pinch && this.pointers.size)) return;
    this.drag = null;
    if (!isCancelled && !drag.pinch && !drag.pans) this.#finish(drag);
    this.paint();
  }

  #finish({ target, frame, box, raw, locked, moved }) {
    if (locked) return this.onReject(LOCKED);
    if (!moved) return target === null && !this.adding ? this.select(null) : undefined;
    if (target !== null) return this.#draw(target, frame, box);
    const goal = this.#targetOfDrag();
    const fault = this.#fault(goal, raw);
    return fault ? this.onReject(fault) : this.#draw(goal, frame, box);
  }

  // Which target a box drawn on empty ground is for: a new one if asked for, or the one to correct.
  #targetOfDrag() {
    if (this.adding || !this.known) return this.known < this.most ? this.known : null;
    if (this.selected !== null) return this.selected;
    const lost = this.items.filter((item) => item.lost);
    if (lost.length === 1) return lost[0].target;
    return this.known === 1 ? 0 : null;
  }

  // Why a drag draws no box for a target; empty if it does.
  #fault(target, [x, y, w, h]) {
    const [width, height] = this.stage.size;
    if (target === null && this.known >= this.most) return `At most ${this.most} targets`;
    if (target === null) return "Select the target to correct first, or press New target";
    if (this.#item(target)?.locked) return LOCKED;
    const isOutside = x >= width - SMALLEST || y >= height - SMALLEST || x + w <= SMALLEST || y + h <= SMALLEST;
    if (isOutside) return "That box lies outside the picture";
    return Math.min(w, h) < SMALLEST ? `That box is too small: drag over at least ${SMALLEST} × ${SMALLEST} pixels` : "";
  }

  #resized([x, y, w, h], grip, dx, dy) {
    let [left, top, right, bottom] = [x, y, x + w, y + h];
    if (grip.includes("w")) left = Math.min(left + dx, right - SMALLEST);
    if (grip.includes("e")) right = Math.max(right + dx, left + SMALLEST);
    if (grip.includes("n")) top = Math.min(top + dy, bottom - SMALLEST);
    if (grip.includes("s")) bottom = Math.max(bottom + dy, top + SMALLEST);
    return this.#cut([left, top, right - left, bottom - top]);
  }

  // A box cut to the frame.
  #cut([x, y, w, h]) {
    const [width, height] = this.stage.size;
    const left = clamp(this.#snap(x), 0, width - SMALLEST);
    const top = clamp(this.#snap(y), 0, height - SMALLEST);
    const right = clamp(this.#snap(x + w), left + SMALLEST, width);
    const bottom = clamp(this.#snap(y + h), top + SMALLEST, height);
    return [left, top, right - left, bottom - top];
  }

  // A box moved so far that some of it lies in the frame.
  #moved([x, y, w, h]) {
    const [width, height] = this.stage.size;
    const left = clamp(this.#snap(x), SMALLEST - w, width - SMALLEST);
    return [left, clamp(this.#snap(y), SMALLEST - h, height - SMALLEST), w, h];
  }

  // The edge of a pixel when zoomed in.
  #snap(value) {
    return this.stage.snaps ? Math.round(value) : value;
  }

  // --- Painting -------------------------------------------------------------------------------------

  paint() {
    this.svg.setAttribute("viewBox", this.stage.part.join(" "));
    const { drag } = this;
    const boxOf = ({ target, box }) => (drag?.moved && drag.target === target ? drag.box : box);
    const groups = this.items.map((item) => this.#group(item, boxOf(item)));
    if (drag?.moved && drag.target === null) groups.push(draft(drag.box));
    // While a pointer is down its element must stay: the browser sends it the rest of the gesture.
    this.svg.replaceChildren(...groups);
  }

  #group({ target, name, color, score, lost, key, locked }, box) {
    const isSelected = target === this.selected;
    const group = make("g", { "data-target": target, class: `${isSelected ? "selected" : ""} ${lost ? "lost" : ""}` });
    const value = lost ?? (key ? "key frame" : Number.isFinite(score) ? score.toFixed(2) : "");
    group.append(rectangle(box, "shade"), rectangle(box, "edge", { stroke: color }));
    const hasGrips = isSelected && !locked;
    const text = [name, value].filter(Boolean).join(" · ");
    group.append(...this.#label(text, color, box, hasGrips ? KNOB * this.#magnification : 2));
    if (hasGrips) group.append(...this.#grips(box));
    return group;
  }

  // A text on ground of the target's colour, above its box or where there is room.
  #label(text, color, [x, y], gap) {
    const [left, top, width] = this.stage.part;
    const { unit } = this.stage;
    const [wide, high] = [(ruler.measureText(text).width + 10) * unit, (TEXT + 7) * unit];
    const at = Math.max(left, Math.min(x, left + width - wide));
    const above = y - high - gap * unit;
    const over = above >= top ? above : Math.max(top, y) + gap * unit;
    const place = { x: at + 5 * unit, y: over + high - 5.5 * unit };
    const label = make("text", { ...place, "font-size": TEXT * unit, fill: inkOn(color) });
    label.textContent = text;
    return [rectangle([at, over, wide, high], "chip", { rx: 3 * unit, fill: color }), label];
  }

  // How much larger handles are for a finger.
  get #magnification() {
    return coarse.matches ? 1.7 : 1;
  }

  #grips([x, y, w, h]) {
    const unit = this.stage.unit * this.#magnification;
    const isSmall = Math.min(w, h) < 34 * unit;
    const [knob, reach] = [KNOB * unit, (isSmall ? 9 : 13) * unit];
    // Corners alone where there is little room.
    return GRIPS.filter(([name]) => !isSmall || name.length === 2).flatMap(([name, across, down]) => {
      const square = (half) => [x + across * w - half, y + down * h - half, 2 * half, 2 * half];
      return [rectangle(square(knob), "knob"), rectangle(square(reach), `grip ${name}`, { "data-grip": name })];
    });
  }
}

// The box that is being drawn.
function draft(box) {
  const group = make("g", {});
  group.append(rectangle(box, "shade"), rectangle(box, "edge draft", { stroke: "#fff" }));
  return group;
}

// Black or white, whichever can be read on a colour.
function inkOn(color) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

const rectangle = ([x, y, width, height], name, more = {}) => make("rect", { x, y, width, height, class: name, ...more });

function make(name, attributes) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
