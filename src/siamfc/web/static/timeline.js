// Where one is in the video: the scores over time, and beneath them the slider.

import { Lowest } from "./lowest.js";

const PAD = 8; // CSS pixels: half the slider's thumb, so that curve and thumb agree

export class Timeline {
  constructor(onSeek) {
    this.canvas = document.getElementById("plot");
    this.slider = document.getElementById("frame");
    this.first = 0;
    this.last = 0;
    this.shown = 0;
    this.track = null;
    this.lowest = new Lowest();
    this.keyframes = [];
    this.color = () => "gray";
    this.slider.addEventListener("input", () => onSeek(Number(this.slider.value)));
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      onSeek(this.#frameAt(event));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) onSeek(this.#frameAt(event));
    });
    new ResizeObserver(() => this.#plan()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plan());
  }

  update({ first, last, shown, track, keyframes, color }) {
    Object.assign(this, { first, last, shown, track, keyframes, color });
    this.slider.min = first;
    this.slider.max = Math.max(first, last);
    this.slider.value = shown;
    this.slider.setAttribute("aria-valuetext", `frame ${shown} of ${last}`);
    this.canvas.setAttribute("aria-label", this.#words());
    this.#plan();
  }

  #words() {
    const { track, shown } = this;
    if (!track?.count) return "Scores over time: nothing has been tracked yet";
    const scores = Array.from({ length: track.targets }, (_, target) => {
      const score = track.score(shown, target);
      return `target ${target + 1}: ${Number.isFinite(score) ? score.toFixed(2) : "none"}`;
    });
    return `Scores over time; in frame ${shown}, ${scores.join(", ")}`;
  }

  #frameAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (event.clientX - box.left - PAD) / Math.max(1, box.width - 2 * PAD);
    return Math.round(this.first + Math.min(1, Math.max(0, share)) * (this.last - this.first));
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
    const span = Math.max(1, this.last - this.first);
    const x = (frame) => PAD + ((frame - this.first) / span) * (width - 2 * PAD);
    const y = (score) => 6 + (1 - score) * (height - 12);
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = 1;
    context.beginPath();
    for (const score of [0, 0.5, 1]) {
      context.moveTo(PAD, Math.round(y(score)) + 0.5);
      context.lineTo(width - PAD, Math.round(y(score)) + 0.5);
    }
    context.stroke();
    if (this.track) this.lowest.update(this.track, span, width);
    for (let target = 0; target < (this.track?.targets ?? 0); target += 1) this.#curve(context, target, x, y);
    for (const [frame, target] of this.keyframes) {
      context.fillStyle = this.color(target);
      context.strokeStyle = style.getPropertyValue("--ink");
      context.beginPath();
      context.arc(x(frame), y(1), 4, 0, 7);
      context.fill();
      context.stroke();
    }
    context.strokeStyle = style.getPropertyValue("--ink");
    context.beginPath();
    context.moveTo(x(this.shown), 0);
    context.lineTo(x(this.shown), height);
    context.stroke();
  }

  #curve(context, target, x, y) {
    context.strokeStyle = this.color(target);
    context.lineWidth = 2;
    context.beginPath();
    let isDown = false;
    for (const [frame, score] of this.lowest.points(target)) {
      if (isDown && Number.isFinite(score)) context.lineTo(x(frame), y(score));
      else if (Number.isFinite(score)) context.moveTo(x(frame), y(score));
      isDown = Number.isFinite(score);
    }
    context.stroke();
  }
}
