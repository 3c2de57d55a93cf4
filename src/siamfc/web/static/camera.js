// The browser's camera: its pictures go to the server one at a time, as fast as it takes them.

import { ask } from "./api.js";

const QUALITY = 0.88;
const LEAST_STEP = 30; // milliseconds

// Open the camera; returns the id of its job. `onEnd(reason)` is called when it is over.
export async function openCamera(onEnd) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("the browser gives its camera only to pages of this computer: open the page by 127.0.0.1");
  }
  const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "environment" };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false }).catch(explain);
  try {
    const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: stream });
    await video.play();
    const size = { width: video.videoWidth, height: video.videoHeight };
    const { id } = await (await ask("POST", "cameras", size)).json();
    sendPictures(id, video, stream, onEnd);
    return id;
  } catch (error) {
    stop(stream);
    throw error;
  }
}

function explain(error) {
  if (error.name === "NotAllowedError") throw new Error("the browser was not allowed to use the camera");
  if (error.name === "NotFoundError") throw new Error("the browser finds no camera");
  throw error;
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function sendPictures(id, video, stream, onEnd) {
  const socket = new WebSocket(`ws://${location.host}/api/jobs/${id}/camera`);
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  let first = null;
  let last = 0;

  async function next() {
    const wait = LEAST_STEP - (performance.now() - last);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    last = performance.now();
    first ??= last;
    context.drawImage(video, 0, 0);
    const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
    const time = new DataView(new ArrayBuffer(8));
    time.setFloat64(0, (last - first) / 1000, true);
    if (socket.readyState === WebSocket.OPEN) socket.send(new Blob([time.buffer, picture]));
  }

  socket.onopen = next;
  socket.onmessage = next; // each picture is answered
  socket.onclose = (event) => {
    stop(stream);
    onEnd(event.reason);
  };
  stream.getVideoTracks()[0].onended = () => socket.close();
}
