// The targets: what is seen of them in a frame, their names, and every change of them.

import { ask } from "./api.js";
import { hold as holdFrame, show } from "./frames.js";
import { boxes, byId, color, edits, job, marksOf, nameOf, page, perform } from "./page.js";
import { notify, setText } from "./panel.js";
import { BRIDGED, LOST } from "./track.js";

// Someone takes hold of a box: the frame must stay, and tracking pause.
export function hold() {
  const now = job();
  if (!now) return;
  holdFrame();
  if (now.state === "running" || now.state === "waiting") perform(() => ask("POST", `jobs/${now.id}/pause`));
}

export function draw(target, frame, box) {
  edits.put(page.current, frame, target, box);
  page.refresh();
}

// Boxes of the targets in the frame that is shown.
export function itemsOf(now) {
  const items = [];
  const count = edits.targets(now.id, now.targets.length);
  for (let place = 0; place < count; place += 1) {
    const target = now.targets[place];
    const draft = edits.box(now.id, page.shown, place);
    const key = target?.keyframes.find(([frame]) => frame === page.shown);
    const box = draft ?? (key ? key[1] : page.track.box(page.shown, target?.id));
    const { hidden, locked } = marksOf(target);
    if (!box || hidden) continue;
    const isKey = Boolean(draft ?? key);
    const status = isKey ? NaN : page.track.status(page.shown, target.id);
    const lost = { [LOST]: "lost", [BRIDGED]: "bridged" }[status];
    items.push({ target: place, box, name: nameOf(target, place), color: color(place), score: page.track.score(page.shown, target?.id), lost, key: isKey, locked });
  }
  return items;
}

const selected = () => job()?.targets[boxes.selected] ?? null;
const hasKey = () => selected()?.keyframes.some(([frame]) => frame === page.shown) ?? false;
const here = () => (page.wanted >= 0 ? page.wanted : page.shown); // also while a frame is on its way
const address = (path) => `jobs/${page.current}/${path}`;

// Send a change once all that was drawn before has been sent.
async function change(method, path, body) {
  await edits.flush();
  const done = await perform(() => ask(method, address(path), body));
  page.asking?.abort();
  return done;
}

// Delete the selected target's key frame in this frame, or else the target.
export function remove() {
  if (!selected()) return;
  hold();
  if (hasKey() || edits.box(page.current, page.shown, boxes.selected)) removeKey();
  else removeTarget();
}

export function removeKey() {
  change("DELETE", `boxes/${page.shown}/${boxes.selected}`);
}

export function removeTarget() {
  const target = boxes.selected;
  boxes.selected = null;
  change("DELETE", `targets/${target}`);
}

export function leave() {
  if (!selected()) return notify("Select the target that left the picture");
  hold();
  change("PUT", `boxes/${page.shown}/${boxes.selected}`, { box: null });
}

export function move(target, from, to) {
  return change("POST", `boxes/${from}/${target}`, { to });
}

let isMoving = false;

// Take the selected target's key frame in this frame along to a frame before or after.
export async function moveKey(way) {
  const [from, target] = [here(), boxes.selected];
  const key = selected()?.keyframes.find(([frame]) => frame === from);
  const to = from + way;
  if (isMoving) return;
  if (!key && !edits.box(page.current, from, target)) return notify("There is no key frame of the selected target in this frame");
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
  change("PUT", `targets/${boxes.selected}`, { backwards: !selected().backwards });
}

export function travel(action) {
  hold();
  change("POST", action);
}

export function mark(name) {
  const target = selected();
  if (!target) return;
  const marks = marksOf(target);
  marks[name] = !marks[name];
  page.refresh();
}

export function startAdding() {
  boxes.adding = !boxes.adding;
  if (boxes.adding) notify("Draw a box around the new target");
  page.refresh();
}

// The next key frame of the selected target, or of any, before or after the one shown.
export function goToKey(way) {
  const now = job();
  const targets = selected() ? [selected()] : now.targets;
  const frames = targets.flatMap(({ keyframes }) => keyframes.map(([frame]) => frame)).filter((frame) => way * (frame - here()) > 0);
  if (frames.length) show(way > 0 ? Math.min(...frames) : Math.max(...frames));
  else notify(way > 0 ? "No key frame after this one" : "No key frame before this one");
}

// The next stretch that deserves a look.
export async function goToCheck(way) {
  const found = await perform(async () => (await ask("GET", address("review"))).json());
  if (!found) return;
  const ahead = found.filter(({ worst }) => way * (worst - here()) > 0);
  const next = way > 0 ? ahead.at(0) : ahead.at(-1);
  if (!next) return notify(found.length ? `Nothing to check ${way > 0 ? "after" : "before"} this frame` : "Nothing to check: no box is in doubt");
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
  byId("delete-key").onclick = () => { hold(); removeKey(); };
  byId("delete-target").onclick = () => { hold(); removeTarget(); };
  byId("opacity").oninput = (event) => { byId("boxes").style.opacity = event.target.value / 100; };
}

export function refresh(now) {
  const count = edits.targets(now.id, now.targets.length);
  const list = byId("targets");
  if (list.children.length !== count + 1) {
    list.replaceChildren(...Array.from({ length: count + 1 }, (_, place) => entry(place, place === count)));
  }
  [...list.children].slice(0, -1).forEach((item, place) => {
    const [swatch, text, state] = item.firstChild.children;
    const { hidden, locked } = marksOf(now.targets[place]);
    swatch.style.backgroundColor = color(place);
    setText(text, nameOf(now.targets[place], place));
    setText(state, [hidden && "hidden", locked && "locked"].filter(Boolean).join(", "));
    item.firstChild.setAttribute("aria-pressed", String(place === boxes.selected));
  });
  const add = list.lastChild.firstChild;
  add.setAttribute("aria-pressed", String(boxes.adding));
  add.hidden = count === 0;
  add.disabled = count >= boxes.most;
  showTools(selected());
}

function entry(place, isLast) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  if (isLast) {
    button.id = "add-target";
    button.textContent = "New target";
    button.onclick = startAdding;
  } else {
    const [swatch, text, state] = ["span", "span", "small"].map((name) => document.createElement(name));
    swatch.className = "swatch";
    button.append(swatch, text, state);
    button.onclick = () => boxes.select(boxes.selected === place ? null : place);
  }
  item.append(button);
  return item;
}

function showTools(target) {
  byId("target-tools").hidden = !target;
  if (!target) return;
  const { hidden, locked } = marksOf(target);
  const name = byId("target-name");
  if (document.activeElement !== name) name.value = nameOf(target, boxes.selected);
  byId("toggle-hidden").setAttribute("aria-pressed", String(hidden));
  byId("toggle-locked").setAttribute("aria-pressed", String(locked));
  byId("toggle-backwards").setAttribute("aria-pressed", String(target.backwards));
  byId("toggle-backwards").disabled = target.keyframes[0][0] <= job().firstFrame;
  byId("delete-key").disabled = !hasKey();
  byId("end-target").disabled = !target.keyframes.some(([frame]) => frame < page.shown);
}
