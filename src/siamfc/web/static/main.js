// The page: what is shown, what the server tells, what its user asks for.

import { Refusal, ask, image, news, read } from "./api.js";
import { Boxes } from "./boxes.js";
import { Edits } from "./editing.js";
import { fillHelp, listen } from "./keys.js";
import { NetworkView } from "./network.js";
import { Opening } from "./opening.js";
import * as panel from "./panel.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Track } from "./track.js";

const byId = (id) => document.getElementById(id);
const LEAST_STEP = 40; // milliseconds between two pictures while tracking
const HIDDEN_STEP = 1000;
const RETRY = 1500;

const page = {
  jobs: [],
  current: null, // id of the job that is looked at
  shown: -1, // frame whose picture is on the stage
  wanted: -1, // frame whose picture has been asked for
  following: true, // whether the newest frame is shown as it comes
  stepFrom: null, // the rows' end when a single step was asked for
  film: null, // id of the job whose film is to be saved once it is ready
  track: new Track(),
  seen: "",
  asking: null, // aborts the question for news when something else is looked at
};

const stage = new Stage(byId("stage"));
const edits = new Edits(fail);
const network = new NetworkView(stage);
const timeline = new Timeline((frame) => show(frame));
const boxes = new Boxes(stage, { onDraw: draw, onSelect: () => refresh(), onTouch: hold });
const opening = new Opening({
  onOpen: select,
  onError: fail,
  onCameraEnd: (id, reason) => reason && fail(new Error(reason)),
});

const job = () => page.jobs.find(({ id }) => id === page.current) ?? null;

function fail(error) {
  panel.showMessage(error instanceof TypeError ? "The server does not answer: is it still running?" : error.message);
}

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

// --- What the server tells -------------------------------------------------------------------------

async function watch() {
  for (;;) {
    const started = performance.now();
    page.asking = new AbortController();
    try {
      apply(await news(question(), page.asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") {
        fail(error);
        await sleep(RETRY);
      }
    }
    const step = document.hidden ? HIDDEN_STEP : LEAST_STEP;
    await sleep(Math.max(0, step - (performance.now() - started)));
  }
}

function question() {
  const query = { seen: page.seen };
  if (page.current) Object.assign(query, { job: page.current, epoch: page.track.epoch, have: page.track.end });
  if (page.current && page.following && !document.hidden) query.picture = page.shown;
  page.asked = page.current;
  return query;
}

function apply(told) {
  if (page.asked !== page.current) return told.bitmap?.close();
  const before = job();
  page.seen = told.seen;
  page.jobs = told.jobs;
  const now = job();
  if (page.current && !now) {
    select(page.jobs.at(-1)?.id ?? null);
    return;
  }
  if (told.rows) page.track.add(told.rows);
  edits.settle();
  if (told.bitmap) {
    if (page.following) put(told.picture, told.bitmap);
    else told.bitmap.close();
  }
  if (now) settle(before, now);
  refresh();
}

// What follows from a change of state, or from a frame that a step brought.
function settle(before, now) {
  if (before && before.state !== now.state) panel.announce(`${now.name}: ${now.state}. ${now.message}`);
  if (page.stepFrom !== null && (page.track.end > page.stepFrom || now.state === "failed")) {
    page.stepFrom = null;
    show(page.track.end - 1);
  }
  const hasEnded = before?.state === "running" && now.state !== "running";
  if (page.following && hasEnded && !now.live && page.track.count) show(page.track.end - 1);
  else if (page.wanted < 0 && !now.live && now.state !== "running") {
    show(page.track.count ? page.track.end - 1 : now.firstFrame);
  }
  if (page.film && page.film === now.id && now.film.state === "ready") {
    page.film = null;
    save(`/api/jobs/${encodeURIComponent(now.id)}/film.mp4`);
  }
  if (now.film.state === "failed" && page.film === now.id) {
    page.film = null;
    fail(new Error(now.film.message));
  }
}

// --- Frames ----------------------------------------------------------------------------------------

// Show a frame and stay there.
function show(frame) {
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
  refresh();
}

function put(frame, bitmap) {
  const now = job();
  page.shown = frame;
  if (page.following) page.wanted = frame;
  stage.frame = frame;
  stage.setSize(now.size);
  stage.show(bitmap);
  refresh();
}

// --- Boxes -----------------------------------------------------------------------------------------

// Someone takes hold of a box: the frame must stay, and tracking pause.
function hold() {
  const now = job();
  if (!now) return;
  page.following = false;
  page.wanted = page.shown;
  if (now.state === "running" || now.state === "waiting") perform(() => ask("POST", `jobs/${now.id}/pause`));
}

function draw(target, box) {
  edits.put(page.current, page.shown, target, box);
  refresh();
}

function itemsOf(now) {
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

async function remove() {
  const [now, target] = [job(), boxes.selected];
  if (target === null) return;
  hold();
  await edits.flush();
  const drawn = job().keyframes.filter(([, of]) => of === target).map(([frame]) => frame);
  const path = drawn.includes(page.shown) && drawn.length > 1 ? `boxes/${page.shown}/${target}` : `targets/${target}`;
  boxes.selected = null;
  await perform(() => ask("DELETE", `jobs/${now.id}/${path}`));
}

// --- Running ---------------------------------------------------------------------------------------

async function perform(action) {
  try {
    const result = await action();
    panel.showMessage("");
    return result;
  } catch (error) {
    fail(error);
    return null;
  }
}

async function run() {
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
async function go(count) {
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

function follow() {
  page.following = true;
  page.asking?.abort();
  const now = job();
  if (!now.live && now.state !== "running" && page.track.count) show(page.track.end - 1);
}

function save(address) {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}

async function makeFilm() {
  const now = job();
  page.film = now.id;
  if (!(await perform(() => ask("POST", `jobs/${now.id}/film`)))) page.film = null;
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

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
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
