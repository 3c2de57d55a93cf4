// The page: which video is looked at, and what its user can do.

import { Refusal, ask, read } from "./api.js";
import { draw, hold, itemsOf, remove } from "./drawing.js";
import { show } from "./frames.js";
import { fillHelp, listen } from "./keys.js";
import { watch } from "./news.js";
import { Opening } from "./opening.js";
import { boxes, byId, edits, fail, job, page, perform, stage } from "./page.js";
import * as panel from "./panel.js";
import { follow, go, makeFilm, run } from "./running.js";
import { Timeline } from "./timeline.js";
import { Track } from "./track.js";

const { network } = page;
const timeline = new Timeline((frame) => show(frame));
const opening = new Opening({
  onOpen: select,
  onError: fail,
  onCameraEnd: (id, reason) => reason && fail(new Error(reason)),
});
Object.assign(page, { refresh, select, draw, hold });

// --- Which video is looked at ----------------------------------------------------------------------

function select(id) {
  panel.showMessage("");
  if (id !== page.current) {
    Object.assign(page, { current: id, shown: -1, wanted: -1, following: true, stepFrom: null, track: new Track(), seen: "" });
    boxes.selected = null;
    boxes.isReady = false;
    boxes.show([], 0);
    stage.clear();
    panel.clear();
    history.replaceState(null, "", id ? `/#${id}` : "/");
    page.asking?.abort();
  }
  byId("opening").hidden = id !== null;
  byId("work").hidden = id === null;
  if (id === null) opening.list();
  refresh();
}

function showOpening() {
  select(null);
  byId("opening-title").focus();
  return true;
}

async function close(id) {
  await perform(() => ask("DELETE", `jobs/${id}`));
  page.jobs = page.jobs.filter((each) => each.id !== id);
  if (id === page.current) select(page.jobs.at(-1)?.id ?? null);
  refresh();
}

// --- Putting it on the page ------------------------------------------------------------------------

function refresh() {
  const now = job();
  panel.showJobs(page.jobs, page.current, { onSelect: select, onClose: close });
  document.title = now ? `${now.name} – siamfc` : "siamfc";
  if (!now) return;
  const count = edits.targets(now.id, now.targets);
  const items = itemsOf(now);
  boxes.isReady = page.shown >= 0;
  boxes.show(items, count);
  panel.showTargets(count, boxes.selected, (target) => boxes.color(target), (target) => {
    boxes.select(boxes.selected === target ? null : target);
  });
  panel.showControls(now, { shown: page.shown, following: page.following, jobs: page.jobs, hasBoxes: count > 0 });
  panel.showLinks(now, page.shown);
  timeline.update({
    first: now.firstFrame,
    last: Math.max(now.firstFrame, now.frameCount - 1),
    shown: Math.max(now.firstFrame, page.following ? page.shown : page.wanted),
    track: page.track,
    keyframes: now.keyframes,
    color: (target) => boxes.color(target),
  });
  const seen = `${now.id} ${page.shown} ${boxes.selected} ${page.track.epoch} ${page.track.has(page.shown)}`;
  if (network.isOn && seen !== page.networkOf && page.shown >= 0) {
    page.networkOf = seen;
    network.show(now.id, page.shown, boxes.selected ?? items[0]?.target ?? 0);
  }
}

const always = (action) => (...values) => {
  action(...values);
  return true;
};

const actions = {
  hasWork: () => job() !== null,
  help: always(() => byId("help").showModal()),
  open: always(showOpening),
  run: always(run),
  go: always(go),
  first: always(() => show(0)),
  last: always(() => show(page.track.count ? page.track.end - 1 : Infinity)),
  follow: always(follow),
  addBox: always(() => boxes.add()),
  nudge: (dx, dy, resize) => boxes.nudge(dx, dy, resize),
  remove: always(remove),
  deselect: always(() => boxes.select(null)),
  select: (target) => target < edits.targets(page.current, job().targets) && (boxes.select(target), true),
  network: always(toggleNetwork),
  still: always(() => byId("save-still").click()),
};

function toggleNetwork() {
  network.toggle();
  page.networkOf = "";
  refresh();
}

async function begin() {
  const told = await read("state");
  history.replaceState(null, "", `/${location.hash}`); // the address need not show its secret
  boxes.colors = told.palette;
  boxes.most = told.targets;
  page.jobs = told.jobs;
  fillHelp(byId("keys"));
  byId("show-opening").onclick = showOpening;
  byId("show-help").onclick = actions.help;
  byId("run").onclick = run;
  byId("back").onclick = () => go(-1);
  byId("forward").onclick = () => go(1);
  byId("follow").onclick = follow;
  byId("finish").onclick = () => perform(() => ask("POST", `jobs/${page.current}/finish`));
  byId("toggle-network").onclick = toggleNetwork;
  byId("save-film").onclick = makeFilm;
  byId("save").addEventListener("keydown", (event) => {
    if (event.key === "Escape") byId("save").open = false;
  });
  addEventListener("pointerdown", (event) => {
    if (!byId("save").contains(event.target)) byId("save").open = false;
  });
  listen(actions);
  const asked = location.hash.slice(1);
  page.current = undefined;
  select(page.jobs.find(({ id }) => id === asked)?.id ?? page.jobs.at(-1)?.id ?? null);
  watch();
}

begin().catch((error) => {
  fail(error instanceof Refusal ? new Error(`${error.message}.`) : error);
});
