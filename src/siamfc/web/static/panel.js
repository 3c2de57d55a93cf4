// What is written around the frame: the list of videos, the buttons, the numbers.

const byId = (id) => document.getElementById(id);

const STATES = {
  open: "", waiting: "waits its turn", running: "running", paused: "paused", done: "done", failed: "failed",
};

export function showJobs(jobs, current, { onSelect, onClose }) {
  const list = byId("jobs");
  const wanted = jobs.map(({ id }) => id).join(" ");
  if (list.dataset.ids !== wanted) {
    list.dataset.ids = wanted;
    list.replaceChildren(...jobs.map(({ id, name }) => {
      const item = document.createElement("li");
      const open = document.createElement("button");
      const close = document.createElement("button");
      open.type = close.type = "button";
      const title = document.createElement("span");
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
    button.setAttribute("aria-current", String(job.id === current));
    setText(button.lastChild, job.state === "running" ? percent(job) : STATES[job.state]);
  });
}

function percent(job) {
  if (job.live) return "live";
  const share = (job.end - job.start) / Math.max(1, job.frameCount - job.start);
  return `${Math.floor(100 * share)} %`;
}

export function showTargets(count, selected, color, onSelect) {
  const list = byId("targets");
  if (list.children.length !== count) {
    list.replaceChildren(...Array.from({ length: count }, (_, target) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const swatch = document.createElement("span");
      button.type = "button";
      swatch.className = "swatch";
      swatch.style.backgroundColor = color(target);
      button.append(swatch, `Target ${target + 1}`);
      button.onclick = () => onSelect(target);
      item.append(button);
      return item;
    }));
  }
  [...list.children].forEach((item, target) => {
    item.firstChild.setAttribute("aria-pressed", String(target === selected));
  });
}

// Until the first frame of another video is there.
export function clear() {
  setText(byId("place"), "…");
  setText(byId("hint"), "");
  byId("run").disabled = true;
  byId("targets").replaceChildren();
}

export function showControls(job, { shown, following, jobs, hasBoxes }) {
  const isBusy = job.state === "running" || job.state === "waiting";
  const isAtEnd = job.end >= job.frameCount;
  const isDone = job.live ? job.state === "done" && isAtEnd : job.state === "done" || isAtEnd;
  const run = byId("run");
  setText(run, isBusy ? "Pause" : isDone ? "Done" : job.end > job.start ? "Go on" : "Start");
  run.disabled = !isBusy && (isDone || !hasBoxes);
  byId("back").disabled = shown <= job.firstFrame;
  byId("forward").disabled = shown >= job.frameCount - 1;
  byId("follow").hidden = following || !(job.live || job.state === "running");
  byId("finish").hidden = !job.live;
  setText(byId("place"), numbers(job, shown));
  setText(byId("hint"), hint(job, jobs, hasBoxes));
  const film = byId("save-film");
  const { state, done, total } = job.film;
  setText(film, state === "making" ? `Film ${Math.floor((100 * done) / total)} %` : "Film");
  film.disabled = job.end === job.start || state === "making";
}

export function showLinks(job, shown) {
  const base = `/api/jobs/${encodeURIComponent(job.id)}`;
  for (const kind of ["txt", "csv", "jsonl"]) {
    const link = byId(`save-${kind}`);
    link.hidden = job.end === job.start;
    link.href = `${base}/boxes.${kind}`;
  }
  byId("save-still").href = `${base}/still/${Math.max(0, shown)}`;
}

function numbers(job, shown) {
  if (shown < 0) return "…";
  const parts = [`frame ${shown} of ${Math.max(0, job.frameCount - 1)}`];
  if (job.rate) parts.push(`${job.rate.toFixed(job.rate < 10 ? 1 : 0)} frames/s`);
  if (job.secondsLeft !== null && job.rate) parts.push(`${duration(job.secondsLeft)} left`);
  return parts.join(" · ");
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function hint(job, jobs, hasBoxes) {
  if (job.message) return job.message;
  if (!hasBoxes) return "Drag a box about each thing that is to be followed, or press B.";
  if (job.state === "waiting") {
    const before = jobs.find(({ state }) => state === "running");
    return before ? `Waits its turn: ${before.name} is being tracked.` : "Waits its turn.";
  }
  if (job.state === "open") return "Adjust the box by its handles, draw further ones, or press Start.";
  if (job.state === "running") return "Pause to put a box right where it went astray.";
  if (job.state === "done") return "Where a box went astray, go there, put it right and go on.";
  return "Put a box right in any frame, then go on from there.";
}

export function showMessage(text) {
  byId("message").hidden = !text;
  setText(byId("message"), text);
}

export function announce(text) {
  setText(byId("announcer"), text);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
