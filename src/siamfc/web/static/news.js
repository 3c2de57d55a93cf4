// What the server tells: states, rows and pictures, as they come.

import { news } from "./api.js";
import { put, show } from "./frames.js";
import { edits, fail, job, page } from "./page.js";
import * as panel from "./panel.js";
import { save } from "./running.js";

const LEAST_STEP = 40; // milliseconds between two pictures while tracking
const VIEWED_STEP = 100; // likewise with the network's view, which costs as much as tracking a frame
const HIDDEN_STEP = 1000;
const RETRY = 1500;

// Ask for news for ever.
export async function watch() {
  for (;;) {
    const started = performance.now();
    page.asking = new AbortController();
    try {
      apply(await news(question(), page.asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") {
        fail(error);
        await sleep(RETRY);
      }
    }
    await Promise.race([page.network.shown, sleep(HIDDEN_STEP)]); // a picture waits for its view
    const step = document.hidden ? HIDDEN_STEP : page.network.isOn ? VIEWED_STEP : LEAST_STEP;
    await sleep(Math.max(0, step - (performance.now() - started)));
  }
}

function question() {
  const query = { seen: page.seen };
  if (page.current) Object.assign(query, { job: page.current, epoch: page.track.epoch, have: page.track.end });
  if (page.current && page.following && !document.hidden) query.picture = page.shown;
  page.asked = page.current;
  return query;
}

function apply(told) {
  if (page.asked !== page.current) return told.bitmap?.close();
  const before = job();
  page.seen = told.seen;
  page.jobs = told.jobs;
  const now = job();
  if (page.current && !now) {
    page.select(page.jobs.at(-1)?.id ?? null);
    return;
  }
  if (told.rows) page.track.add(told.rows);
  edits.settle();
  if (told.bitmap) {
    if (page.following) put(told.picture, told.bitmap);
    else told.bitmap.close();
  }
  if (now) settle(before, now);
  page.refresh();
}

// What follows from a change of state, or from a frame that a step brought.
function settle(before, now) {
  if (before && before.state !== now.state) panel.announce(`${now.name}: ${now.state}. ${now.message}`);
  if (page.stepFrom !== null && (page.track.end > page.stepFrom || now.state === "failed")) {
    page.stepFrom = null;
    show(page.track.end - 1);
  }
  const hasEnded = before?.state === "running" && now.state !== "running";
  if (page.following && hasEnded && !now.live && page.track.count) show(page.track.end - 1);
  else if (page.wanted < 0 && !now.live && now.state !== "running") {
    show(page.track.count ? page.track.end - 1 : now.firstFrame);
  }
  if (page.film && page.film === now.id && now.film.state === "ready") {
    page.film = null;
    save(`/api/jobs/${encodeURIComponent(now.id)}/film.mp4`);
  }
  if (now.film.state === "failed" && page.film === now.id) {
    page.film = null;
    fail(new Error(now.film.message));
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
