// The lowest score of each group of frames: what a plot shows of a video with more frames than
// pixels. A loss must not go unseen, and hours of rows must not be read again for every picture.

import { BRIDGED, LOST } from "./track.js";

export class Lowest {
  constructor(target) {
    this.target = target;
    this.step = 0;
    this.end = 0; // frames before it are read
    this.groups = []; // { score, lost, known }
  }

  // Read the rows that are new or changed, so that no more than `most` groups cover `span` frames.
  update(track, span, most) {
    const step = 2 ** Math.max(0, Math.ceil(Math.log2(span / Math.max(1, most))));
    const changed = track.takeChanged(this.target);
    const end = track.endOf(this.target);
    if (step !== this.step) [this.step, this.end] = [step, 0];
    this.end = Math.min(this.end, Math.floor(Math.min(changed, end) / step) * step);
    this.groups.length = Math.min(this.groups.length, Math.ceil(this.end / step));
    for (let frame = this.end; frame < end; frame += 1) {
      const index = Math.floor(frame / step);
      const group = (this.groups[index] ??= { score: NaN, lost: false });
      const score = track.score(frame, this.target);
      if (!(group.score <= score) && !Number.isNaN(score)) group.score = score;
      group.lost ||= [LOST, BRIDGED].includes(track.status(frame, this.target));
    }
    this.end = Math.max(this.end, end);
  }

  // First frame, lowest score (NaN where the target is absent) and whether it was lost, by group.
  *points() {
    for (const [index, { score, lost }] of this.groups.entries()) yield [index * this.step, score, lost];
  }
}
