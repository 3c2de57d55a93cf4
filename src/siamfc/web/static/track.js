// The rows of one job as far as they have come: a box and a score for each frame and target.

const VALUES = 5; // x, y, w, h, score

export class Track {
  constructor() {
    this.clear(-1, 0, 0);
  }

  clear(epoch, start, targets) {
    this.epoch = epoch;
    this.start = start;
    this.targets = targets;
    this.count = 0;
    this.values = new Float32Array(1024 * VALUES * Math.max(1, targets));
  }

  get end() {
    return this.start + this.count;
  }

  // Rows that follow those held are added; others replace them all.
  add({ epoch, start, shape: [count, targets], values }) {
    if (epoch !== this.epoch || targets !== this.targets || start !== this.end) this.clear(epoch, start, targets);
    const width = VALUES * targets;
    const needed = (this.count + count) * width;
    if (needed > this.values.length) {
      const larger = new Float32Array(Math.max(needed, 2 * this.values.length));
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(values, this.count * width);
    this.count += count;
  }

  has(frame) {
    return frame >= this.start && frame < this.end;
  }

  box(frame, target) {
    if (!this.has(frame) || target >= this.targets) return null;
    const at = ((frame - this.start) * this.targets + target) * VALUES;
    const box = Array.from(this.values.subarray(at, at + 4));
    return Number.isFinite(box[0]) ? box : null;
  }

  score(frame, target) {
    if (!this.has(frame) || target >= this.targets) return NaN;
    return this.values[((frame - this.start) * this.targets + target) * VALUES + 4];
  }
}
