// The page: which video is looked at, and what its user can do.

import { Refusal, ask, read } from "./api.js";
import { changeSpeed, sharpen, show, stopPlaying, togglePlaying } from "./frames.js";
import { fillHelp, listen } from "./keys.js";
import { watch } from "./news.js";
import { Opening } from "./opening.js";
import { boxes, byId, color, edits, fail, job, marksOf, nameOf, page, perform, stage } from "./page.js";
import * as panel from "./panel.js";
import * as share from "./share.js";
import * as targets from "./targets.js";
import { Timeline } from "./timeline.js";
import { Track } from "./track.js";

const { network } = page;
const timeline = new Timeline({ onSeek: show, onMove: targets.move, onSelect: (target) => boxes.select(target) });
const opening = new Opening({
  onOpen: select,
  onError: fail,
  onCameraEnd: (id, reason) => reason && fail(new Error(reason)),
});
Object.assign(page, { refresh, select, draw: targets.draw, hold: targets.hold });

// --- Which video is looked at ----------------------------------------------------------------------

function select(id) {
  panel.showMessage("");
  if (id !== page.current) {
    stopPlaying();
    Object.assign(page, { current: id, shown: -1, wanted: -1, time: NaN, full: false, following: true, track: new Track(), seen: "" });
    boxes.selected = null;
    boxes.adding = false;
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
  const count = edits.targets(now.id, now.targets.length);
  const items = targets.itemsOf(now);
  boxes.isReady = page.shown >= 0;
  boxes.show(items, count);
  targets.refresh(now);
  const { shown, time, following, playing, jobs } = page;
  panel.showControls(now, { shown, time, following, playing, jobs, hasBoxes: count > 0, isPending: edits.isPending(now.id) });
  share.refresh(now);
  timeline.update({
    first: now.firstFrame,
    last: Math.max(now.firstFrame, now.frameCount - 1),
    shown: Math.max(now.firstFrame, following || playing ? shown : page.wanted),
    track: page.track,
    threshold: page.threshold,
    selected: boxes.selected,
    targets: now.targets.map((target, place) => ({ ...target, name: nameOf(target, place), color: color(place), hidden: marksOf(target).hidden })),
  });
  showNetwork(now, items);
}

function showNetwork(now, items) {
  const seen = `${now.id} ${page.shown} ${boxes.selected} ${page.track.version}`;
  if (!network.isOn || seen === page.networkOf || page.shown < 0) return;
  page.networkOf = seen;
  network.show(now.id, page.shown, boxes.selected ?? items[0]?.target ?? 0);
}

// --- What its user can do --------------------------------------------------------------------------

// Track, or pause tracking.
async function run() {
  const now = job();
  if (byId("run").disabled) return;
  if (now.state === "running" || now.state === "waiting") {
    await perform(() => ask("POST", `jobs/${now.id}/pause`));
    return;
  }
  await edits.flush();
  stopPlaying();
  if (await perform(() => ask("POST", `jobs/${now.id}/start`))) follow();
}

// Go to the latest frame and on with it.
function follow() {
  stopPlaying();
  page.following = true;
  page.asking?.abort();
}

function last() {
  const now = job();
  show(now.end ? now.end - 1 : now.frameCount - 1);
}

function toggleNetwork() {
  network.toggle();
  page.networkOf = "";
  refresh();
}

const go = (count) => show((page.fetching ? page.wanted : page.shown) + count);
const actions = {
  hasWork: () => job() !== null,
  help: () => byId("help").showModal(),
  open: showOpening,
  play: togglePlaying,
  run,
  go,
  key: targets.goToKey,
  moveKey: targets.moveKey,
  check: targets.goToCheck,
  first: () => show(0),
  last,
  follow,
  addBox: () => boxes.add(),
  nudge: (dx, dy, resize) => boxes.nudge(dx, dy, resize),
  remove: targets.remove,
  leave: targets.leave,
  reachBack: targets.reachBack,
  mark: targets.mark,
  travel: targets.travel,
  zoom: (factor) => stage.zoomBy(factor),
  fit: () => stage.zoomTo(1, [0, 0]),
  pan: (dx, dy) => stage.pan(dx, dy),
  select: (target) => target < edits.targets(page.current, job().targets.length) && boxes.select(target),
  network: toggleNetwork,
  share: share.open,
};

const BUTTONS = {
  "show-opening": ["open"], "show-help": ["help"], run: ["run"], play: ["play"], follow: ["follow"],
  back: ["go", -1], forward: ["go", 1], "previous-key": ["key", -1], "next-key": ["key", 1],
  "previous-check": ["check", -1], "next-check": ["check", 1], undo: ["travel", "undo"], redo: ["travel", "redo"],
  "zoom-in": ["zoom", 1.5], "zoom-out": ["zoom", 1 / 1.5], "zoom-fit": ["fit"],
  "toggle-network": ["network"], "show-share": ["share"], "end-target": ["leave"], "toggle-backwards": ["reachBack"],
  "toggle-hidden": ["mark", "hidden"], "toggle-locked": ["mark", "locked"],
};

function listenToButtons() {
  for (const [id, [name, ...values]] of Object.entries(BUTTONS)) byId(id).onclick = () => actions[name](...values);
  byId("finish").onclick = () => perform(() => ask("POST", `jobs/${page.current}/finish`));
  byId("speed").onchange = changeSpeed;
  stage.onzoom = () => {
    panel.setText(byId("zoom-fit"), `${Math.round(100 * stage.zoom)} %`);
    sharpen();
  };
}

async function begin() {
  const told = await read("state");
  history.replaceState(null, "", `/${location.hash}`); // the address need not show its secret
  Object.assign(page, { palette: told.palette, threshold: told.threshold, jobs: told.jobs });
  boxes.most = told.targets;
  fillHelp(byId("keys"));
  share.setUp(told);
  targets.listen();
  listenToButtons();
  listen(actions);
  const [asked, action] = location.hash.slice(1).split("/");
  page.current = undefined;
  select(page.jobs.find(({ id }) => id === asked)?.id ?? page.jobs.at(-1)?.id ?? null);
  if (action === "track" && job()?.state === "open") run();
  watch();
}

begin().catch((error) => {
  fail(error instanceof Refusal ? new Error(`${error.message}.`) : error);
});
