// Tracks in a thread of its own, so that the page stays responsive.

import { Tracker } from "./siamfc-web/src/tracker.js";

const RUNTIMES = { wasm: "ort.wasm.bundle.min.mjs", webgpu: "ort.webgpu.bundle.min.mjs" };

let tracker = null;

const answers = {
  async load({ device }) {
    const runtime = await import(`./runtime/${RUNTIMES[device]}`);
    const weights = new URL("./siamfc-web/weights/", import.meta.url);
    tracker = await Tracker.load({ runtime, weights, device });
    return { threads: device === "wasm" ? runtime.env.wasm.numThreads : 0 };
  },
  async init({ frame, box }) {
    await tracker.init(frame, box);
  },
  async update({ frame }) {
    return tracker.update(frame);
  },
};

addEventListener("message", async ({ data: { id, ask, ...words } }) => {
  try {
    postMessage({ id, answer: await answers[ask](words) });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});
