// The timeline: each target's key frames, the stretches in which it was lost, and its scores.

import { byId } from "./dom.js";
import { Lowest } from "./lowest.js";
import { clamp } from "./stage.js";

const PAD = 8; // CSS pixels: half the slider's thumb, so that curve and thumb agree
const AXIS = 22; // CSS pixels at the left for the numbers of the axis
const LANE = 12; // CSS pixels of a target's lane
const MOST_LANES = 6; // further targets share the last one
const PLOT = 58; // CSS pixels of the scores beneath
const REACH = 8; // CSS pixels from a key frame in which it can be taken hold of

export class Timeline {
  canvas = byId("plot");
  slider = byId("frame");
  lowest = new Map(); // by target's id
  drag = null; // { key: a key frame's target and frame, at: where it was taken, to: a frame }
  targets = [];
  first = 0;
  last = 0;

  // `onSeek(frame)`; `onMove(target, from, to)` when a key frame has been dragged.
  constructor({ onSeek, onMove, onSelect }) {
    Object.assign(this, { onSeek, onMove, onSelect });
    this.slider.oninput = () => onSeek(Number(this.slider.value));
    this.canvas.onpointerdown = (event) => this.#press(event);
    this.canvas.onpointermove = (event) => this.#move(event);
    this.canvas.onpointerup = () => this.#release();
    new ResizeObserver(() => this.#plan()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").onchange = () => this.#plan();
  }

  // Show first, last, shown, track, targets, threshold and selected.
  update(values) {
    if (values.track !== this.track) this.lowest.clear();
    Object.assign(this, values);
    const { slider, canvas, first, last, shown } = this;
    Object.assign(slider, { min: first, max: last, value: shown, ariaValueText: `frame ${shown + 1} of ${last + 1}` });
    canvas.style.height = `${this.#lanes * LANE + PLOT}px`;
    canvas.ariaLabel = this.#words();
    this.#plan();
  }

  get #lanes() {
    return Math.min(MOST_LANES, this.targets.length);
  }

  #words() {
    const { targets, track, shown } = this;
    if (!track.end) return "Scores over time: nothing has been tracked yet";
    const scores = targets.map(({ id, name, keyframes }) => {
      const score = track.score(shown, id);
      return `${name}: ${Number.isFinite(score) ? score.toFixed(2) : "not there"}, ${keyframes.length} key frames`;
    });
    return `Scores over time; in frame ${shown + 1}, ${scores.join("; ")}`;
  }

  // --- Places, in CSS pixels ------------------------------------------------------------------------

  get #span() {
    return Math.max(1, this.last - this.first);
  }

  #x(frame) {
    return AXIS + ((frame - this.first) / this.#span) * (this.canvas.clientWidth - AXIS - PAD);
  }

  // The middle of a target's lane.
  #y(target) {
    return (Math.min(target, MOST_LANES - 1) + 0.5) * LANE;
  }

  #frameAt({ offsetX }) {
    const part = (offsetX - AXIS) / Math.max(1, this.canvas.clientWidth - AXIS - PAD);
    return Math.round(this.first + clamp(part, 0, 1) * (this.last - this.first));
  }

  // A target's key frames, but for those in frames that a recording has deleted.
  #keysOf({ keyframes }) {
    return keyframes.filter(([frame]) => frame >= this.first);
  }

  // The key frame nearest to a pointer, if it is beneath it.
  #keyAt({ offsetX, offsetY }) {
    const away = ({ frame }) => Math.abs(this.#x(frame) - offsetX);
    return this.targets
      .flatMap((each, target) => this.#keysOf(each).map(([frame]) => ({ target, frame })))
      .filter((key) => away(key) <= REACH && Math.abs(this.#y(key.target) - offsetY) <= REACH)
      .sort((a, b) => away(a) - away(b))[0];
  }

  // --- Pointers -------------------------------------------------------------------------------------

  #press(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    const key = this.#keyAt(event);
    this.drag = { key, at: event.offsetX, to: null };
    if (key) this.onSelect(key.target);
    this.onSeek(key?.frame ?? this.#frameAt(event));
  }

  #move(event) {
    const { drag } = this;
    if (!drag) {
      this.canvas.style.cursor = this.#keyAt(event) ? "ew-resize" : "pointer";
      return;
    }
    if (drag.key && drag.to === null && Math.abs(event.offsetX - drag.at) < 4) return;
    drag.to = this.#frameAt(event);
    this.onSeek(drag.to);
    this.#plan();
  }

  #release() {
    const { key, to } = this.drag ?? {};
    this.drag = null;
    if (key && to !== null && to !== key.frame) this.onMove(key.target, key.frame, to);
    this.#plan();
  }

  // --- Painting -------------------------------------------------------------------------------------

  #plan() {
    this.planned ??= requestAnimationFrame(() => {
      this.planned = null;
      this.#paint();
    });
  }

  #paint() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    const context = canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(`--${name}`);
    const top = this.#lanes * LANE + 6;
    const y = (score) => top + (1 - score) * (height - top - 6);
    this.#axis(context, ink, width, y);
    this.targets.forEach((target, place) => this.#scores(context, ink("alarm"), target, place, y, [top, height]));
    this.targets.forEach((target, place) => this.#keys(context, ink("ink"), target, place));
    context.fillStyle = ink("ink");
    context.fillRect(this.#x(this.shown) - 0.75, 0, 1.5, height);
  }

  #axis(context, ink, width, y) {
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = ink("soft");
    const lines = [[0, "0", [], "line"], [1, "1", [], "line"], [this.threshold, "", [4, 3], "alarm"]];
    for (const [score, text, dashes, tone] of lines) {
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

  // Where a target is tracked, bands where it was lost, and the curve of its scores.
  #scores(context, alarm, target, place, y, [top, bottom]) {
    if (!this.lowest.has(target.id)) this.lowest.set(target.id, new Lowest(target.id));
    const lowest = this.lowest.get(target.id);
    lowest.update(this.track, this.#span, this.canvas.clientWidth);
    const [lane, curve] = [this.#y(place), new Path2D()];
    let isDown = false;
    for (const [start, score, lost] of lowest.points()) {
      if (start + lowest.step <= this.first) continue; // a recording has deleted these frames
      if (Number.isNaN(score)) {
        isDown = false;
        continue;
      }
      const frame = Math.max(start, this.first);
      const left = Math.round(this.#x(frame)); // whole pixels, so that no gap shows
      const wide = Math.max(1, Math.round(this.#x(Math.min(start + lowest.step, this.last))) - left);
      const isAlarm = lost && !target.hidden;
      const high = isAlarm ? 6 : 2;
      context.fillStyle = isAlarm ? alarm : target.color;
      context.fillRect(left, lane - high / 2, wide, high);
      context.globalAlpha = 0.16;
      if (isAlarm) context.fillRect(left, top, wide, bottom - top);
      context.globalAlpha = 1;
      curve[isDown ? "lineTo" : "moveTo"](this.#x(frame), y(score));
      isDown = true;
    }
    Object.assign(context, { strokeStyle: target.color, lineWidth: 2 });
    if (!target.hidden) context.stroke(curve);
  }

  // A diamond for a box that was drawn, a bar where the target left the picture.
  #keys(context, ink, target, place) {
    const { key, to } = this.drag ?? {};
    const size = place === this.selected ? 6 : 4.5;
    Object.assign(context, { fillStyle: target.color, strokeStyle: ink, lineWidth: 1.2 });
    for (const [frame, box] of this.#keysOf(target)) {
      const isDragged = key?.target === place && key.frame === frame && to !== null;
      const [x, y] = [this.#x(isDragged ? to : frame), this.#y(place)];
      const diamond = `M${x} ${y - size}l${size} ${size}l${-size} ${size}l${-size} ${-size}Z`;
      const bar = `M${x - 1.5} ${y - size}h3v${2 * size}h-3Z`;
      const outline = new Path2D(box ? diamond : bar);
      context.fill(outline);
      context.stroke(outline);
    }
  }
}
