// Tracking on, and keeping what came of it.

import { ask } from "./api.js";
import { show } from "./frames.js";
import { boxes, byId, edits, job, page, perform } from "./page.js";

// Start or pause.
export async function run() {
  const now = job();
  if (byId("run").disabled) return;
  if (now.state === "running" || now.state === "waiting") {
    await perform(() => ask("POST", `jobs/${now.id}/pause`));
    return;
  }
  await edits.flush();
  if (await perform(() => ask("POST", `jobs/${now.id}/start`))) {
    boxes.selected = null;
    page.following = true;
    page.asking?.abort();
  }
}

// Go some frames back or on; beyond what has been tracked, one step of the tracker at a time.
export async function go(count) {
  const now = job();
  const isAtEnd = page.track.count && page.shown === page.track.end - 1;
  if (count === 1 && isAtEnd && now.state !== "running" && page.shown < now.frameCount - 1) {
    if (page.stepFrom !== null) return;
    page.stepFrom = page.track.end;
    await edits.flush();
    if (!(await perform(() => ask("POST", `jobs/${now.id}/step`)))) page.stepFrom = null;
    return;
  }
  const from = page.fetching ? page.wanted : page.shown;
  show(from + count);
}

// Go to the newest frame and on with it.
export function follow() {
  page.following = true;
  page.asking?.abort();
  const now = job();
  if (!now.live && now.state !== "running" && page.track.count) show(page.track.end - 1);
}

export function save(address) {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}

export async function makeFilm() {
  const now = job();
  page.film = now.id;
  if (!(await perform(() => ask("POST", `jobs/${now.id}/film`)))) page.film = null;
}
