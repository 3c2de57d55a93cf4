// The box over the frame: drawn by mouse, finger or keys, and moved by the tracker.

const SMALLEST = 4; // frame pixels, of a side
const STEP = 4; // frame pixels, by a key

export class Selection {
  // `onTouch()` is called before a box is drawn or changed, `onDraw()` after.
  constructor(stage, group, { onTouch, onDraw }) {
    Object.assign(this, { stage, group, onTouch, onDraw });
    this.clear();
    this.from = null;
    stage.addEventListener("pointerdown", (event) => this.#press(event));
    stage.addEventListener("pointermove", (event) => this.#drag(event));
    stage.addEventListener("pointerup", () => this.#release());
    stage.addEventListener("pointercancel", () => this.#release());
    stage.addEventListener("keydown", (event) => this.#key(event));
  }

  get isDrawing() {
    return this.from !== null;
  }

  // A frame of another size.
  begin(width, height) {
    Object.assign(this, { width, height });
    this.group.ownerSVGElement.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.stage.style.maxWidth = `min(100%, calc(70vh * ${width / height}))`;
    this.stage.style.aspectRatio = `${width} / ${height}`;
  }

  clear() {
    this.box = null;
    this.group.setAttribute("hidden", "");
  }

  show(box, isLost = false) {
    this.box = box;
    this.group.removeAttribute("hidden");
    this.group.classList.toggle("lost", isLost);
    const [x, y, width, height] = box;
    for (const rect of this.group.children) {
      for (const [name, value] of Object.entries({ x, y, width, height })) {
        rect.setAttribute(name, value);
      }
    }
  }

  #place(event) {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * this.width;
    const y = ((event.clientY - top) / height) * this.height;
    return [Math.min(Math.max(x, 0), this.width), Math.min(Math.max(y, 0), this.height)];
  }

  #press(event) {
    if (event.button !== 0 || this.from) return;
    this.onTouch();
    this.stage.setPointerCapture(event.pointerId);
    this.before = this.box;
    this.from = this.#place(event);
  }

  #drag(event) {
    if (!this.from) return;
    const to = this.#place(event);
    const corner = to.map((value, axis) => Math.min(value, this.from[axis]));
    this.show([...corner, ...to.map((value, axis) => Math.abs(value - this.from[axis]))]);
  }

  // A click, or a box too small to be one, changes nothing.
  #release() {
    if (!this.from) return;
    this.from = null;
    if (this.box === this.before) return;
    if (Math.min(this.box[2], this.box[3]) >= SMALLEST) this.onDraw();
    else if (this.before) this.show(this.before);
    else this.clear();
  }

  #key(event) {
    const directions = {
      ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
    };
    const move = directions[event.key];
    if (event.key.toLowerCase() === "b") {
      this.onTouch();
      const side = Math.min(this.width, this.height) / 5;
      this.show([(this.width - side) / 2, (this.height - side) / 2, side, side]);
      this.onDraw();
    } else if (move && this.box) {
      event.preventDefault();
      this.onTouch();
      const [x, y, w, h] = this.box;
      const [dx, dy] = move;
      const resized = [Math.max(w + dx, SMALLEST), Math.max(h + dy, SMALLEST)];
      const moved = [
        Math.min(Math.max(x + dx, 0), Math.max(this.width - w, 0)),
        Math.min(Math.max(y + dy, 0), Math.max(this.height - h, 0)),
      ];
      this.show(event.shiftKey ? [x, y, ...resized] : [...moved, w, h]);
      this.onDraw();
    }
  }
}
