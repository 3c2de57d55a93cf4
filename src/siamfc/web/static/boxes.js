// The boxes over the frame: shown, drawn, moved and resized by mouse, touch and keys.

const SPACE = "http://www.w3.org/2000/svg";
const SMALLEST = 4; // frame pixels, of a side
const CLICK = 4; // CSS pixels: a shorter drag is a click
const GRIPS = [
  ["nw", 0, 0], ["n", 0.5, 0], ["ne", 1, 0], ["e", 1, 0.5],
  ["se", 1, 1], ["s", 0.5, 1], ["sw", 0, 1], ["w", 0, 0.5],
];

export class Boxes {
  // `onDraw(target, box)` is called when a box has been drawn or changed, `onTouch()` before that.
  constructor(stage, { onDraw, onSelect, onTouch }) {
    this.stage = stage;
    this.svg = stage.element.querySelector("svg");
    this.onDraw = onDraw;
    this.onSelect = onSelect;
    this.onTouch = onTouch;
    this.items = []; // { target, box, score, drawn }
    this.colors = [];
    this.selected = null;
    this.drag = null;
    this.known = 0;
    this.most = 1;
    this.isReady = false; // whether there is a frame to draw on
    const element = stage.element;
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#release(event));
    element.addEventListener("pointercancel", () => this.#cancel());
    stage.onresize = () => this.paint();
  }

  color(target) {
    return this.colors[target % this.colors.length];
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
    this.paint();
    this.onSelect(target);
  }

  // A box for whoever has no pointer: in the middle of the frame.
  add() {
    const target = this.#nextTarget();
    if (target === null || !this.isReady) return;
    const [width, height] = this.stage.size;
    const side = Math.max(SMALLEST, Math.min(width, height) / 5);
    this.onTouch();
    this.selected = target;
    this.onDraw(target, [(width - side) / 2, (height - side) / 2, side, side]);
  }

  // Move, or change the size of, the selected box; false if there is none.
  nudge(dx, dy, resize) {
    const item = this.items.find(({ target }) => target === this.selected);
    if (!item) return false;
    this.onTouch();
    const [x, y, w, h] = item.box;
    const box = resize ? [x, y, w + dx, h + dy] : [x + dx, y + dy, w, h];
    item.box = this.#inside(box, resize);
    this.paint();
    this.onDraw(item.target, item.box);
    return true;
  }

  // A selected target that has no box in this frame is drawn anew; otherwise a further one is.
  #nextTarget() {
    if (this.selected !== null && !this.items.some(({ target }) => target === this.selected)) return this.selected;
    return this.known < this.most ? this.known : null;
  }

  #press(event) {
    if (event.button !== 0 || this.drag || !this.isReady) return;
    const place = this.stage.place(event);
    const grip = event.target.dataset?.grip;
    const group = event.target.closest("g[data-target]");
    const target = group ? Number(group.dataset.target) : null;
    if (target === null && this.#nextTarget() === null) return;
    event.preventDefault();
    this.stage.element.focus({ preventScroll: true });
    this.stage.element.setPointerCapture(event.pointerId);
    this.onTouch();
    const item = this.items.find((each) => each.target === target);
    this.drag = { pointer: event.pointerId, from: place, at: [event.clientX, event.clientY], target, grip, before: item?.box, moved: false };
    if (target !== null) this.select(target);
  }

  #move(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    const way = Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]);
    if (!drag.moved && way < CLICK) return;
    drag.moved = true;
    const [x, y] = this.stage.place(event);
    const [fromX, fromY] = drag.from;
    if (drag.target === null) {
      drag.box = this.#inside([Math.min(x, fromX), Math.min(y, fromY), Math.abs(x - fromX), Math.abs(y - fromY)], true);
    } else if (drag.grip) {
      drag.box = this.#resized(drag.before, drag.grip, x - fromX, y - fromY);
    } else {
      const [left, top, w, h] = drag.before;
      drag.box = this.#inside([left + x - fromX, top + y - fromY, w, h], false);
    }
    this.paint();
  }

  #release(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    this.drag = null;
    if (!drag.moved) {
      if (drag.target === null) this.select(null);
    } else if (drag.box[2] >= SMALLEST && drag.box[3] >= SMALLEST) {
      const target = drag.target ?? this.#nextTarget();
      this.selected = target;
      this.onDraw(target, drag.box);
    }
    this.paint();
  }

  #cancel() {
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

  // Keep a box within the frame, by cutting it or by moving it.
  #inside([x, y, w, h], cut) {
    const [width, height] = this.stage.size;
    if (cut) {
      const left = Math.min(Math.max(x, 0), width - SMALLEST);
      const top = Math.min(Math.max(y, 0), height - SMALLEST);
      const right = Math.min(Math.max(x + w, left), width);
      const bottom = Math.min(Math.max(y + h, top), height);
      return [left, top, Math.max(right - left, SMALLEST), Math.max(bottom - top, SMALLEST)];
    }
    return [Math.min(Math.max(x, SMALLEST - w), width - SMALLEST), Math.min(Math.max(y, SMALLEST - h), height - SMALLEST), w, h];
  }

  paint() {
    const [width, height] = this.stage.size;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    const groups = this.items.map((item) => {
      const isDragged = this.drag?.moved && this.drag.target === item.target;
      return this.#group(item, isDragged ? this.drag.box : item.box);
    });
    if (this.drag?.moved && this.drag.target === null) {
      groups.push(this.#group({ target: this.#nextTarget(), score: NaN, drawn: true, draft: true }, this.drag.box));
    }
    // While a pointer is down its element must stay: the browser sends it the rest of the gesture.
    this.svg.replaceChildren(...groups);
  }

  #group({ target, score, drawn, draft }, [x, y, w, h]) {
    const unit = this.stage.unit;
    const isSelected = target === this.selected;
    const place = { x, y, width: w, height: h };
    const group = make("g", { "data-target": target, class: isSelected ? "selected" : "" });
    const edge = make("rect", { ...place, class: draft ? "edge draft" : "edge", stroke: this.color(target) });
    group.append(make("rect", { ...place, class: "shade" }), edge);
    const size = 13 * unit;
    const text = make("text", { x: x + 3 * unit, y: y > 1.6 * size ? y - 0.5 * size : y + 1.3 * size, "font-size": size, "stroke-width": 3 * unit, fill: this.color(target) });
    const value = drawn || !Number.isFinite(score) ? "drawn" : score.toFixed(2);
    text.textContent = `${target + 1} · ${value}`;
    group.append(text);
    if (isSelected && !draft) this.#addGrips(group, place, unit);
    return group;
  }

  #addGrips(group, { x, y, width, height }, unit) {
    for (const [name, across, down] of GRIPS) {
      const [cx, cy] = [x + across * width, y + down * height];
      const isSmall = Math.min(width, height) < 34 * unit;
      if (isSmall && name.length === 1) continue; // corners alone where there is little room
      const reach = (isSmall ? 9 : 13) * unit;
      const knob = 4.5 * unit;
      group.append(
        make("rect", { x: cx - knob, y: cy - knob, width: 2 * knob, height: 2 * knob, class: "knob" }),
        make("rect", { x: cx - reach, y: cy - reach, width: 2 * reach, height: 2 * reach, class: `grip ${name}`, "data-grip": name }),
      );
    }
  }
}

function make(name, attributes) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
