// Texts around the frame: the list of videos, the buttons, the numbers.

import { byId, make, setText } from "./dom.js";

const STATES = { open: "", waiting: "waiting", running: "tracking", paused: "paused", done: "done", failed: "failed" };
const NOTICE = 4000; // milliseconds that a notice is shown

export function showJobs(jobs, current, { onSelect, onClose }) {
  const list = byId("jobs");
  const ids = jobs.map(({ id }) => id).join(" ");
  if (list.dataset.ids !== ids) {
    list.dataset.ids = ids;
    list.replaceChildren(...jobs.map(({ id, name }) => {
      const open = make("button", { type: "button", title: name, onclick: () => onSelect(id) });
      open.append(make("span", { textContent: name }), make("small"));
      const close = make("button", { type: "button", ariaLabel: `Close ${name}`, onclick: () => onClose(id) }, "×");
      return make("li", {}, open, close);
    }));
  }
  jobs.forEach((job, index) => {
    const item = list.children[index];
    const isCurrent = String(job.id === current);
    if (item.firstChild.ariaCurrent !== isCurrent) {
      item.firstChild.ariaCurrent = isCurrent;
      if (job.id === current) item.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    setText(item.firstChild.lastChild, job.state === "running" ? percent(job) : STATES[job.state]);
  });
}

function percent(job) {
  if (job.live) return "live";
  const all = Math.max(1, job.frameCount - job.start);
  return `${Math.floor(100 * Math.max(0, 1 - job.framesLeft / all))} %`;
}

// Until the first frame of another video is there.
export function clear() {
  for (const id of ["place", "rate", "hint", "why"]) setText(byId(id), "");
  byId("run").disabled = true;
  byId("targets").replaceChildren();
  byId("target-tools").hidden = true;
}

export function showControls(job, { shown, time, following, playing, jobs }, { hasBoxes, isPending, isBusy }) {
  const isTracked = hasBoxes && !isPending && !job.framesLeft && !job.live;
  const run = byId("run");
  setText(run, isBusy ? "Pause tracking" : isTracked ? "Done" : job.end > job.start + 1 ? "Continue" : "Track");
  run.disabled = !isBusy && (isTracked || !hasBoxes);
  setText(byId("why"), isBusy ? "" : !hasBoxes ? "Draw a box first" : isTracked ? "Everything is tracked" : "");
  setText(byId("play"), playing ? "Pause" : "Play");
  byId("play").disabled = shown < 0;
  byId("back").disabled = shown <= job.firstFrame;
  byId("forward").disabled = shown >= job.frameCount - 1;
  byId("follow").hidden = following || !(job.live || job.state === "running");
  byId("finish").hidden = !job.live;
  byId("undo").disabled = !job.undo;
  byId("redo").disabled = !job.redo;
  for (const id of ["previous-key", "next-key", "previous-check", "next-check"]) byId(id).disabled = !hasBoxes;
  byId("prompt").hidden = hasBoxes || shown < 0 || job.undo > 0;
  const place = `frame ${shown + 1} of ${Math.max(1, job.frameCount)}`;
  setText(byId("place"), shown < 0 ? "…" : [clock(time), place].filter(Boolean).join(" · "));
  setText(byId("rate"), rate(job));
  setText(byId("hint"), hint(job, jobs, hasBoxes));
}

// Minutes, seconds and tenths, with hours where there are any: 00:04.5.
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const hours = Math.floor(tenths / 36000);
  const rest = new Date(tenths * 100).toISOString().slice(14, 21);
  return hours ? `${hours}:${rest}` : rest;
}

function rate({ rate, secondsLeft }) {
  if (!rate) return "";
  const left = secondsLeft === null ? "" : ` · ${duration(secondsLeft)} left`;
  return `${rate.toFixed(rate < 10 ? 1 : 0)} frames/s${left}`;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function hint(job, jobs, hasBoxes) {
  if (job.message) return job.message;
  if (!hasBoxes) return "";
  if (job.state === "waiting") {
    const before = jobs.find(({ state }) => state === "running");
    return before ? `Waiting: ${before.name} is being tracked.` : "Waiting.";
  }
  if (job.state === "open") return "Adjust the box by its handles, add another with New target, or press Track.";
  if (job.state === "running") return "Pause tracking to fix a box.";
  return "If a box is wrong, go to that frame, fix it, then continue.";
}

export function showMessage(text) {
  byId("message").hidden = !text;
  setText(byId("message"), text);
}

let notice = null;

// Say something over the picture, for a while or until its user acts.
export function notify(text) {
  byId("notice").hidden = false;
  setText(byId("notice"), text);
  clearTimeout(notice);
  notice = setTimeout(dismissNotice, NOTICE);
}

export function dismissNotice() {
  byId("notice").hidden = true;
}

export function announce(text) {
  setText(byId("announcer"), text);
}
