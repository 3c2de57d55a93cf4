// Every key, what it does, and the table of them in the help.

export const KEYS = [
  ["Space", "play or pause"],
  ["T", "track, or pause tracking"],
  [", .", "one frame back, one frame forward; with Shift ten"],
  ["[ ]", "previous, next key frame"],
  ["Ctrl , .", "take the key frame a frame back, forward"],
  ["{ }", "previous, next frame to check"],
  ["Home End", "first frame, last frame tracked"],
  ["F", "go to the latest frame and follow it"],
  ["B", "a new target, with a box in the middle of the frame"],
  ["1 … 9", "select a target"],
  ["Arrows", "move the selected box by a pixel; without one, go frame by frame"],
  ["Shift Arrows", "change the size of the selected box"],
  ["Ctrl Arrows", "move the selected box by ten pixels"],
  ["Delete", "delete the key frame, or the target"],
  ["E", "the target left the picture"],
  ["R", "track the selected target backwards, too"],
  ["H L", "hide, lock the selected target"],
  ["Ctrl Z", "undo; with Shift redo"],
  ["+ − 0", "zoom in, zoom out, whole frame"],
  ["W A S D", "move the view up, left, down, right"],
  ["Esc", "select nothing"],
  ["N", "what the network sees"],
  ["X", "share"],
  ["O", "open another video"],
  ["?", "this help"],
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PANS = { w: [0, -60], a: [-60, 0], s: [0, 60], d: [60, 0] }; // CSS pixels
const QUICK = 8; // frame pixels of a step once a key has been held down
const HELD = 12; // repeats after which that is so

export function fillHelp(table) {
  for (const [keys, meaning] of KEYS) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    keys.split(" ").forEach((key, index) => {
      if (key === "…") return head.append(" … ");
      if (index) head.append(" ");
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      return head.append(kbd);
    });
    row.append(head);
    row.insertCell().textContent = meaning;
  }
}

// `actions` has a function for each key's meaning; `hasWork()` says whether a video is shown.
export function listen(actions) {
  let held = 0;
  addEventListener("keyup", () => { held = 0; });
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const { target, key } = event;
    if (target.matches('input:not([type="range"]), textarea, select')) return;
    held = event.repeat ? held + 1 : 0;
    if (act(actions, event, key, target, held > HELD ? QUICK : 1)) event.preventDefault();
  });
}

function act(actions, event, key, target, step) {
  if (key === "?") return actions.help();
  if (event.ctrlKey && actions.hasWork()) {
    if (key === "z" || key === "Z") return actions.travel(event.shiftKey ? "redo" : "undo");
    if (key === "y") return actions.travel("redo");
    if (key === "," || key === ".") return actions.moveKey(key === "," ? -1 : 1);
  }
  if (event.ctrlKey && !(key in ARROWS)) return false;
  if (key === "o" || key === "O") return actions.open();
  if (!actions.hasWork()) return false;
  if (key === " ") {
    if (target.matches("button, summary, a")) return false; // it presses what has the focus
    return actions.play();
  }
  if (key in ARROWS) {
    if (target.matches('input[type="range"]')) return false;
    const [dx, dy] = ARROWS[key];
    const size = event.ctrlKey ? 10 : step;
    if (actions.nudge(dx * size, dy * size, event.shiftKey)) return true;
    return dx ? actions.go(dx) : false;
  }
  const small = key.toLowerCase();
  if (small in PANS) return actions.pan(...PANS[small]);
  switch (small) {
    case ",": return actions.go(-1);
    case ".": return actions.go(1);
    case "<": case ";": return actions.go(-10);
    case ">": case ":": return actions.go(10);
    case "[": return actions.key(-1);
    case "]": return actions.key(1);
    case "{": return actions.check(-1);
    case "}": return actions.check(1);
    case "home": return actions.first();
    case "end": return actions.last();
    case "t": return actions.run();
    case "f": return actions.follow();
    case "b": return actions.addBox();
    case "delete": case "backspace": return actions.remove();
    case "e": return actions.leave();
    case "r": return actions.reachBack();
    case "h": return actions.mark("hidden");
    case "l": return actions.mark("locked");
    case "+": case "=": return actions.zoom(1.5);
    case "-": case "−": return actions.zoom(1 / 1.5);
    case "0": return actions.fit();
    case "escape": return actions.deselect();
    case "n": return actions.network();
    case "x": return actions.share();
    default: return /^[1-9]$/.test(key) ? actions.select(Number(key) - 1) : false;
  }
}
