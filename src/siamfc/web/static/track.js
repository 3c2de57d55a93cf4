// The rows of one video as far as they are known: a box, a score and a status for each target.

import { COLUMNS } from "./api.js";

export const LOST = 2;
export const BRIDGED = 3;

export class Track {
  version = -1;
  rows = new Map(); // by target's id: { values, end }
  changed = new Map(); // by target's id: the first frame that changed since it was last asked

  get end() {
    return Math.max(0, ...[...this.rows.values()].map(({ end }) => end));
  }

  add(version, patches) {
    this.version = version;
    for (const { target, start, values } of patches) this.#put(target, start, values);
  }

  #put(target, start, values) {
    const rows = this.rows.get(target) ?? { values: new Float32Array(0), end: 0 };
    this.rows.set(target, rows);
    const needed = start * COLUMNS + values.length;
    if (needed > rows.values.length) {
      const larger = new Float32Array(Math.max(needed, 2 * rows.values.length)).fill(NaN);
      larger.set(rows.values);
      rows.values = larger;
    }
    const old = rows.values.subarray(start * COLUMNS, needed);
    const first = values.findIndex((value, index) => !Object.is(value, old[index]));
    if (first < 0) return;
    old.set(values);
    const changed = start + Math.floor(first / COLUMNS);
    this.changed.set(target, Math.min(changed, this.changed.get(target) ?? Infinity));
    rows.end = Math.max(rows.end, needed / COLUMNS);
    while (rows.end && Number.isNaN(rows.values[(rows.end - 1) * COLUMNS])) rows.end -= 1;
  }

  // The first frame of a target that changed since this was last asked.
  takeChanged(target) {
    const changed = this.changed.get(target) ?? Infinity;
    this.changed.delete(target);
    return changed;
  }

  endOf(target) {
    return this.rows.get(target)?.end ?? 0;
  }

  #row(frame, target) {
    const rows = this.rows.get(target);
    return frame >= 0 && frame < rows?.end ? rows.values.subarray(frame * COLUMNS, (frame + 1) * COLUMNS) : [];
  }

  box(frame, target) {
    const box = [...this.#row(frame, target)].slice(0, 4);
    return Number.isFinite(box[0]) ? box : null;
  }

  score(frame, target) {
    return this.#row(frame, target)[4] ?? NaN;
  }

  status(frame, target) {
    return this.#row(frame, target)[5] ?? NaN;
  }
}
