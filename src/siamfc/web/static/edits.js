// Boxes that were drawn in the video in view and are on their way to the server, in the order in
// which they came.

import { ask } from "./api.js";

const PAUSE = 200; // milliseconds without a further change after which a box is sent

export class Edits {
  constructor(onError) {
    this.onError = onError;
    this.drafts = new Map(); // "frame/target" → { path, box, sent, known: the server has it }
    this.line = Promise.resolve();
  }

  // The box that was drawn for a target in a frame, if the server has not confirmed it yet.
  box(frame, target) {
    return this.drafts.get(`${frame}/${target}`)?.box;
  }

  // How many targets there will be once all has been sent.
  count(known) {
    return Math.max(known, ...[...this.drafts.keys()].map((key) => Number(key.split("/")[1]) + 1));
  }

  put(job, frame, target, box) {
    const path = `jobs/${job}/boxes/${frame}/${target}`;
    this.drafts.set(`${frame}/${target}`, { path, box, sent: false, known: false });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE);
  }

  // Send what waits; resolves when the server has all of it.
  flush() {
    clearTimeout(this.timer);
    for (const [key, draft] of this.drafts) {
      if (draft.sent) continue;
      draft.sent = true;
      this.line = this.line.then(async () => {
        try {
          await ask("PUT", draft.path, { box: draft.box });
          draft.known = true;
        } catch (error) {
          this.settle([[key, draft]]);
          this.onError(error);
        }
      });
    }
    return this.line;
  }

  // Another video comes into view.
  leave() {
    this.flush();
    this.drafts.clear();
  }

  // Drafts that the server has: what it says from now on includes them.
  known() {
    return [...this.drafts].filter(([, draft]) => draft.known);
  }

  settle(drafts) {
    for (const [key, draft] of drafts) if (this.drafts.get(key) === draft) this.drafts.delete(key);
  }
}
