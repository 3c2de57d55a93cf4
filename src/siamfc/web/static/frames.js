// The frame on the stage: sought, followed or played.

import { frame as fetchFrame, played } from "./api.js";
import { byId, setText } from "./dom.js";
import { fail, job, page, stage } from "./page.js";

const PATIENCE = 150; // milliseconds after which a frame that does not come is announced

// Show a frame and stay there.
export function show(frame) {
  const now = job();
  if (!now) return;
  hold();
  page.wanted = Math.min(Math.max(frame, now.firstFrame), Math.max(now.firstFrame, now.frameCount - 1));
  if (!page.fetching) fetchWanted();
}

// Keep the frame that is on the stage, whatever is on its way.
export function hold() {
  stopPlaying();
  page.following = false;
  page.wanted = page.shown;
}

export const go = (count) => show((page.fetching ? page.wanted : page.shown) + count);
export const first = () => show(0);
export const last = () => show((job().end || job().frameCount) - 1);

// Go to the latest frame and on with it.
export function follow() {
  stopPlaying();
  page.following = true;
  page.asking?.abort();
}

async function fetchWanted() {
  page.fetching = true;
  const timer = setTimeout(() => announceSeeking(true), PATIENCE);
  while (!page.following && !page.playing && page.wanted >= 0 && !isThere()) {
    const [id, frame, full] = [page.current, page.wanted, stage.zoom > 1];
    if (!byId("seeking").hidden) announceSeeking(true);
    try {
      const { bitmap, time } = await fetchFrame(`jobs/${id}/frames/${frame}${full ? "?full=1" : ""}`);
      // A box that is held belongs to the frame on the stage: no other may come beneath it.
      const mayChange = !page.following && page.wanted !== page.shown;
      if (id === page.current && (mayChange || frame === page.shown)) put(frame, bitmap, time, full);
      else bitmap.close();
    } catch (error) {
      if (id === page.current) {
        page.wanted = page.shown;
        fail(error);
      }
      break;
    }
  }
  clearTimeout(timer);
  announceSeeking(false);
  page.fetching = false;
  page.refresh();
}

// True if the wanted frame is shown, with all its pixels when zoomed in.
const isThere = () => page.wanted === page.shown && (page.full || stage.zoom <= 1);

function announceSeeking(is) {
  byId("seeking").hidden = !is;
  setText(byId("seeking-text"), is ? `Loading frame ${page.wanted + 1}…` : "");
}

// A zoomed picture needs all its pixels.
export function sharpen() {
  if (!page.fetching && !isThere()) fetchWanted();
}

// Put a frame's picture on the stage.
export function put(frame, bitmap, time, full = false) {
  const now = job();
  page.shown = frame;
  page.time = time ?? (now.frameRate ? frame / now.frameRate : NaN);
  page.full = full;
  if (page.following || page.playing) page.wanted = frame;
  stage.frame = frame;
  stage.setSize(now.size);
  stage.show(bitmap, page.following);
  page.refresh();
}

export function stopPlaying() {
  page.playing?.abort();
  page.playing = null;
}

// Play from the frame that is shown, from the start if it is the last; or stop.
export async function play() {
  const now = job();
  const isPlaying = Boolean(page.playing);
  hold();
  if (isPlaying) return page.refresh();
  const start = page.shown >= now.frameCount - 1 ? now.firstFrame : page.shown;
  const playing = new AbortController();
  page.playing = playing;
  page.refresh();
  try {
    const path = `jobs/${now.id}/play?start=${start}&percent=${byId("speed").value}`;
    for await (const { frame, time, bitmap } of played(path, playing.signal)) {
      if (page.playing !== playing) return bitmap.close();
      put(frame, bitmap, time);
    }
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  } finally {
    if (page.playing === playing) page.playing = null;
    page.refresh();
  }
}

// Play on at another speed.
export function changeSpeed() {
  if (!page.playing) return;
  hold();
  play();
}
