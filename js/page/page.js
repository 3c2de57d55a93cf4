// A video or the camera, a box drawn on it, and the tracker that follows it, all in the browser.

import { Selection } from "./selection.js";

const LONGEST = 1280; // pixels of a frame's longer side; larger videos are tracked at this size
const SLOWEST = 0.0625; // of the video's speed: browsers go no slower
const AT_FIRST = 0.25; // likewise, while the browser still compiles the program
const SMOOTHING = 0.1; // weight of one more frame in the average
const SPARE = 0.8; // fraction of a frame's time that tracking it may take

const $ = (name) => document.getElementById(name);
const video = $("video");
const picture = $("picture").getContext("2d", { willReadFrequently: true, alpha: false });
const selection = new Selection($("stage"), $("target"), { onTouch: pause, onDraw: showChoice });

let network = null; // the worker that tracks, and its questions without an answer
let rows = new Map(); // of the results, by time: "x,y,w,h,score,lost", in pixels of the video
let isCamera = false;
let isRunning = false;
let isBegun = false; // whether the tracker has the target that is shown
let shownTime = 0; // of the frame that is shown, seconds
let seconds = 0; // that a frame takes, on average
let shortest = Infinity; // seconds of the video from one frame to the next
let runs = 0; // how often tracking was begun or paused
let loop = Promise.resolve(); // ends when the last run has
let wake = null; // ends the waiting for a frame

class Network {
  #questions = new Map();
  #count = 0;

  constructor(device) {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data: { id, answer, error } }) => {
      const { resolve, reject } = this.#questions.get(id);
      this.#questions.delete(id);
      if (error === undefined) resolve(answer);
      else reject(new Error(error));
    };
    this.worker.onerror = (event) => {
      const reason = new Error(event.message || "the network's program could not be loaded");
      for (const { reject } of this.#questions.values()) reject(reason);
    };
    this.ready = this.ask("load", { device });
    this.ready.then(
      ({ threads: found }) => {
        const where = found ? `the processor, ${found} thread${found > 1 ? "s" : ""}` : "the GPU";
        this.place = where;
        say(isBegun ? "" : `Ready, on ${where}.`);
      },
      (error) => complain(`The network could not be loaded: ${error.message}`),
    );
  }

  ask(ask, words) {
    const id = this.#count++;
    const moved = words.frame ? [words.frame.data.buffer] : [];
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      this.worker.postMessage({ id, ask, ...words }, moved);
    });
  }
}

// --- Opening ------------------------------------------------------------------------------------

async function openVideo(source) {
  await openWith(async () => {
    video.src = source;
    await once(video, "loadeddata", "this browser cannot play the video");
    await seek(0);
  });
}

async function openCamera() {
  await openWith(async () => {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("a browser gives its camera only to https pages and to this computer's own");
    }
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "environment" },
    });
    isCamera = true;
    await video.play();
  });
}

async function openWith(load) {
  closeVideo();
  complain("");
  network ??= new Network($("device").value);
  try {
    await load();
  } catch (error) {
    closeVideo();
    return complain(`Cannot open it: ${error.message}`);
  }
  const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
  picture.canvas.width = Math.round(video.videoWidth * scale);
  picture.canvas.height = Math.round(video.videoHeight * scale);
  $("opening").hidden = true;
  $("work").hidden = $("show-opening").hidden = false;
  $("restart").hidden = isCamera;
  selection.begin(picture.canvas.width, picture.canvas.height);
  forget();
  drawFrame(0);
  if (isCamera) showCamera();
  $("stage").focus({ preventScroll: true });
}

function closeVideo() {
  pause();
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  if (video.src.startsWith("blob:")) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.removeAttribute("src");
  isCamera = false;
  $("work").hidden = $("show-opening").hidden = true;
  $("opening").hidden = false;
}

function once(target, name, failure) {
  return new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    target.addEventListener("error", () => reject(new Error(failure)), { once: true });
  });
}

async function seek(time) {
  const found = once(video, "seeked", "this browser cannot go to that place of the video");
  video.currentTime = time;
  await found;
}

// --- Tracking -----------------------------------------------------------------------------------

// The camera's picture before there is a target; it stands still while a box is drawn.
async function showCamera() {
  while (isCamera) {
    const time = await nextFrame();
    if (time !== null && !isRunning && !selection.box && !selection.isDrawing) drawFrame(time);
  }
}

// Wait for the video's next frame; returns its time, or null at the end and after a pause.
function nextFrame() {
  return new Promise((resolve) => {
    wake = resolve;
    if (video.ended) resolve(null);
    else if (video.requestVideoFrameCallback) {
      video.requestVideoFrameCallback((_, { mediaTime }) => resolve(mediaTime));
    } else {
      requestAnimationFrame(() => resolve(video.currentTime));
    }
  });
}

function drawFrame(time) {
  picture.drawImage(video, 0, 0, picture.canvas.width, picture.canvas.height);
  shownTime = time;
}

function readFrame() {
  const { width, height } = picture.canvas;
  return { data: picture.getImageData(0, 0, width, height).data, width, height };
}

function start() {
  const run = ++runs;
  isRunning = true;
  $("run").textContent = "Pause";
  loop = loop.then(() => follow(run)).catch((error) => {
    if (run === runs) pause();
    complain(error.message);
  });
}

function pause() {
  runs++;
  isRunning = false;
  if (!isCamera) video.pause();
  wake?.(null);
  $("run").textContent = isBegun ? "Continue" : "Track";
}

async function follow(run) {
  await network.ready;
  if (run !== runs) return;
  if (!isBegun) await begin();
  if (video.ended) await seek(0);
  await video.play();
  while (run === runs) {
    const time = await nextFrame();
    if (run !== runs || time === null) break;
    if (time === shownTime) continue;
    const from = performance.now();
    const interval = time - shownTime;
    drawFrame(time);
    const result = await network.ask("update", { frame: readFrame() });
    if (run !== runs) break;
    const took = (performance.now() - from) / 1000;
    seconds = seconds ? seconds * (1 - SMOOTHING) + took * SMOOTHING : took;
    showResult(result);
    if (!isCamera) keepUp(interval);
  }
  if (run !== runs) return;
  pause();
  say("End of the video.");
}

async function begin() {
  const box = selection.box;
  await network.ask("init", { frame: readFrame(), box });
  isBegun = true;
  addRow({ box, score: 1, lost: false });
}

// Let the video play no faster than its frames can be tracked.
function keepUp(interval) {
  if (interval > 0) shortest = Math.min(shortest, interval);
  const rate = Math.min(Math.max((SPARE * shortest) / seconds, SLOWEST), 1);
  if (Math.abs(rate / video.playbackRate - 1) > 0.1) video.playbackRate = rate;
}

function showResult(result) {
  selection.show(result.box, result.lost);
  addRow(result);
  $("rate").textContent =
    `score ${result.score.toFixed(2)} · ${(1 / seconds).toFixed(0)} frames/s`;
  say(result.lost ? "Lost: searching…" : `Tracking on ${network.place}.`);
}

// Add a result, in place of one of the same frame.
function addRow({ box, score, lost }) {
  const scale = video.videoWidth / picture.canvas.width;
  const shown = box.map((value) => (value * scale).toFixed(2));
  rows.set(shownTime, [...shown, score.toFixed(4), Number(lost)].join(","));
  $("save").disabled = false;
}

function showChoice() {
  isBegun = false;
  $("run").disabled = false;
  $("run").textContent = "Track";
  $("prompt").hidden = true;
}

function forget() {
  rows = new Map();
  isBegun = false;
  seconds = 0;
  shortest = Infinity;
  video.playbackRate = AT_FIRST;
  selection.clear();
  $("run").disabled = $("save").disabled = true;
  $("run").textContent = "Track";
  $("rate").textContent = "";
  $("prompt").hidden = false;
}

async function restart() {
  pause();
  await seek(0);
  forget();
  drawFrame(0);
}

function save() {
  const times = [...rows.keys()].sort((a, b) => a - b);
  const lines = times.map((time) => `${time.toFixed(4)},${rows.get(time)}`);
  const content = ["time,x,y,w,h,score,lost", ...lines].join("\n") + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  link.download = "boxes.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function say(text) {
  if ($("state").textContent !== text) $("state").textContent = text;
}

function complain(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

// --- The page -----------------------------------------------------------------------------------

$("choose-video").onclick = () => $("video-file").click();
$("video-file").onchange = ({ target }) => {
  if (target.files.length) openVideo(URL.createObjectURL(target.files[0]));
  target.value = "";
};
$("open-camera").onclick = openCamera;
$("open-sample").onclick = () => openVideo("sample.mp4");
$("show-opening").onclick = () => {
  closeVideo();
  $("opening-title").focus();
};
$("run").onclick = () => (isRunning ? pause() : start());
$("restart").onclick = restart;
$("save").onclick = save;
$("device").onchange = async ({ target }) => {
  pause();
  complain("");
  // Asked only now: where there is no adapter, browsers complain of the question.
  if (target.value === "webgpu" && !(await navigator.gpu.requestAdapter())) {
    target.value = "wasm";
    return complain("This browser has WebGPU, but finds no GPU: still running on the processor.");
  }
  network?.worker.terminate();
  isBegun = false;
  seconds = 0;
  say("Loading the network…");
  network = new Network(target.value);
};
$("stage").addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "t" && !$("run").disabled) $("run").click();
});

video.onended = () => wake?.(null);

const drop = $("drop");
drop.ondragover = (event) => {
  event.preventDefault();
  drop.classList.add("over");
};
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) openVideo(URL.createObjectURL(file));
};

$("device-choice").hidden = !navigator.gpu;
$("from-disk").remove();
