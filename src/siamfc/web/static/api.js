// The server's addresses, and what it answers.

export const COLUMNS = 7; // of a row: x, y, w, h, score, status, agreement
const HEAD = 16; // bytes before each picture that is played

export class Refusal extends Error {}

function refusal(status, text) {
  let told;
  try {
    told = JSON.parse(text).error;
  } catch { /* not JSON: the guard refuses */ }
  return new Refusal(told ?? `the server answered ${status}`);
}

export async function ask(method, path, body, signal) {
  const content = body instanceof Blob ? body : JSON.stringify(body);
  const response = await fetch(`/api/${path}`, { method, body: content, signal });
  if (!response.ok) throw refusal(response.status, await response.text());
  return response;
}

export const read = async (path) => (await ask("GET", path)).json();

const jpeg = (bytes) => createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));

// A frame's picture and its time in seconds.
export async function frame(path) {
  const response = await ask("GET", path);
  return { time: Number(response.headers.get("Frame-Time")), bitmap: await createImageBitmap(await response.blob()) };
}

// One answer holds JSON, changed rows as float32 and the newest picture; see `news` of the server.
export async function news(query, signal) {
  const response = await ask("GET", `news?${new URLSearchParams(query)}`, undefined, signal);
  const buffer = await response.arrayBuffer();
  let at = 4 + new DataView(buffer).getUint32(0, true);
  const told = JSON.parse(new TextDecoder().decode(buffer.slice(4, at)));
  told.patches = (told.rows?.patches ?? []).map(([target, start, count]) => {
    const begin = at;
    at += 4 * COLUMNS * count;
    return { target, start, values: new Float32Array(buffer.slice(begin, at)) };
  });
  if (told.picture !== undefined) told.bitmap = await jpeg(buffer.slice(at));
  return told;
}

// Frames as the server plays them: { frame, time, bitmap }, at the video's own pace.
export async function* played(path, signal) {
  const reader = (await ask("GET", path, undefined, signal)).body.getReader();
  let held = new ArrayBuffer(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held = await new Blob([held, value]).arrayBuffer();
    while (held.byteLength >= HEAD) {
      const view = new DataView(held);
      const end = HEAD + view.getUint32(12, true);
      if (held.byteLength < end) break;
      yield { frame: view.getUint32(0, true), time: view.getFloat64(4, true), bitmap: await jpeg(held.slice(HEAD, end)) };
      held = held.slice(end);
    }
  }
}

// Send a file with XMLHttpRequest: fetch does not report progress.
export function send(path, file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/${path}`);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(refusal(request.status, request.responseText)));
    request.onerror = () => reject(new Refusal("the upload was cut off"));
    request.onabort = () => reject(signal.reason);
    signal.onabort = () => request.abort();
    request.send(file);
  });
}
