// The timeline: each target's key frames, the stretches in which it was lost, and its scores.

import { Lowest } from "./lowest.js";

const PAD = 8; // CSS pixels: half the slider's thumb, so that curve and thumb agree
const AXIS = 22; // CSS pixels at the left for the numbers of the axis
const LANE = 12; // CSS pixels of a target's lane
const MOST_LANES = 6; // further targets share the last one
const PLOT = 58; // CSS pixels of the scores beneath

export class Timeline {
  // `onSeek(frame)`; `onMove(target, from, to)` when a key frame has been dragged.
  constructor({ onSeek, onMove, onSelect }) {
    this.canvas = document.getElementById("plot");
    this.slider = document.getElementById("frame");
    Object.assign(this, { onSeek, onMove, onSelect, first: 0, last: 0, shown: 0, targets: [], track: null });
    this.lowest = new Map(); // by target's id
    this.drag = null;
    this.slider.addEventListener("input", () => onSeek(Number(this.slider.value)));
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.canvas.addEventListener("pointerup", (event) => this.#release(event));
    new ResizeObserver(() => this.#plan()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plan());
  }

  update(values) {
    if (values.track !== this.track) this.lowest.clear();
    Object.assign(this, values); // first, last, shown, track, targets, threshold, selected
    this.slider.min = this.first;
    this.slider.max = Math.max(this.first, this.last);
    this.slider.value = this.shown;
    this.slider.setAttribute("aria-valuetext", `frame ${this.shown + 1} of ${this.last + 1}`);
    this.canvas.style.height = `${this.#lanes * LANE + PLOT}px`;
    this.canvas.setAttribute("aria-label", this.#words());
    this.#plan();
  }

  get #lanes() {
    return Math.min(MOST_LANES, this.targets.length);
  }

  #words() {
    const { targets, track, shown } = this;
    if (!track?.end) return "Scores over time: nothing has been tracked yet";
    const scores = targets.map(({ id, name, keyframes }) => {
      const score = track.score(shown, id);
      return `${name}: ${Number.isFinite(score) ? score.toFixed(2) : "not there"}, ${keyframes.length} key frames`;
    });
    return `Scores over time; in frame ${shown + 1}, ${scores.join("; ")}`;
  }

  #frameAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = (event.clientX - box.left - AXIS) / Math.max(1, box.width - AXIS - PAD);
    return Math.round(this.first + Math.min(1, Math.max(0, part)) * (this.last - this.first));
  }

  #x(frame) {
    return AXIS + ((frame - this.first) / Math.max(1, this.last - this.first)) * (this.canvas.clientWidth - AXIS - PAD);
  }

  // The key frame beneath a pointer: its target's place and frame.
  #keyAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const found = this.targets.flatMap(({ keyframes }, target) => keyframes.map(([frame]) => ({ target, frame }))).filter(({ target, frame }) => (
      Math.abs(this.#x(frame) - x) <= 8 && Math.abs(this.#y(target) - y) <= LANE / 2 + 2
    ));
    return found.sort((a, b) => Math.abs(this.#x(a.frame) - x) - Math.abs(this.#x(b.frame) - x))[0] ?? null;
  }

  #y(target) {
    return (Math.min(target, MOST_LANES - 1) + 0.5) * LANE;
  }

  #press(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { key: this.#keyAt(event), at: event.clientX, to: null };
    if (this.drag.key) this.onSelect(this.drag.key.target);
    this.onSeek(this.drag.key?.frame ?? this.#frameAt(event));
  }

  #move(event) {
    const { drag } = this;
    if (!drag) {
      this.canvas.style.cursor = this.#keyAt(event) ? "ew-resize" : "pointer";
      return;
    }
    if (!drag.key) return this.onSeek(this.#frameAt(event));
    if (drag.to === null && Math.abs(event.clientX - drag.at) < 4) return;
    drag.to = this.#frameAt(event);
    this.onSeek(drag.to);
    this.#plan();
  }

  #release() {
    const { drag } = this;
    this.drag = null;
    if (drag?.key && drag.to !== null && drag.to !== drag.key.frame) this.onMove(drag.key.target, drag.key.frame, drag.to);
    this.#plan();
  }

  #plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      this.#paint();
    });
  }

  #paint() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(`--${name}`);
    const top = this.#lanes * LANE + 6;
    const y = (score) => top + (1 - score) * (height - top - 6);
    this.#axis(context, ink, width, y);
    const span = Math.max(1, this.last - this.first);
    this.targets.forEach((target, place) => {
      if (!this.lowest.has(target.id)) this.lowest.set(target.id, new Lowest(target.id));
      const lowest = this.lowest.get(target.id);
      lowest.update(this.track, span, width);
      this.#lane(context, ink, target, place, lowest, top, height);
      if (!target.hidden) this.#curve(context, target, lowest, y);
    });
    this.targets.forEach((target, place) => this.#keys(context, ink, target, place));
    context.strokeStyle = ink("ink");
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(this.#x(this.shown), 0);
    context.lineTo(this.#x(this.shown), height);
    context.stroke();
  }

  #axis(context, ink, width, y) {
    context.lineWidth = 1;
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = ink("soft");
    for (const [score, text, dashes, tone] of [[0, "0", [], "line"], [1, "1", [], "line"], [this.threshold, "", [4, 3], "alarm"]]) {
      context.strokeStyle = ink(tone);
      context.setLineDash(dashes);
      context.beginPath();
      context.moveTo(AXIS, Math.round(y(score)) + 0.5);
      context.lineTo(width - PAD, Math.round(y(score)) + 0.5);
      context.stroke();
      context.fillText(text, AXIS - 6, y(score));
    }
    context.setLineDash([]);
  }

  // Where a target is tracked, and bands where it was lost.
  #lane(context, ink, target, place, lowest, top, height) {
    for (const [frame, score, lost] of lowest.points()) {
      if (Number.isNaN(score)) continue;
      const [left, right] = [this.#x(frame), this.#x(Math.min(frame + lowest.step, this.last + 1))];
      context.fillStyle = target.color;
      context.fillRect(left, this.#y(place) - 1, Math.max(1, right - left), 2);
      if (!lost || target.hidden) continue;
      context.fillStyle = ink("alarm");
      context.fillRect(left, this.#y(place) - 3, Math.max(1, right - left), 6);
      context.globalAlpha = 0.16;
      context.fillRect(left, top, Math.max(1, right - left), height - top);
      context.globalAlpha = 1;
    }
  }

  #curve(context, target, lowest, y) {
    context.strokeStyle = target.color;
    context.lineWidth = 2;
    context.beginPath();
    let isDown = false;
    for (const [frame, score] of lowest.points()) {
      if (isDown && Number.isFinite(score)) context.lineTo(this.#x(frame), y(score));
      else if (Number.isFinite(score)) context.moveTo(this.#x(frame), y(score));
      isDown = Number.isFinite(score);
    }
    context.stroke();
  }

  // A diamond for a box that was drawn, a bar where the target left the picture.
  #keys(context, ink, target, place) {
    const { drag } = this;
    for (const [frame, box] of target.keyframes) {
      const isDragged = drag?.key?.target === place && drag.key.frame === frame && drag.to !== null;
      const [x, y] = [this.#x(isDragged ? drag.to : frame), this.#y(place)];
      const size = place === this.selected ? 6 : 4.5;
      context.fillStyle = target.color;
      context.strokeStyle = ink("ink");
      context.lineWidth = 1.2;
      context.beginPath();
      if (box) {
        context.moveTo(x, y - size);
        for (const [dx, dy] of [[size, 0], [0, size], [-size, 0]]) context.lineTo(x + dx, y + dy);
        context.closePath();
      } else {
        context.rect(x - 1.5, y - size, 3, 2 * size);
      }
      context.fill();
      context.stroke();
    }
  }
}
