// The share menu: videos, boxes and a still to save, and boxes to import.

import { ask, save } from "./api.js";
import { byId, edits, fail, job, page, perform } from "./page.js";
import { notify, setText } from "./panel.js";

// Title, purpose and options of each video; an option has values with a label each.
const VIDEOS = {
  boxes: ["Video with boxes", "to show what was tracked", {}],
  blurred: ["Blurred video", "to make the targets unrecognizable", {
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
  stabilised: ["Stabilized video", "holds the targets still", {}],
};

export function setUp({ videos, boxFormats }) {
  byId("share-videos").replaceChildren(...videos.map((kind) => {
    const [title, purpose, options] = VIDEOS[kind];
    const item = entry("button", title, purpose, (button) => {
      button.type = "button";
      button.dataset.video = kind;
      button.onclick = () => makeVideo(kind, item);
    });
    const choices = Object.entries(options).map(([name, values]) => choice(`${title}: ${name.replace("_", " ")}`, name, values));
    if (choices.length) item.append(folded("Options", choices));
    return item;
  }));
  byId("share-boxes").replaceChildren(...Object.entries(boxFormats).map(([kind, title]) => {
    const [name, purpose] = title.split(/: (.*)/s);
    return entry("a", name, purpose ?? "", (link) => {
      link.className = "button";
      link.dataset.boxes = kind;
      link.download = "";
    });
  }));
  byId("smooth").onchange = (event) => smooth(event.target.checked);
  byId("import").onclick = () => byId("import-file").click();
  byId("import-file").onchange = (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) load(file);
  };
}

function entry(kind, title, purpose, prepare) {
  const [item, element, text] = ["li", kind, "small"].map((name) => document.createElement(name));
  element.textContent = title;
  text.textContent = purpose;
  prepare(element);
  item.append(element, text);
  return item;
}

function folded(title, contents) {
  const [details, summary] = ["details", "summary"].map((name) => document.createElement(name));
  summary.textContent = title;
  details.append(summary, ...contents);
  return details;
}

function choice(title, name, values) {
  const select = document.createElement("select");
  select.dataset.option = name;
  select.setAttribute("aria-label", title);
  select.append(...Object.entries(values).map(([value, text]) => new Option(text, value)));
  return select;
}

export async function open() {
  await edits.flush();
  byId("share").showModal();
  refresh(job());
}

async function makeVideo(kind, item) {
  page.saving = page.current;
  const options = {};
  for (const { dataset, value } of item.querySelectorAll("[data-option]")) options[dataset.option] = value;
  if (!(await perform(() => ask("POST", `jobs/${page.current}/video/${kind}`, options)))) page.saving = null;
  page.asking?.abort();
}

async function smooth(is) {
  setText(byId("smooth-progress"), "Smoothing…");
  await perform(() => ask("POST", `jobs/${page.current}/${is ? "smooth" : "raw"}`));
  setText(byId("smooth-progress"), "");
  page.asking?.abort();
}

async function load(file) {
  const done = await perform(() => ask("POST", `jobs/${page.current}/boxes?name=${encodeURIComponent(file.name)}`, file));
  byId("share").close();
  page.asking?.abort();
  if (done) notify(`Boxes of ${file.name} were added`);
}

// Save the video that was asked for once it is ready.
export function settle(now) {
  if (page.saving !== now.id || !["ready", "failed"].includes(now.video.state)) return;
  page.saving = null;
  if (now.video.state === "ready") save(`/api/jobs/${encodeURIComponent(now.id)}/video.mp4`);
  else fail(new Error(now.video.message));
}

export function refresh(now) {
  if (!byId("share").open || !now) return;
  const base = `/api/jobs/${encodeURIComponent(now.id)}`;
  const { state, done, total, message } = now.video;
  const hasBoxes = now.targets.length > 0;
  for (const link of document.querySelectorAll("[data-boxes]")) {
    if (hasBoxes) link.href = `${base}/boxes.${link.dataset.boxes}`;
    else link.removeAttribute("href");
  }
  for (const button of document.querySelectorAll("[data-video]")) button.disabled = !hasBoxes || state === "making";
  const writing = state === "making" ? `Writing the video: ${Math.floor((100 * done) / Math.max(1, total))} %.` : "";
  const progress = `${writing} ${message}`.trim();
  setText(byId("share-progress"), hasBoxes ? progress : "Draw a box first: there is nothing to share yet.");
  byId("smooth").checked = now.smooth;
  byId("share-still").href = `${base}/still/${Math.max(0, page.shown)}`;
}
