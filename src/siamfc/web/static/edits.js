// Boxes that were drawn here and are on their way to the server, in the order in which they came.

import { ask } from "./api.js";

const PAUSE = 200; // milliseconds without a further change after which a box is sent

export class Edits {
  constructor(onError) {
    this.onError = onError;
    this.drafts = new Map(); // "job/frame/target" → { box, sent, known }
    this.line = Promise.resolve();
    this.timer = null;
  }

  // The box that was drawn for a target in a frame, if the server has not confirmed it yet.
  box(job, frame, target) {
    return this.drafts.get(`${job}/${frame}/${target}`)?.box ?? null;
  }

  // How many targets there will be once all has been sent.
  targets(job, known) {
    let count = known;
    for (const key of this.drafts.keys()) {
      const [id, , target] = key.split("/");
      if (id === job) count = Math.max(count, Number(target) + 1);
    }
    return count;
  }

  // Whether the server has yet to confirm a box that was drawn here.
  isPending(job) {
    return [...this.drafts.keys()].some((key) => key.startsWith(`${job}/`));
  }

  put(job, frame, target, box) {
    this.drafts.set(`${job}/${frame}/${target}`, { box, sent: false, known: false });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE);
  }

  // Send what waits; resolves when the server has all of it.
  flush() {
    clearTimeout(this.timer);
    for (const [key, draft] of this.drafts) {
      if (draft.sent) continue;
      draft.sent = true;
      const [job, frame, target] = key.split("/");
      this.line = this.line.then(async () => {
        try {
          await ask("PUT", `jobs/${job}/boxes/${frame}/${target}`, { box: draft.box });
          draft.known = true;
        } catch (error) {
          if (this.drafts.get(key) === draft) this.drafts.delete(key);
          this.onError(error);
        }
      });
    }
    return this.line;
  }

  // Drafts that the server has: what it says from now on includes them.
  known() {
    return [...this.drafts].filter(([, draft]) => draft.known);
  }

  settle(drafts) {
    for (const [key, draft] of drafts) if (this.drafts.get(key) === draft) this.drafts.delete(key);
  }
}
