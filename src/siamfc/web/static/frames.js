// Which frame's picture is on the stage.

import { image } from "./api.js";
import { fail, job, page, stage } from "./page.js";

// Show a frame and stay there.
export function show(frame) {
  const now = job();
  if (!now) return;
  page.following = false;
  page.wanted = Math.min(Math.max(frame, now.firstFrame), Math.max(now.firstFrame, now.frameCount - 1));
  if (!page.fetching) fetchWanted();
}

async function fetchWanted() {
  page.fetching = true;
  while (!page.following && page.wanted >= 0 && page.wanted !== page.shown) {
    const [id, frame] = [page.current, page.wanted];
    try {
      const bitmap = await image(`jobs/${id}/frames/${frame}`);
      if (id === page.current && !page.following) put(frame, bitmap);
    } catch (error) {
      if (id === page.current) {
        page.wanted = page.shown;
        fail(error);
      }
    }
  }
  page.fetching = false;
  page.refresh();
}

// Put a frame's picture on the stage.
export function put(frame, bitmap) {
  const now = job();
  page.shown = frame;
  if (page.following) page.wanted = frame;
  stage.frame = frame;
  stage.setSize(now.size);
  stage.show(bitmap, page.following);
  page.refresh();
}
