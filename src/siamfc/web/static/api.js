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
  if (body !== undefined) init.body = JSON.stringify(body);
  return answered(await fetch(`/api/${path}`, init));
}

export const read = async (path, options) => (await ask("GET", path, undefined, options)).json();

export async function image(path, options) {
  const response = await ask("GET", path, undefined, options);
  return createImageBitmap(await response.blob());
}

// One answer holds JSON, rows as float32 and the newest picture; see `news` of the server.
export async function news(query, signal) {
  const response = await ask("GET", `news?${new URLSearchParams(query)}`, undefined, { signal });
  const buffer = await response.arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  if (head.rows) {
    const count = head.rows.shape.reduce((product, n) => product * n, 1);
    head.rows.values = new Float32Array(buffer.slice(at, at + 4 * count));
    at += 4 * count;
  }
  if (head.picture !== undefined) {
    head.bitmap = await createImageBitmap(new Blob([new Uint8Array(buffer, at)], { type: "image/jpeg" }));
  }
  return head;
}

// Send a file with its progress, which fetch does not tell. Returns a promise with `abort`.
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
