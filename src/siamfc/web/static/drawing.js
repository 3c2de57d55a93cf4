// Boxes on the frame that is shown: drawing, holding and removing them.

import { ask } from "./api.js";
import { boxes, edits, job, page, perform } from "./page.js";

// Someone takes hold of a box: the frame must stay, and tracking pause.
export function hold() {
  const now = job();
  if (!now) return;
  page.following = false;
  page.wanted = page.shown;
  if (now.state === "running" || now.state === "waiting") perform(() => ask("POST", `jobs/${now.id}/pause`));
}

export function draw(target, box) {
  edits.put(page.current, page.shown, target, box);
  page.refresh();
}

// What is to be seen of each target in the frame that is shown.
export function itemsOf(now) {
  const items = [];
  const count = edits.targets(now.id, now.targets);
  for (let target = 0; target < count; target += 1) {
    const keyframe = now.keyframes.find(([frame, of]) => frame === page.shown && of === target);
    const draft = edits.box(now.id, page.shown, target);
    const box = draft ?? keyframe?.slice(2) ?? page.track.box(page.shown, target);
    if (box) items.push({ target, box, score: page.track.score(page.shown, target), drawn: Boolean(draft ?? keyframe) });
  }
  return items;
}

// Take a drawn box back, or the selected target.
export async function remove() {
  const [now, target] = [job(), boxes.selected];
  if (target === null) return;
  hold();
  await edits.flush();
  const drawn = job().keyframes.filter(([, of]) => of === target).map(([frame]) => frame);
  const path = drawn.includes(page.shown) && drawn.length > 1 ? `boxes/${page.shown}/${target}` : `targets/${target}`;
  boxes.selected = null;
  await perform(() => ask("DELETE", `jobs/${now.id}/${path}`));
}
