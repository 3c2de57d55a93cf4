// News from the server: states, rows and pictures, as they come.

import { news } from "./api.js";
import { put, show } from "./frames.js";
import { edits, fail, job, network, page } from "./page.js";
import { announce } from "./panel.js";
import * as share from "./share.js";

const LEAST_STEP = 40; // milliseconds between two pictures while tracking
const VIEWED_STEP = 100; // likewise with the network's view, which costs as much as tracking a frame
const HIDDEN_STEP = 1000;
const RETRY = 1500;

// Keep asking for news.
export async function watch() {
  for (;;) {
    const started = performance.now();
    page.asking = new AbortController();
    try {
      const [asked, known] = [page.current, edits.known()];
      apply(await news(question(), page.asking.signal), asked, known);
    } catch (error) {
      if (error.name !== "AbortError") {
        fail(error);
        await sleep(RETRY);
      }
    }
    await Promise.race([network.shown, sleep(HIDDEN_STEP)]); // a picture waits for its view
    const step = document.hidden ? HIDDEN_STEP : network.isOn ? VIEWED_STEP : LEAST_STEP;
    await sleep(started + step - performance.now());
  }
}

function question() {
  const query = { seen: page.seen };
  if (page.current) Object.assign(query, { job: page.current, version: page.track.version });
  if (page.current && page.following && !document.hidden) query.picture = page.shown;
  return query;
}

function apply(told, asked, known) {
  if (asked !== page.current) return told.bitmap?.close();
  const before = job();
  page.seen = told.seen;
  page.jobs = told.jobs;
  const now = job();
  if (page.current && !now) return page.select(page.jobs.at(-1)?.id ?? null);
  if (told.rows) page.track.add(told.rows.version, told.patches);
  edits.settle(known);
  if (told.bitmap && page.following) put(told.picture, told.bitmap);
  else told.bitmap?.close();
  if (now) settle(before, now);
  return page.refresh();
}

// React to a change of state.
function settle(before, now) {
  if (before && before.state !== now.state) announce(`${now.name}: ${now.state}. ${now.message}`);
  const hasEnded = before?.state === "running" && now.state !== "running";
  const isFirst = page.wanted < 0 && now.state !== "running";
  share.settle(now);
  if (now.live) return;
  if (page.following && hasEnded && page.shown >= 0) show(now.state === "done" ? now.end - 1 : page.shown);
  else if (isFirst) show(now.end > now.start + 1 ? now.end - 1 : now.firstFrame);
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
