// Texts around the frame: the list of videos, the buttons, the numbers.

const byId = (id) => document.getElementById(id);
const STATES = { open: "", waiting: "waiting", running: "tracking", paused: "paused", done: "done", failed: "failed" };
const NOTICE = 4000; // milliseconds that a notice is shown

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function showJobs(jobs, current, { onSelect, onClose }) {
  const list = byId("jobs");
  const wanted = jobs.map(({ id }) => id).join(" ");
  if (list.dataset.ids !== wanted) {
    list.dataset.ids = wanted;
    list.replaceChildren(...jobs.map(({ id, name }) => {
      const item = document.createElement("li");
      const [open, close, title] = ["button", "button", "span"].map((kind) => document.createElement(kind));
      open.type = close.type = "button";
      title.textContent = name;
      open.append(title, document.createElement("small"));
      open.title = name;
      open.onclick = () => onSelect(id);
      close.textContent = "×";
      close.setAttribute("aria-label", `Close ${name}`);
      close.onclick = () => onClose(id);
      item.append(open, close);
      return item;
    }));
  }
  jobs.forEach((job, index) => {
    const button = list.children[index].firstChild;
    const isCurrent = String(job.id === current);
    if (button.getAttribute("aria-current") !== isCurrent) {
      button.setAttribute("aria-current", isCurrent);
      if (job.id === current) list.children[index].scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    setText(button.lastChild, job.state === "running" ? percent(job) : STATES[job.state]);
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

export function showControls(job, { shown, time, following, playing, jobs, hasBoxes, isPending }) {
  const isBusy = job.state === "running" || job.state === "waiting";
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
  setText(byId("place"), shown < 0 ? "…" : [clock(time), `frame ${shown + 1} of ${Math.max(1, job.frameCount)}`].filter(Boolean).join(" · "));
  setText(byId("rate"), rate(job));
  setText(byId("hint"), hint(job, jobs, hasBoxes));
}

// Minutes, seconds and tenths, with hours where there are any: 00:04.5.
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const [hours, minutes, rest] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10];
  const parts = [String(minutes).padStart(2, "0"), rest.toFixed(1).padStart(4, "0")];
  return (hours ? [hours, ...parts] : parts).join(":");
}

function rate(job) {
  if (!job.rate) return "";
  const parts = [`${job.rate.toFixed(job.rate < 10 ? 1 : 0)} frames/s`];
  if (job.secondsLeft !== null) parts.push(`${duration(job.secondsLeft)} left`);
  return parts.join(" · ");
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function hint(job, jobs, hasBoxes) {
  if (job.message) return job.message;
  if (!hasBoxes) return "Draw a box around each object you want to track.";
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

// Say something over the picture, for a while.
export function notify(text) {
  const element = byId("notice");
  element.hidden = false;
  setText(element, text);
  clearTimeout(notice);
  notice = setTimeout(() => { element.hidden = true; }, NOTICE);
}

export function announce(text) {
  setText(byId("announcer"), text);
}
