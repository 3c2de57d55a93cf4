// Ways to begin: drop or choose files, an entry of the folder, the camera, a stream.

import { ask, read, send } from "./api.js";
import { openCamera } from "./camera.js";
import { byId, make } from "./dom.js";
import { paintPicture } from "./network.js";
import { fail, page } from "./page.js";
import { clock, showMessage } from "./panel.js";

const IMAGE = /\.(bmp|jp2|jpe?g|p[bgnp]m|png|tga|tiff?|webp)$/i;
const MOST_LOOKS = 60; // entries of the folder whose picture is shown

let uploading = null; // aborts the upload under way
let isBusy = false;
let listed = [];

export function listen() {
  for (const [button, input] of [["choose-video", byId("video-file")], ["choose-folder", byId("image-files")]]) {
    byId(button).onclick = () => input.click();
    input.onchange = () => {
      const files = [...input.files];
      input.value = "";
      takeFiles(files);
    };
  }
  byId("open-sample").onclick = () => begin(() => post("sample"), "Making a sample video…");
  byId("open-camera").onclick = () => begin(() => openCamera((reason) => reason && fail(new Error(reason))));
  byId("cancel-upload").onclick = () => uploading.abort();
  byId("stream").onsubmit = (event) => {
    event.preventDefault();
    begin(() => post("streams", { url: byId("stream-url").value.trim() }));
  };
  listenToDrops();
}

function listenToDrops() {
  const zone = byId("drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    takeFiles((await Promise.all(entries.map(filesOf))).flat());
  });
}

// The files of an entry that was dropped, with the path of each as its `place`.
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [Object.assign(file, { place: entry.fullPath })];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.filter((each) => each.isFile).map(filesOf))).flat());
  }
}

// Show what the folder of the server has, and what it looks like, one after the other.
export async function list() {
  try {
    listed = await read("library");
  } catch (error) {
    fail(error);
    return;
  }
  const entries = listed;
  byId("library").hidden = entries.length === 0;
  const items = entries.map(({ id, name, kind, count }) => {
    const text = make("small", { textContent: kind === "images" ? `${count} images` : "video" });
    const onclick = () => begin(() => post(`library/${id}`));
    return make("li", {}, make("button", { type: "button", onclick }, make("canvas"), name, text));
  });
  byId("entries").replaceChildren(...items);
  for (const [index, { id }] of entries.slice(0, MOST_LOOKS).entries()) {
    if (listed !== entries || byId("opening").hidden) return;
    try {
      const { picture, size, seconds, frames } = await read(`library/${id}`);
      const [canvas, , text] = items[index].firstChild.childNodes;
      await paintPicture(canvas, picture, true);
      text.textContent = `${seconds ? clock(seconds) : `${frames} frames`} · ${size.join(" × ")}`;
    } catch {
      continue; // opening it says what is wrong
    }
  }
}

const post = async (path, body) => (await (await ask("POST", path, body)).json()).id;

// Open something, one at a time; then show the note, if there is one.
async function begin(open, text = "Opening…", note = "") {
  if (isBusy) return;
  isBusy = true;
  showProgress(null, text);
  try {
    page.select(await open());
    if (note) showMessage(note);
    byId("stage").focus({ preventScroll: true }); // what had the focus is hidden
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  }
  isBusy = false;
  byId("progress").hidden = true;
}

function showProgress(part, text) {
  byId("progress").hidden = false;
  byId("cancel-upload").hidden = part === null;
  if (part === null) byId("progress-bar").removeAttribute("value");
  else byId("progress-bar").value = part;
  byId("progress-text").textContent = text;
}

function takeFiles(chosen) {
  const visible = chosen.filter(({ name }) => !name.startsWith("."));
  const files = visible.length ? visible : chosen;
  const path = (file) => file.webkitRelativePath || file.place || file.name;
  const images = files.filter(({ name }) => IMAGE.test(name));
  if (images.length > 1 || (images.length === 1 && files.length > 1)) {
    const order = new Intl.Collator("en", { numeric: true });
    images.sort((a, b) => order.compare(path(a), path(b)));
    begin(() => upload(path(images[0]).split("/").at(-2) || "images", images, true));
  } else if (files.length) {
    const note = files.length > 1 ? `Only ${files[0].name} was opened: open one video at a time` : "";
    begin(() => upload(files[0].name, files.slice(0, 1), false), undefined, note);
  }
}

async function upload(name, files, images) {
  const total = files.reduce((sum, { size }) => sum + size, 0) || 1;
  const key = [name, files.length, total, files[0].lastModified].join("/").slice(-200);
  const { id, job } = await (await ask("POST", "uploads", { name, images, count: files.length, key })).json();
  if (job) return job; // it is open already
  uploading = new AbortController();
  let sent = 0;
  const tell = (loaded) => {
    const part = Math.min(1, (sent + loaded) / total);
    showProgress(part, `${Math.round(100 * part)} % of ${(total / 1e6).toFixed(1)} MB`);
  };
  try {
    for (const [number, file] of files.entries()) {
      tell(0);
      uploading.signal.throwIfAborted();
      await send(`uploads/${id}/${number}`, file, tell, uploading.signal);
      sent += file.size;
    }
  } catch (error) {
    await ask("DELETE", `uploads/${id}`).catch(() => {});
    throw error;
  }
  showProgress(null, "Opening…");
  return post(`uploads/${id}`);
}
