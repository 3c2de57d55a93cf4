// The lowest score of each group of frames: what a plot shows of a video with more frames than
// pixels. A loss must not go unseen, and hours of rows must not be read anew for every picture.

export class Lowest {
  constructor() {
    this.#clear(null, 1);
  }

  #clear(track, step) {
    this.track = track;
    this.epoch = track?.epoch;
    this.start = track?.start;
    this.step = step;
    this.end = track?.start ?? 0; // frames before it are taken in
    this.groups = []; // by target, then by group
  }

  // Take in the rows that are new, so that no more than `most` groups cover `span` frames.
  update(track, span, most) {
    const step = 2 ** Math.max(0, Math.ceil(Math.log2(span / Math.max(1, most))));
    const isOther = track !== this.track || track.epoch !== this.epoch || track.start !== this.start;
    if (isOther || step !== this.step || track.end < this.end || track.targets !== this.groups.length) {
      this.#clear(track, step);
      this.groups = Array.from({ length: track.targets }, () => []);
    }
    this.groups.forEach((values, target) => {
      for (let frame = this.end; frame < track.end; frame += 1) {
        const group = Math.floor((frame - this.start) / step);
        const [score, lowest] = [track.score(frame, target), values[group] ?? NaN];
        values[group] = lowest <= score || Number.isNaN(score) ? lowest : score;
      }
    });
    this.end = track.end;
  }

  // Frame and lowest score of each group in turn, NaN where the target is absent.
  *points(target) {
    for (const [group, score] of (this.groups[target] ?? []).entries()) yield [this.start + group * this.step, score];
  }
}
