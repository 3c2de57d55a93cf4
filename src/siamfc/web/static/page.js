// State that all parts of the page share: the videos, the one in view, and errors.

import { ask } from "./api.js";
import { Boxes } from "./boxes.js";
import { byId } from "./dom.js";
import { Edits } from "./edits.js";
import { NetworkView } from "./network.js";
import { showMessage } from "./panel.js";
import { Stage } from "./stage.js";
import { Track } from "./track.js";

export const page = {
  jobs: [],
  palette: ["#e69f00"],
  threshold: 0.5, // score below which a target is lost
  current: undefined, // id of the job that is looked at; null: none
  shown: -1, // frame whose picture is on the stage
  time: NaN, // its time in seconds
  wanted: -1, // frame whose picture has been asked for
  following: true, // whether the latest frame is shown as it comes
  playing: null, // aborts playing
  saving: null, // id of the job whose video is to be saved once it is ready
  track: new Track(),
  marks: new Map(), // by "job/target's id": { hidden, locked }
  seen: "", // what the server's last news were
  asking: null, // aborts the question for news when something else is looked at
  refresh: () => {}, // puts everything on the page again
  select: () => {}, // looks at another video
};

export const stage = new Stage(byId("stage"));
export const network = new NetworkView(stage);
export const edits = new Edits(fail);
export const boxes = new Boxes(stage);

export const job = () => page.jobs.find(({ id }) => id === page.current) ?? null;
export const isBusy = ({ state }) => state === "running" || state === "waiting";
export const countTargets = (job) => edits.count(job.targets.length);
export const color = (target) => page.palette[target % page.palette.length];
export const nameOf = (target, place) => target?.name || `Target ${place + 1}`;

// Marks of a target of the video in view: hidden, locked.
export function marksOf(target) {
  const key = `${page.current}/${target?.id}`;
  if (!page.marks.has(key)) page.marks.set(key, { hidden: false, locked: false });
  return page.marks.get(key);
}

export function fail(error) {
  showMessage(error instanceof TypeError ? "The server does not answer: is it still running?" : error.message);
}

// Do something that may be refused, and say so; null if it was.
export async function perform(action) {
  try {
    const result = await action();
    showMessage("");
    return result;
  } catch (error) {
    fail(error);
    return null;
  }
}

// Change the video in view once all that was drawn before has been sent; the news come at once.
export async function change(method, path, body) {
  const address = `jobs/${page.current}/${path}`;
  await edits.flush();
  const done = await perform(() => ask(method, address, body));
  page.asking?.abort();
  return done;
}
