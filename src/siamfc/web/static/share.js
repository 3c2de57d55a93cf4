// What can be taken away, what each is for, and boxes that are brought along.

import { ask, save } from "./api.js";
import { byId, edits, fail, job, page, perform } from "./page.js";
import { notify, setText } from "./panel.js";

const VIDEOS = {
  boxes: ["Video with boxes", "to show what was tracked"],
  blurred: ["Blurred video", "to make the targets unrecognizable"],
  vertical: ["Vertical video", "9:16, follows the first target"],
  stabilized: ["Stabilized video", "holds the first target still"],
};

export function setUp({ videos, boxFormats }) {
  byId("share-videos").replaceChildren(...videos.map((kind) => {
    const [title, purpose] = VIDEOS[kind] ?? [kind, ""];
    return entry("button", title, purpose, (button) => {
      button.type = "button";
      button.dataset.video = kind;
      button.onclick = () => makeVideo(kind);
    });
  }));
  byId("share-boxes").replaceChildren(...Object.entries(boxFormats).map(([kind, title]) => {
    const [name, purpose] = title.split(/: (.*)/s);
    return entry("a", name, purpose ?? "", (link) => {
      link.className = "button";
      link.dataset.boxes = kind;
      link.download = "";
    });
  }));
  byId("show-share").onclick = open;
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

export async function open() {
  await edits.flush();
  byId("share").showModal();
  refresh(job());
}

async function makeVideo(kind) {
  page.saving = page.current;
  if (!(await perform(() => ask("POST", `jobs/${page.current}/video/${kind}`)))) page.saving = null;
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
  const { state, done, total } = now.video;
  const hasBoxes = now.targets.length > 0;
  for (const link of document.querySelectorAll("[data-boxes]")) {
    if (hasBoxes) link.href = `${base}/boxes.${link.dataset.boxes}`;
    else link.removeAttribute("href");
  }
  for (const button of document.querySelectorAll("[data-video]")) button.disabled = !hasBoxes || state === "making";
  const progress = state === "making" ? `Writing the video: ${Math.floor((100 * done) / Math.max(1, total))} %` : "";
  setText(byId("share-progress"), hasBoxes ? progress : "Draw a box first: there is nothing to share yet.");
  byId("share-still").href = `${base}/still/${Math.max(0, page.shown)}`;
}
