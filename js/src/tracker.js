// A tracker of one object, for browsers and Node.js: what `siamfc.Tracker` does by default.
//
// The network and the choice of a box are two ONNX graphs, which `siamfc export` writes. Left for
// this program are crops, the search for a lost target and the update of the exemplar.

import { crop, meanColor } from "./cropping.js";
import { redetectionWindows } from "./redetection.js";

const EXEMPLAR_SIZE = 127, SEARCH_SIZE = 255, STRIDE = 16;
const CONTEXT_AMOUNT = 0.5;
const CUT_MARGIN = 0.05; // a box so near to the border, in box sizes, may be cut by it
const FASTEST_CHANGE = 1.05; // of the sure size, from one frame to the next
const LARGEST_CHANGE = 1.5; // of the size by which to search, from the sure one
const WATCHED = 5; // frames for which a place is watched before a target that left is moved there
const ROUNDING = 4; // pixels by which a box may be larger than the frame and mean all of it
const SMALLEST_SIDE = 0.01; // of a given box
const ERRORS_ONLY = 3;

// As `LightSettings` of the Python package, whose tests compare them.
export const settings = Object.freeze({
  smallestScale: 0.1,
  largestScale: 10,
  lostThreshold: 0.4,
  foundThreshold: 0.8,
  relocateThreshold: 0.98,
  windows: 3,
  updateRate: 0.5,
  updateLowestScore: 0.97,
  updateFirstWeight: 0.5,
  updateEvery: 10,
});

export class Tracker {
  #runtime;
  #exemplarGraph;
  #trackGraph;
  #state = null;
  #busy = false;

  // Load the network; tracker.d.ts says what the options are.
  static async load({
    weights = new URL("../weights/", import.meta.url), runtime, device = "wasm", threads,
  } = {}) {
    const ort = runtime ?? (await import("onnxruntime-web"));
    if (threads !== undefined) ort.env.wasm.numThreads = threads;
    const folder = new URL(weights, globalThis.location?.href);
    if (!folder.pathname.endsWith("/")) folder.pathname += "/"; // else the folder above it is meant
    const open = async (name) => {
      const graph = await read(new URL(name, folder));
      const options = { executionProviders: [device], logSeverityLevel: ERRORS_ONLY };
      return ort.InferenceSession.create(graph, options);
    };
    const exemplarGraph = await open("exemplar.onnx"); // one after the other: it starts the runtime
    return new Tracker(ort, exemplarGraph, await open("track.onnx"));
  }

  constructor(runtime, exemplarGraph, trackGraph) {
    this.#runtime = runtime;
    this.#exemplarGraph = exemplarGraph;
    this.#trackGraph = trackGraph;
  }

  init(image, box) {
    checkImage(image);
    const frameSize = [image.width, image.height];
    const [x, y, w, h] = checkedBox(box, frameSize);
    const state = {
      frameSize, fill: meanColor(image), center: [x + w / 2, y + h / 2], size: [w, h],
      firstSize: [w, h], sureSize: [w, h], score: 1, framesLost: 0, waited: 0, updates: 0,
      watched: null,
    };
    state.ready = this.#embed(state, image).then((embedding) => {
      state.first = state.average = state.exemplar = embedding;
    });
    state.ready.catch(() => {}); // nobody need wait for it here: update tells of it
    this.#state = state;
    return state.ready;
  }

  async update(image) {
    const state = this.#state;
    if (!state) throw new Error("expected init(image, box) first, got none: the target is unknown");
    if (this.#busy) throw new Error("expected one update at a time: await the last one first");
    checkImage(image);
    const [width, height] = state.frameSize;
    if (image.width !== width || image.height !== height) {
      throw new RangeError(
        `expected a frame of ${width}×${height} pixels as the first, ` +
          `got ${image.width}×${image.height}: begin anew there`,
      );
    }
    this.#busy = true;
    try {
      await state.ready;
      await this.#move(state, image);
      await this.#updateExemplar(state, image);
      if (state.framesLost) await this.#redetect(state, image);
      else state.watched = null;
    } finally {
      this.#busy = false;
    }
    const { center, size, score, framesLost } = state;
    const corner = center.map((value, axis) => value - size[axis] / 2);
    return { box: [...corner, ...size], score, lost: framesLost > 0 };
  }

  async release() {
    await this.#exemplarGraph.release();
    await this.#trackGraph.release();
  }

  // Follow the target into the next frame.
  async #move(state, image) {
    const side = exemplarSide(searchSize(state));
    const pitch = side / EXEMPLAR_SIZE; // frame pixels to one of the search image
    const found = await this.#compare(state, image, [state.center], pitch, state.size);
    const [x, y, w, h] = found.boxes.data;
    const score = found.scores.data[0];
    const { foundThreshold, lostThreshold, smallestScale, largestScale } = settings;
    const threshold = state.framesLost ? foundThreshold : lostThreshold;
    state.framesLost = score < threshold ? state.framesLost + 1 : 0;
    state.score = score;
    state.center = inFrame(state, state.center, [x + w / 2, y + h / 2], pitch);
    state.size = [w, h].map((value, axis) => {
      const first = state.firstSize[axis];
      return limited(value * pitch, first * smallestScale, first * largestScale);
    });
    if (score >= foundThreshold) {
      const isCut = cut(state);
      state.sureSize = state.sureSize.map((sure, axis) =>
        limited(
          state.size[axis], sure * (isCut[axis] ? 1 : 1 / FASTEST_CHANGE), sure * FASTEST_CHANGE,
        ),
      );
    }
  }

  // Every tenth frame, if the target is surely seen and whole: half of what it looks like is the
  // first frame's exemplar, the other half an average over the later ones.
  async #updateExemplar(state, image) {
    state.waited++;
    if (state.score < settings.updateLowestScore || state.framesLost) return;
    if (state.waited < settings.updateEvery || cut(state).some(Boolean)) return;
    const rate = state.updates ? settings.updateRate : 1;
    state.average = mix(state.average, await this.#embed(state, image), rate);
    state.exemplar = mix(state.average, state.first, settings.updateFirstWeight);
    state.waited = 0;
    state.updates++;
  }

  // Search a lost target in further windows, at its last sure size, and move it there if it is
  // surely seen. One that left the frame is searched for by its first exemplar, and also moved to
  // a place where it is seen for some frames.
  async #redetect(state, image) {
    const left = cut(state).some(Boolean);
    if (!left) state.watched = null;
    const pitch = exemplarSide(state.sureSize) / EXEMPLAR_SIZE;
    const reach = pitch * (SEARCH_SIZE - EXEMPLAR_SIZE + STRIDE);
    const { windows, relocateThreshold, foundThreshold } = settings;
    const centers = state.watched ? [state.watched.center] : redetectionWindows(
      state.center, reach, state.frameSize, state.framesLost - 1, windows,
    );
    if (!centers.length) return;
    const exemplar = left ? state.first : state.exemplar;
    const found = await this.#compare(state, image, centers, pitch, state.sureSize, exemplar);
    const credits = found.free_credits.data;
    const best = credits.indexOf(Math.max(...credits));
    const score = found.free_scores.data[best];
    const place = found.free_centers.data.slice(best * 2, best * 2 + 2);
    const there = inFrame(state, centers[best], place, pitch);
    const sure = score > state.score && score >= relocateThreshold;
    const returned = left && watch(state, sure ? null : there, score);
    if (!sure && !returned) return;
    state.center = there;
    state.size = state.sureSize;
    state.score = score;
    if (score < foundThreshold && !returned) return;
    state.framesLost = 0;
    if (!left) return;
    state.exemplar = state.average = state.first;
    state.updates = 0;
  }

  // Run the network on search images about some centres; `size` is the target's, frame pixels.
  async #compare(state, image, centers, pitch, size, { data: exemplar, dims } = state.exemplar) {
    const count = centers.length, pixels = SEARCH_SIZE ** 2 * 3;
    const images = new Uint8Array(count * pixels);
    const exemplars = new Float32Array(count * exemplar.length);
    const sizes = new Float32Array(count * 2);
    centers.forEach((center, i) => {
      const side = pitch * SEARCH_SIZE;
      images.set(crop(image, center, side, SEARCH_SIZE, state.fill), i * pixels);
      exemplars.set(exemplar, i * exemplar.length);
      sizes.set(size.map((value) => value / pitch), i * 2);
    });
    const { Tensor } = this.#runtime;
    return this.#trackGraph.run({
      exemplars: new Tensor("float32", exemplars, [count, ...dims.slice(1)]),
      images: new Tensor("uint8", images, [count, SEARCH_SIZE, SEARCH_SIZE, 3]),
      sizes: new Tensor("float32", sizes, [count, 2]),
    });
  }

  // What the target looks like where it is: a tensor.
  async #embed(state, image) {
    const side = exemplarSide(searchSize(state));
    const pixels = crop(image, state.center, side, EXEMPLAR_SIZE, state.fill);
    const sizes = state.size.map((value) => value * (EXEMPLAR_SIZE / side));
    const { Tensor } = this.#runtime;
    const found = await this.#exemplarGraph.run({
      images: new Tensor("uint8", pixels, [1, EXEMPLAR_SIZE, EXEMPLAR_SIZE, 3]),
      sizes: new Tensor("float32", Float32Array.from(sizes), [1, 2]),
    });
    return found.embeddings;
  }
}

// Side of the square about a target that the exemplar image shows, frame pixels.
function exemplarSide([w, h]) {
  const margin = CONTEXT_AMOUNT * (w + h);
  return Math.sqrt((w + margin) * (h + margin));
}

// Whether the frame's border may cut the box, in its width and in its height.
function cut({ center, size, frameSize }) {
  return center.map((value, axis) => {
    const reach = size[axis] * (0.5 + CUT_MARGIN);
    return value < reach || value > frameSize[axis] - reach;
  });
}

// Whether a target that left has been seen at a place, well on average, for as many frames as it
// takes; else watch it on, if it is seen there.
function watch(state, center, score) {
  const { foundThreshold, lostThreshold } = settings;
  const before = state.watched;
  state.watched = null;
  if (!center || state.score >= lostThreshold) return false;
  if (score < (before ? lostThreshold : foundThreshold)) return false;
  const frames = (before?.frames ?? 0) + 1;
  const sum = (before?.sum ?? 0) + score;
  if (frames === WATCHED) return sum >= frames * foundThreshold;
  state.watched = { center, frames, sum };
  return false;
}

// Width and height by which to search: near the last that was sure. A target that leaves the
// frame is no smaller for it, and what is lost neither vanishes nor grows over the whole frame.
function searchSize(state) {
  const isCut = cut(state);
  return state.sureSize.map((sure, axis) =>
    limited(
      state.size[axis], sure * (isCut[axis] ? 1 : 1 / LARGEST_CHANGE), sure * LARGEST_CHANGE,
    ),
  );
}

// A place of the search image about a centre, as a place of the frame.
function inFrame({ frameSize }, center, place, pitch) {
  return center.map((value, axis) =>
    limited(value + (place[axis] - SEARCH_SIZE / 2) * pitch, 0, frameSize[axis]),
  );
}

function limited(value, lowest, highest) {
  return Math.min(Math.max(value, lowest), highest);
}

function mix({ data, dims }, other, weight) {
  return { data: data.map((value, i) => value * (1 - weight) + other.data[i] * weight), dims };
}

// The content of a file: of a page's own host, or, under Node.js, of the disk.
async function read(url) {
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: expected a graph, got status ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function checkImage(image) {
  const { data, width, height } = image ?? {};
  const pixels = width * height;
  const bytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  if (!(bytes && pixels > 0 && (data.length === pixels * 4 || data.length === pixels * 3))) {
    throw new TypeError(
      "image: expected { data, width, height } as ImageData, 4 or 3 bytes a pixel, " +
        `got ${data?.constructor?.name} of ${data?.length}, ${width}×${height}`,
    );
  }
}

function checkedBox(box, [width, height]) {
  const values = Array.from(box ?? [], Number);
  const [x, y, w, h] = values;
  const shown = `got ${values.join(",")}`;
  if (values.length !== 4 || !values.every(Number.isFinite)) {
    throw new RangeError(`box: expected four finite numbers x, y, w, h, ${shown}`);
  }
  if (Math.min(w, h) < SMALLEST_SIDE) {
    throw new RangeError(`box: expected a width and height of ${SMALLEST_SIDE} or more, ${shown}`);
  }
  const left = Math.max(x, 0), top = Math.max(y, 0);
  const right = Math.min(x + w, width), bottom = Math.min(y + h, height);
  if (right <= left || bottom <= top) {
    throw new RangeError(`box: expected one inside the frame of ${width}×${height}, ${shown}`);
  }
  if (w <= width || h <= height) return values;
  if (w > width + ROUNDING || h > height + ROUNDING) {
    throw new RangeError(`box: expected one no larger than the frame, ${width}×${height}, ${shown}`);
  }
  return [left, top, right - left, bottom - top];
}
