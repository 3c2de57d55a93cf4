// The network's view of the selected target: exemplar, search image and the scores of places.

import { Refusal, read } from "./api.js";
import { heatCells } from "./stage.js";

const byId = (id) => document.getElementById(id);

export class NetworkView {
  constructor(stage) {
    this.stage = stage;
    this.isOn = false;
    this.busy = false;
    this.wanted = null;
    this.shown = Promise.resolve(); // when the views that were asked for have been shown
  }

  toggle() {
    this.isOn = !this.isOn;
    byId("toggle-network").setAttribute("aria-pressed", String(this.isOn));
    byId("network").hidden = !this.isOn;
    if (!this.isOn) this.stage.showHeat(null, null);
  }

  // Ask for the view of a frame; what is asked meanwhile replaces what still waits.
  show(job, frame, target) {
    if (!this.isOn) return;
    this.wanted = { job, frame, target };
    if (!this.busy) this.shown = this.#showWanted();
  }

  async #showWanted() {
    this.busy = true;
    while (this.wanted) {
      const asked = this.wanted;
      this.wanted = null;
      try {
        const view = await read(`jobs/${asked.job}/network/${asked.frame}/${asked.target}`);
        await this.#paint(view);
        if (this.isOn && this.stage.frame === asked.frame) this.stage.showHeat(view?.response ?? null, view?.area ?? null);
      } catch (error) {
        if (!(error instanceof Refusal)) break;
      }
    }
    this.busy = false;
  }

  async #paint(view) {
    await paintPicture(byId("exemplar"), view?.exemplar);
    await paintPicture(byId("search"), view?.search);
    const canvas = byId("response");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (view?.response) context.drawImage(heatCells(view.response, true), 0, 0, canvas.width, canvas.height);
    byId("response-text").textContent = view?.response
      ? `Scores: how well each place fits; highest ${Math.max(...view.response.flat()).toFixed(2)}`
      : "Scores: none in the frame in which the target was drawn";
  }
}

export async function paintPicture(canvas, base64, resizes = false) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!base64) return;
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  if (resizes) [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}
