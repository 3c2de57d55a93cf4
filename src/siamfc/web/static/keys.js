// Every key, what it does, and the table of them in the help.

import { make } from "./dom.js";

// Keys as the help names them, their meaning, and the action of each with its arguments. ^: Ctrl.
const KEYS = [
  ["Space", "play or pause", { " ": ["play"] }],
  ["T", "track, or pause tracking", { t: ["run"] }],
  [", .", "one frame back, one frame forward; with Shift ten", { ",": ["go", -1], ".": ["go", 1], "<": ["go", -10], ";": ["go", -10], ">": ["go", 10], ":": ["go", 10] }],
  ["[ ]", "previous, next key frame", { "[": ["goToKey", -1], "]": ["goToKey", 1] }],
  ["Ctrl , .", "move the key frame one frame back, forward", { "^,": ["moveKey", -1], "^.": ["moveKey", 1] }],
  ["{ }", "previous, next frame to check", { "{": ["goToCheck", -1], "}": ["goToCheck", 1] }],
  ["Home End", "first frame, last frame tracked", { home: ["first"], end: ["last"] }],
  ["F", "go to the latest frame and follow it", { f: ["follow"] }],
  ["B", "a new target, with a box in the middle of the frame", { b: ["addBox"] }],
  ["1 … 9", "select a target", Object.fromEntries([..."123456789"].map((key) => [key, ["select", key - 1]]))],
  ["Arrows", "move the selected box by a pixel; without one, go frame by frame", {}],
  ["Shift Arrows", "change the size of the selected box", {}],
  ["Ctrl Arrows", "move the selected box by ten pixels", {}],
  ["Delete", "delete the key frame, or the target", { delete: ["remove"], backspace: ["remove"] }],
  ["E", "the target left the picture", { e: ["leave"] }],
  ["R", "also track the selected target backwards", { r: ["reachBack"] }],
  ["H L", "hide, lock the selected target", { h: ["mark", "hidden"], l: ["mark", "locked"] }],
  ["Ctrl Z", "undo; with Shift redo", { "^z": ["travel", "undo"], "^Shift z": ["travel", "redo"], "^y": ["travel", "redo"] }],
  ["+ − 0", "zoom in, zoom out, whole frame", { "+": ["zoom", 1.5], "=": ["zoom", 1.5], "-": ["zoom", 1 / 1.5], "−": ["zoom", 1 / 1.5], 0: ["fit"] }],
  ["W A S D", "move the view up, left, down, right", { w: ["pan", 0, -60], a: ["pan", -60, 0], s: ["pan", 0, 60], d: ["pan", 60, 0] }],
  ["Esc", "select nothing", { escape: ["select", null] }],
  ["N", "what the network sees", { n: ["network"] }],
  ["X", "share", { x: ["share"] }],
  ["O", "open another video", { o: ["open"] }],
  ["?", "this help", { "?": ["help"] }],
];

const ACTIONS = Object.assign({}, ...KEYS.map(([, , actions]) => actions));
const WITHOUT_VIDEO = ["open", "help"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const QUICK = 8; // frame pixels of a step once a key has been held down
const HELD = 12; // repeats after which that is so

export function fillHelp(table) {
  for (const [keys, meaning] of KEYS) {
    const signs = keys.split(" ").flatMap((key) => [key === "…" ? key : make("kbd", { textContent: key }), " "]);
    table.append(make("tr", {}, make("th", { scope: "row" }, ...signs), make("td", { textContent: meaning })));
  }
}

// `actions` has a function for each name above; `hasWork()` says whether a video is shown.
export function listen(actions, hasWork) {
  let held = 0;
  addEventListener("keyup", () => { held = 0; });
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || (event.metaKey && event.key.toLowerCase() !== "z") || document.querySelector("dialog[open]")) return;
    if (event.target.matches('input:not([type="range"]), textarea, select')) return;
    held = event.repeat ? held + 1 : 0;
    if (act(actions, event, held > HELD ? QUICK : 1, hasWork())) event.preventDefault();
  });
}

function act(actions, event, step, hasWork) {
  const { target, key, shiftKey } = event;
  const ctrlKey = event.ctrlKey || event.metaKey; // Cmd Z on a Mac
  if (key in ARROWS) {
    if (!hasWork || target.matches('input[type="range"]')) return false;
    const [dx, dy] = ARROWS[key].map((way) => way * (ctrlKey ? 10 : step));
    if (actions.nudge(dx, dy, shiftKey)) return true;
    if (dx) actions.go(Math.sign(dx));
    return dx !== 0;
  }
  if (key === " " && target.matches("button, summary, a")) return false; // it presses what has the focus
  const [name, ...values] = ACTIONS[`${ctrlKey ? (shiftKey ? "^Shift " : "^") : ""}${key.toLowerCase()}`] ?? [];
  if (!name || !(hasWork || WITHOUT_VIDEO.includes(name))) return false;
  actions[name](...values);
  return true;
}
