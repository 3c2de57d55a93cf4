// The page: which video is looked at, and what its user can do.

import { ask, read } from "./api.js";
import { byId, setText } from "./dom.js";
import * as frames from "./frames.js";
import * as keys from "./keys.js";
import { watch } from "./news.js";
import * as opening from "./opening.js";
import {
  boxes, color, countTargets, edits, fail, isBusy, job, marksOf, nameOf, network, page, perform, stage,
} from "./page.js";
import * as panel from "./panel.js";
import * as share from "./share.js";
import * as targets from "./targets.js";
import { Timeline } from "./timeline.js";
import { Track } from "./track.js";

const timeline = new Timeline({ onSeek: frames.show, onMove: targets.move, onSelect: (target) => boxes.select(target) });
Object.assign(page, { refresh, select });
Object.assign(boxes, { onDraw: targets.draw, onTouch: targets.hold, onSelect: refresh, onReject: panel.notify });

// --- Which video is looked at ----------------------------------------------------------------------

function select(id) {
  panel.showMessage("");
  if (id !== page.current) {
    frames.stopPlaying();
    edits.leave();
    Object.assign(page, { current: id, following: true, track: new Track(), seen: "" });
    Object.assign(page, { shown: -1, wanted: -1, time: NaN, full: false });
    boxes.clear();
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
  const count = countTargets(now);
  boxes.isReady = page.shown >= 0;
  boxes.show(targets.itemsOf(now), count);
  targets.refresh(now);
  panel.showControls(now, page, { hasBoxes: count > 0, isPending: edits.drafts.size > 0, isBusy: isBusy(now) });
  share.refresh(now);
  timeline.update({
    first: now.firstFrame,
    last: Math.max(now.firstFrame, now.frameCount - 1),
    shown: Math.max(now.firstFrame, page.following || page.playing ? page.shown : page.wanted),
    track: page.track,
    threshold: page.threshold,
    selected: boxes.selected,
    targets: now.targets.map((target, place) => (
      { ...target, ...marksOf(target), name: nameOf(target, place), color: color(place) }
    )),
  });
  network.show(now.id, page.shown, boxes.selected ?? boxes.items[0]?.target ?? 0, page.track.version);
}

// --- What its user can do --------------------------------------------------------------------------

// By the names that the buttons' data-action and the table of keys have.
const actions = {
  ...frames, // first, follow, go, last, play
  ...targets, // goToCheck, goToKey, leave, mark, moveKey, reachBack, remove, removeKey, removeTarget, travel
  run,
  addBox: () => boxes.add(),
  nudge: (dx, dy, resize) => boxes.nudge(dx, dy, resize),
  select: (target) => target < countTargets(job()) && boxes.select(target),
  zoom: (factor) => stage.zoomBy(factor),
  fit: () => stage.zoomTo(1, [0, 0]),
  pan: (dx, dy) => stage.pan(dx, dy),
  finish: () => perform(() => ask("POST", `jobs/${page.current}/finish`)),
  share: share.open,
  help: () => byId("help").showModal(),
  network() {
    network.toggle();
    refresh();
  },
  open() {
    select(null);
    byId("opening-title").focus();
  },
};

// Track, or pause tracking.
async function run() {
  const now = job();
  if (byId("run").disabled) return;
  if (isBusy(now)) {
    await perform(() => ask("POST", `jobs/${now.id}/pause`));
    return;
  }
  await edits.flush();
  frames.stopPlaying();
  if (await perform(() => ask("POST", `jobs/${now.id}/start`))) frames.follow();
}

function listen() {
  for (const button of document.querySelectorAll("[data-action]")) {
    const [name, ...values] = button.dataset.action.split(" ");
    button.onclick = () => actions[name](...values.map((value) => (Number.isNaN(Number(value)) ? value : Number(value))));
  }
  byId("speed").onchange = frames.changeSpeed;
  stage.onzoom = () => {
    setText(byId("zoom-fit"), `${Math.round(100 * stage.zoom)} %`);
    frames.sharpen();
  };
  targets.listen();
  opening.listen();
  keys.listen(actions, () => job() !== null);
}

async function begin() {
  const told = await read("state");
  history.replaceState(null, "", `/${location.hash}`); // the address need not show its secret
  Object.assign(page, { palette: told.palette, threshold: told.threshold, jobs: told.jobs });
  boxes.most = told.targets;
  keys.fillHelp(byId("keys"));
  share.setUp(told);
  const [asked, action] = location.hash.slice(1).split("/");
  select(page.jobs.find(({ id }) => id === asked)?.id ?? page.jobs.at(-1)?.id ?? null);
  if (action === "track" && job()?.state === "open") run();
  watch();
}

listen();
begin().catch(fail);
