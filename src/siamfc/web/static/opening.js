// Ways to begin: drop or choose files, an entry of the folder, the camera, a stream.

import { ask, read, send } from "./api.js";
import { openCamera } from "./camera.js";
import { paintPicture } from "./network.js";
import { clock } from "./panel.js";

const byId = (id) => document.getElementById(id);
const IMAGE = /\.(bmp|jp2|jpe?g|p[bgnp]m|png|tga|tiff?|webp)$/i;
const AT_ONCE = 3;
const MOST_LOOKS = 60; // entries of the folder whose picture is shown

export class Opening {
  // `onOpen(id)` is called with the new job; `onError(error)` with what went wrong.
  constructor({ onOpen, onError, onCameraEnd }) {
    this.onOpen = onOpen;
    this.onError = onError;
    this.transfers = new Set();
    const video = byId("video-file");
    const folder = byId("image-files");
    byId("choose-video").onclick = () => video.click();
    byId("choose-folder").onclick = () => folder.click();
    video.onchange = () => this.#takeFiles([...video.files], video);
    folder.onchange = () => this.#takeFiles([...folder.files], folder);
    byId("open-sample").onclick = () => this.#try(() => this.#post("sample"), "Making a sample video…");
    byId("open-camera").onclick = () => this.#try(() => openCamera(onCameraEnd));
    byId("cancel-upload").onclick = () => this.cancel();
    byId("stream").onsubmit = (event) => {
      event.preventDefault();
      const url = byId("stream-url").value.trim();
      this.#try(() => this.#post("streams", { url }));
    };
    this.#listenToDrops();
  }

  async list() {
    try {
      const entries = await read("library");
      byId("library").hidden = entries.length === 0;
      const items = entries.map((entry) => this.#entry(entry));
      byId("entries").replaceChildren(...items);
      this.listed = entries;
      await Promise.all([0, 1].map((lane) => this.#look(entries, items, lane)));
    } catch (error) {
      this.onError(error);
    }
  }

  cancel() {
    this.cancelled = true;
    for (const transfer of this.transfers) transfer.abort();
  }

  #entry(entry) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = entry.name;
    const kind = document.createElement("small");
    kind.textContent = entry.kind === "images" ? `${entry.count} images` : "video";
    button.append(kind);
    button.prepend(document.createElement("canvas"));
    button.onclick = () => this.#try(() => this.#post(`library/${entry.id}`));
    item.append(button);
    return item;
  }

  // Show what the entries look like, one after the other, until others are listed.
  async #look(entries, items, lane) {
    for (let index = lane; index < Math.min(entries.length, MOST_LOOKS); index += 2) {
      if (this.listed !== entries || byId("opening").hidden) return;
      try {
        const { picture, size, seconds, frames } = await read(`library/${entries[index].id}`);
        const [canvas, , text] = items[index].firstChild.childNodes;
        await paintPicture(canvas, picture, true);
        text.textContent = [seconds ? clock(seconds) : `${frames} frames`, size.join(" × ")].join(" · ");
      } catch {
        continue; // opening it says what is wrong
      }
    }
  }

  async #post(path, body) {
    return (await (await ask("POST", path, body)).json()).id;
  }

  async #try(open, text = "Opening…") {
    if (this.busy) return;
    this.busy = true;
    this.#progress(null, text);
    try {
      this.onOpen(await open());
    } catch (error) {
      if (error.name !== "AbortError") this.onError(explained(error));
    } finally {
      this.busy = false;
      byId("progress").hidden = true;
    }
  }

  #progress(share, text) {
    byId("progress").hidden = false;
    byId("cancel-upload").hidden = share === null;
    if (share === null) byId("progress-bar").removeAttribute("value");
    else byId("progress-bar").value = share;
    byId("progress-text").textContent = text;
  }

  #takeFiles(files, input) {
    if (input) input.value = "";
    const images = files.filter(({ name }) => IMAGE.test(name) && !name.startsWith("."));
    const isFolder = images.length > 1 || (images.length === 1 && files.length > 1);
    if (!files.length) return;
    if (isFolder) {
      const order = new Intl.Collator("en", { numeric: true });
      images.sort((a, b) => order.compare(path(a), path(b)));
      const name = path(images[0]).split("/").at(-2) || "images";
      this.#try(() => this.#upload(name, images, true));
    } else {
      this.#try(() => this.#upload(files[0].name, files.slice(0, 1), false));
    }
  }

  async #upload(name, files, images) {
    this.cancelled = false;
    const total = files.reduce((sum, { size }) => sum + size, 0) || 1;
    const key = [name, files.length, total, files[0].lastModified].join("/").slice(-200);
    const { id, job } = await (await ask("POST", "uploads", { name, images, count: files.length, key })).json();
    if (job) return job; // it is open already
    const loaded = new Array(files.length).fill(0);
    const tell = () => {
      const share = loaded.reduce((sum, n) => sum + n, 0) / total;
      this.#progress(share, `${Math.round(100 * share)} % of ${(total / 1e6).toFixed(1)} MB`);
    };
    tell();
    let next = 0;
    const sender = async () => {
      while (next < files.length && !this.cancelled) {
        const number = next++;
        const transfer = send(`uploads/${id}/${number}`, files[number], (bytes) => {
          loaded[number] = bytes;
          tell();
        });
        this.transfers.add(transfer);
        await transfer.finally(() => this.transfers.delete(transfer));
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, sender));
      if (this.cancelled) throw new DOMException("given up", "AbortError");
    } catch (error) {
      this.cancel();
      await ask("DELETE", `uploads/${id}`).catch(() => {});
      throw error;
    }
    this.#progress(null, "Opening…");
    return this.#post(`uploads/${id}`);
  }

  #listenToDrops() {
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
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      const files = entries.length ? (await Promise.all(entries.map(filesOf))).flat() : [...event.dataTransfer.files];
      this.#takeFiles(files, null);
    });
  }
}

const path = (file) => file.webkitRelativePath || file.place || file.name;

function explained(error) {
  if (error.name === "NotAllowedError") return new Error("the browser was not allowed to use the camera");
  if (error.name === "NotFoundError") return new Error("the browser finds no camera");
  return error;
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    file.place = entry.fullPath;
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.filter((each) => each.isFile).map(filesOf))).flat());
  }
}
