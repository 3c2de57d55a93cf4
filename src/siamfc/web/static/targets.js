// The targets: what is seen of them in a frame, their names, and every change of them.

import { ask, read } from "./api.js";
import { byId, make, setText } from "./dom.js";
import { hold as holdFrame, show } from "./frames.js";
import { boxes, change, color, countTargets, edits, isBusy, job, marksOf, nameOf, page, perform } from "./page.js";
import { dismissNotice, notify } from "./panel.js";
import { BRIDGED, LOST } from "./track.js";

// Someone takes hold of a box: the frame must stay, and tracking pause.
export function hold() {
  const now = job();
  if (!now) return;
  holdFrame();
  dismissNotice();
  if (isBusy(now)) perform(() => ask("POST", `jobs/${now.id}/pause`));
}

export function draw(target, frame, box) {
  edits.put(page.current, frame, target, box);
  page.refresh();
}

// Boxes of the targets in the frame that is shown.
export function itemsOf(now) {
  return Array.from({ length: countTargets(now) }, (_, place) => itemOf(now.targets[place], place)).filter(Boolean);
}

function itemOf(target, place) {
  const key = edits.box(page.shown, place) ?? keyOf(target, page.shown)?.[1];
  const box = key ?? page.track.box(page.shown, target?.id);
  const { hidden, locked } = marksOf(target);
  if (!box || hidden) return null;
  const lost = key ? undefined : { [LOST]: "lost", [BRIDGED]: "bridged" }[page.track.status(page.shown, target.id)];
  const score = page.track.score(page.shown, target?.id);
  return { target: place, box, name: nameOf(target, place), color: color(place), score, lost, key: Boolean(key), locked };
}

const selected = () => job()?.targets[boxes.selected] ?? null;
const keyOf = (target, frame) => target?.keyframes.find(([at]) => at === frame);
const hasDraft = (frame) => Boolean(edits.box(frame, boxes.selected));
const here = () => (page.wanted >= 0 ? page.wanted : page.shown); // also while a frame is on its way

// Delete the selected target's key frame in this frame, or else the target.
export function remove() {
  if (!selected()) return;
  if (keyOf(selected(), page.shown) || hasDraft(page.shown)) removeKey();
  else removeTarget();
}

export function removeKey() {
  hold();
  change("DELETE", `boxes/${page.shown}/${boxes.selected}`);
}

export function removeTarget() {
  hold();
  const target = boxes.selected;
  boxes.selected = null;
  change("DELETE", `targets/${target}`);
}

export function leave() {
  if (!selected()) return notify("Select the target that left the picture");
  hold();
  return change("PUT", `boxes/${page.shown}/${boxes.selected}`, { box: null });
}

export const move = (target, from, to) => change("POST", `boxes/${from}/${target}`, { to });

let isMoving = false;

// Take the selected target's key frame in this frame along to a frame before or after.
export async function moveKey(way) {
  const [from, target] = [here(), boxes.selected];
  const key = keyOf(selected(), from);
  const to = from + way;
  if (isMoving) return;
  if (!key && !hasDraft(from)) return notify("There is no key frame of the selected target in this frame");
  if (to < job().firstFrame || to >= job().frameCount) return notify("The key frame cannot leave the video");
  isMoving = true;
  hold();
  if (await move(target, from, to)) {
    if (key) key[0] = to; // before the server says so: the key may be held down
    show(to);
  }
  isMoving = false;
}

// Track the selected target from its first key frame to the start of the video, or no longer.
export function reachBack() {
  if (!selected()) return notify("Select the target to track backwards");
  hold();
  return change("PUT", `targets/${boxes.selected}`, { backwards: !selected().backwards });
}

export function travel(action) {
  hold();
  change("POST", action);
}

export function mark(name) {
  if (!selected()) return;
  const marks = marksOf(selected());
  marks[name] = !marks[name];
  page.refresh();
}

function startAdding() {
  boxes.adding = !boxes.adding;
  if (boxes.adding) notify("Draw a box around the new target");
  page.refresh();
}

// The next key frame of the selected target, or of any, before or after the one shown.
export function goToKey(way) {
  const targets = selected() ? [selected()] : job().targets;
  const frames = targets.flatMap(({ keyframes }) => keyframes.map(([frame]) => frame));
  const ahead = frames.filter((frame) => way * (frame - here()) > 0);
  if (!ahead.length) return notify(way > 0 ? "No key frame after this one" : "No key frame before this one");
  return show(way > 0 ? Math.min(...ahead) : Math.max(...ahead));
}

// The next stretch that deserves a look.
export async function goToCheck(way) {
  const found = await perform(() => read(`jobs/${page.current}/review`));
  if (!found) return;
  const next = found.filter(({ worst }) => way * (worst - here()) > 0).at(way > 0 ? 0 : -1);
  if (!found.length) return notify("Nothing to check: no box is in doubt");
  if (!next) return notify(`Nothing to check ${way > 0 ? "after" : "before"} this frame`);
  boxes.select(next.target);
  show(next.worst);
  notify(`${nameOf(job().targets[next.target], next.target)}: ${next.reason}, frames ${next.start + 1} to ${next.end + 1}`);
}

// --- The list of targets and the tools of the selected one ------------------------------------------

export function listen() {
  byId("target-name").onchange = (event) => {
    const name = event.target.value.trim();
    if (name && selected()) change("PUT", `targets/${boxes.selected}`, { name });
  };
  byId("target-name").onkeydown = (event) => event.key === "Enter" && byId("stage").focus();
  byId("opacity").oninput = (event) => { byId("boxes").style.opacity = event.target.value / 100; };
}

export function refresh(now) {
  const count = countTargets(now);
  const list = byId("targets");
  if (list.children.length !== count + 1) {
    const add = make("button", { type: "button", id: "add-target", textContent: "New target", onclick: startAdding });
    list.replaceChildren(...Array.from({ length: count }, (_, place) => make("li", {}, entry(place))), make("li", {}, add));
  }
  for (const [place, { firstChild: button }] of [...list.children].slice(0, -1).entries()) {
    const { hidden, locked } = marksOf(now.targets[place]);
    button.children[0].style.backgroundColor = color(place);
    setText(button.children[1], nameOf(now.targets[place], place));
    setText(button.children[2], [hidden && "hidden", locked && "locked"].filter(Boolean).join(", "));
    button.ariaPressed = place === boxes.selected;
  }
  const add = list.lastChild.firstChild;
  add.ariaPressed = boxes.adding;
  add.hidden = count === 0;
  add.disabled = count >= boxes.most;
  byId("opacity").parentElement.hidden = count === 0;
  showTools(selected());
}

function entry(place) {
  const onclick = () => boxes.select(boxes.selected === place ? null : place);
  return make("button", { type: "button", onclick }, make("span", { className: "swatch" }), make("span"), make("small"));
}

function showTools(target) {
  byId("target-tools").hidden = !target;
  if (!target) return;
  const name = byId("target-name");
  if (document.activeElement !== name) name.value = nameOf(target, boxes.selected);
  const { hidden, locked } = marksOf(target);
  byId("toggle-hidden").ariaPressed = hidden;
  byId("toggle-locked").ariaPressed = locked;
  byId("toggle-backwards").ariaPressed = target.backwards;
  byId("toggle-backwards").disabled = target.keyframes[0][0] <= job().firstFrame;
  byId("delete-key").disabled = !keyOf(target, page.shown);
  byId("end-target").disabled = !target.keyframes.some(([frame, box]) => box && frame < page.shown);
}
