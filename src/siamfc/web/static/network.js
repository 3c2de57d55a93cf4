// The network's view of the selected target: exemplar, search image and the scores of places.

import { Refusal, read } from "./api.js";
import { byId, setText } from "./dom.js";
import { heatCells } from "./stage.js";

export class NetworkView {
  isOn = false;
  shown = Promise.resolve(); // when the views that were asked for have been shown
  #isBusy = false;
  #wanted = null; // { path, frame }
  #last = ""; // what the view shows: the server need not be asked for it again

  constructor(stage) {
    this.stage = stage;
  }

  toggle() {
    this.isOn = !this.isOn;
    this.#last = "";
    byId("toggle-network").ariaPressed = this.isOn;
    byId("network").hidden = !this.isOn;
    if (this.isOn) byId("network").scrollIntoView({ block: "nearest" });
    else this.stage.showHeat(null, null);
  }

  // Ask for the view of a frame, unless its rows are those of the last view; what is asked
  // meanwhile replaces what still waits.
  show(job, frame, target, version) {
    const asked = [job, frame, target, version].join(" ");
    if (!this.isOn || frame < 0 || asked === this.#last) return;
    this.#last = asked;
    this.#wanted = { path: `jobs/${job}/network/${frame}/${target}`, frame };
    if (!this.#isBusy) this.shown = this.#showWanted();
  }

  async #showWanted() {
    this.#isBusy = true;
    while (this.#wanted) {
      const { path, frame } = this.#wanted;
      this.#wanted = null;
      try {
        const view = await read(path);
        await this.#paint(view);
        if (this.isOn && this.stage.frame === frame) this.stage.showHeat(view?.response, view?.area);
      } catch (error) {
        if (!(error instanceof Refusal)) break;
      }
    }
    this.#isBusy = false;
  }

  async #paint(view) {
    await paintPicture(byId("exemplar"), view?.exemplar);
    await paintPicture(byId("search"), view?.search);
    const canvas = byId("response");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (view?.response) context.drawImage(heatCells(view.response, true), 0, 0, canvas.width, canvas.height);
    setText(byId("response-text"), `Scores: ${words(view)}`);
  }
}

function words(view) {
  if (!view) return "none until the target is tracked in this frame";
  if (!view.response) return "none in the frame in which the target was drawn";
  return `how well each place fits; highest ${Math.max(...view.response.flat()).toFixed(2)}`;
}

export async function paintPicture(canvas, base64, resizes = false) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!base64) return;
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  if (resizes) [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
}
