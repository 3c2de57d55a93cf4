// Every key, what it does, and the table of them in the help.

export const KEYS = [
  ["Space", "start or pause"],
  [", .", "one frame back, one frame on; with Shift ten"],
  ["Home End", "first frame, last frame tracked"],
  ["F", "go to the newest frame and follow it"],
  ["B", "a new box in the middle of the frame"],
  ["1 … 9", "select a target"],
  ["Arrows", "move the selected box by a pixel; without one, go frame by frame"],
  ["Shift Arrows", "change the size of the selected box"],
  ["Ctrl Arrows", "move the selected box by ten pixels"],
  ["Delete", "take a drawn box back, or remove the target"],
  ["Esc", "select nothing"],
  ["N", "what the network sees"],
  ["S", "save this frame with its boxes"],
  ["O", "open another video"],
  ["?", "this help"],
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
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
  if (event.ctrlKey && !(key in ARROWS)) return false;
  if (key === "o" || key === "O") return actions.open();
  if (!actions.hasWork()) return false;
  if (key === " ") {
    if (target.matches("button, summary, a")) return false; // it presses what has the focus
    return actions.run();
  }
  if (key in ARROWS) {
    if (target.matches('input[type="range"]')) return false;
    const [dx, dy] = ARROWS[key];
    const size = event.ctrlKey ? 10 : step;
    if (actions.nudge(dx * size, dy * size, event.shiftKey)) return true;
    return dx ? actions.go(dx) : false;
  }
  switch (key) {
    case ",": return actions.go(-1);
    case ".": return actions.go(1);
    case "<": case ";": return actions.go(-10);
    case ">": case ":": return actions.go(10);
    case "Home": return actions.first();
    case "End": return actions.last();
    case "f": case "F": return actions.follow();
    case "b": case "B": return actions.addBox();
    case "Delete": case "Backspace": return actions.remove();
    case "Escape": return actions.deselect();
    case "n": case "N": return actions.network();
    case "s": case "S": return actions.still();
    default: return /^[1-9]$/.test(key) ? actions.select(Number(key) - 1) : false;
  }
}
