// What all parts of the page share: the videos, the one that is looked at, and how to fail.

import { Boxes } from "./boxes.js";
import { Edits } from "./editing.js";
import { NetworkView } from "./network.js";
import * as panel from "./panel.js";
import { Stage } from "./stage.js";
import { Track } from "./track.js";

export const byId = (id) => document.getElementById(id);

export const page = {
  jobs: [],
  current: null, // id of the job that is looked at
  shown: -1, // frame whose picture is on the stage
  wanted: -1, // frame whose picture has been asked for
  following: true, // whether the newest frame is shown as it comes
  stepFrom: null, // the rows' end when a single step was asked for
  film: null, // id of the job whose film is to be saved once it is ready
  track: new Track(),
  seen: "",
  network: null, // the view of what the network sees
  asking: null, // aborts the question for news when something else is looked at
  refresh: () => {}, // puts everything on the page anew
  select: () => {}, // looks at another video
  draw: () => {}, // takes a box that was drawn
  hold: () => {}, // keeps the frame while a box is held
};

export const stage = new Stage(byId("stage"));
page.network = new NetworkView(stage);
export const edits = new Edits(fail);
export const boxes = new Boxes(stage, {
  onDraw: (target, box) => page.draw(target, box),
  onSelect: () => page.refresh(),
  onTouch: () => page.hold(),
});

export const job = () => page.jobs.find(({ id }) => id === page.current) ?? null;

export function fail(error) {
  panel.showMessage(error instanceof TypeError ? "The server does not answer: is it still running?" : error.message);
}

// Do something that may be refused, and say so.
export async function perform(action) {
  try {
    const result = await action();
    panel.showMessage("");
    return result;
  } catch (error) {
    fail(error);
    return null;
  }
}
