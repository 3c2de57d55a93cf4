// The share menu: videos, boxes and a still to save, and boxes to import.

import { byId, make, setText } from "./dom.js";
import { change, edits, fail, job, page } from "./page.js";
import { notify } from "./panel.js";

// Title, purpose and options of each video; an option has values with a label each.
const VIDEOS = {
  boxes: ["Video with boxes", "shows what was tracked", {}],
  blurred: ["Blurred video", "makes the targets unrecognisable", {
    hide: { targets: "Hide the targets", background: "Hide everything else" },
    style: { blur: "Blur", pixelate: "Pixelate", fill: "Fill with black" },
    shape: { ellipse: "Ellipse", box: "Box" },
    margin: { 0.35: "Medium margin", 0.15: "Narrow margin", 0.7: "Wide margin" },
    when_lost: { grow: "Where lost: a growing area", frame: "Where lost: the whole frame" },
  }],
  vertical: ["Vertical video", "keeps the targets in view", {
    aspect: { "9:16": "9:16", "4:5": "4:5", "1:1": "1:1", "16:9": "16:9" },
    zoom: { "": "As large as fits", 0.3: "Targets small", 0.5: "Targets half the frame", 0.8: "Targets large" },
  }],
  stabilised: ["Stabilised video", "holds the targets still", {}],
};

export function setUp({ videos, boxFormats }) {
  byId("share-videos").replaceChildren(...videos.map(videoEntry));
  byId("share-boxes").replaceChildren(...Object.entries(boxFormats).map(([kind, title]) => {
    const [name, purpose = ""] = title.split(/: (.*)/s);
    const link = make("a", { className: "button", download: "", textContent: name });
    link.dataset.boxes = kind;
    return make("li", {}, link, make("small", { textContent: purpose }));
  }));
  byId("smooth").onchange = (event) => smooth(event.target.checked);
  byId("import").onclick = () => byId("import-file").click();
  byId("import-file").onchange = (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) load(file);
  };
}

function videoEntry(kind) {
  const [title, purpose, options] = VIDEOS[kind];
  const button = make("button", { type: "button", textContent: title });
  button.dataset.video = kind;
  const choices = Object.entries(options).map(([name, values]) => {
    const texts = Object.entries(values).map(([value, text]) => new Option(text, value));
    return make("select", { name, ariaLabel: `${title}: ${name.replace("_", " ")}` }, ...texts);
  });
  button.onclick = () => makeVideo(kind, Object.fromEntries(choices.map(({ name, value }) => [name, value])));
  const item = make("li", {}, button, make("small", { textContent: purpose }));
  if (choices.length) item.append(make("details", {}, make("summary", { textContent: "Options" }), ...choices));
  return item;
}

export async function open() {
  await edits.flush();
  byId("share").showModal();
  refresh(job());
}

async function makeVideo(kind, options) {
  page.saving = page.current;
  if (!(await change("POST", `video/${kind}`, options))) page.saving = null;
}

async function smooth(is) {
  setText(byId("smooth-progress"), "Smoothing…");
  await change("POST", is ? "smooth" : "raw");
  setText(byId("smooth-progress"), "");
}

async function load(file) {
  const done = await change("POST", `boxes?name=${encodeURIComponent(file.name)}`, file);
  byId("share").close();
  if (done) notify(`Boxes of ${file.name} were added`);
}

// Save the video that was asked for once it is ready.
export function settle(now) {
  if (page.saving !== now.id || !["ready", "failed"].includes(now.video.state)) return;
  page.saving = null;
  if (now.video.state === "ready") make("a", { href: `/api/jobs/${now.id}/video.mp4`, download: "" }).click();
  else fail(new Error(now.video.message));
}

export function refresh(now) {
  if (!byId("share").open || !now) return;
  const { state, done, total, message } = now.video;
  const hasBoxes = now.targets.length > 0;
  for (const link of document.querySelectorAll("[data-boxes]")) {
    if (hasBoxes) link.href = `/api/jobs/${now.id}/boxes.${link.dataset.boxes}`;
    else link.removeAttribute("href");
  }
  for (const button of document.querySelectorAll("[data-video]")) button.disabled = !hasBoxes || state === "making";
  const writing = state === "making" ? `Writing the video: ${Math.floor((100 * done) / Math.max(1, total))} %.` : "";
  const progress = `${writing} ${message}`.trim();
  setText(byId("share-progress"), hasBoxes ? progress : "Draw a box first: there is nothing to share yet.");
  byId("smooth").checked = now.smooth;
  byId("share-still").href = `/api/jobs/${now.id}/still/${Math.max(0, page.shown)}`;
}
