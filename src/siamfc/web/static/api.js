// The server's addresses, and what it answers.

export class Refusal extends Error {}

async function answered(response) {
  if (response.ok) return response;
  let text = `the server answered ${response.status}`;
  try {
    text = (await response.json()).error ?? text;
  } catch { /* not JSON: a refusal by the guard */ }
  throw new Refusal(text);
}

export async function ask(method, path, body, options = {}) {
  const init = { method, ...options };
  if (body !== undefined) init.body = body instanceof Blob ? body : JSON.stringify(body);
  return answered(await fetch(`/api/${path}`, init));
}

export const read = async (path, options) => (await ask("GET", path, undefined, options)).json();

// A frame's picture and its time in seconds.
export async function frame(path, options) {
  const response = await ask("GET", path, undefined, options);
  return { time: Number(response.headers.get("Frame-Time")), bitmap: await createImageBitmap(await response.blob()) };
}

const jpeg = (bytes) => createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));

// One answer holds JSON, changed rows as float32 and the newest picture; see `news` of the server.
export async function news(query, signal) {
  const response = await ask("GET", `news?${new URLSearchParams(query)}`, undefined, { signal });
  const buffer = await response.arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  head.patches = (head.rows?.patches ?? []).map(([target, start, count]) => {
    const bytes = 4 * COLUMNS * count;
    const values = new Float32Array(buffer.slice(at, at + bytes));
    at += bytes;
    return { target, start, values };
  });
  if (head.picture !== undefined) head.bitmap = await jpeg(new Uint8Array(buffer, at));
  return head;
}

export const COLUMNS = 7; // x, y, w, h, score, status, agreement

// Frames as the server plays them: { frame, time, bitmap }, at the video's own pace.
export async function* played(path, signal) {
  const reader = (await ask("GET", path, undefined, { signal })).body.getReader();
  let held = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(held.length + value.length);
    joined.set(held);
    joined.set(value, held.length);
    held = joined;
    while (held.length >= HEAD) {
      const view = new DataView(held.buffer, held.byteOffset);
      const end = HEAD + view.getUint32(12, true);
      if (held.length < end) break;
      yield { frame: view.getUint32(0, true), time: view.getFloat64(4, true), bitmap: await jpeg(held.slice(HEAD, end)) };
      held = held.slice(end);
    }
  }
}

const HEAD = 16; // bytes before each picture that is played

// Send a file with its progress, which fetch does not report. Returns a promise with `abort`.
export function send(path, file, onProgress) {
  const request = new XMLHttpRequest();
  const promise = new Promise((resolve, reject) => {
    request.open("PUT", `/api/${path}`);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status < 300) return resolve();
      let text = `the server answered ${request.status}`;
      try { text = JSON.parse(request.responseText).error; } catch { /* not JSON */ }
      reject(new Refusal(text));
    };
    request.onerror = () => reject(new Refusal("the upload was cut off"));
    request.onabort = () => reject(new DOMException("given up", "AbortError"));
    request.send(file);
  });
  promise.abort = () => request.abort();
  return promise;
}

export function save(address) {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}
