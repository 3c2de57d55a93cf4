// Where else to search for a lost target.

const RINGS = 16;

// Places of a grid about its middle, without it, ring by ring.
const SPIRAL = [];
for (let y = -RINGS; y <= RINGS; y++) {
  for (let x = -RINGS; x <= RINGS; x++) {
    const ring = Math.max(Math.abs(x), Math.abs(y));
    if (ring) SPIRAL.push({ x, y, ring, angle: Math.atan2(y, x) });
  }
}
SPIRAL.sort((a, b) => a.ring - b.ring || a.angle - b.angle);

// Centres of at most `count` squares that are searched next.
//
// The frame is paved with squares of width `reach`, in rings about the place where the target is
// searched for anyway. Turn by turn, from 0, the next ones are taken, and after the last the first
// again. Those outside the frame are left out, and those at its border moved in.
export function redetectionWindows(center, reach, frameSize, turn, count) {
  const useful = [];
  for (const { x, y } of SPIRAL) {
    const middle = [center[0] + x * reach, center[1] + y * reach];
    const inside = middle.map((value, axis) => Math.min(Math.max(value, 0), frameSize[axis]));
    if (middle.every((value, axis) => Math.abs(value - inside[axis]) < reach / 2)) {
      useful.push(inside);
    }
  }
  const searched = Math.min(count, useful.length);
  return Array.from({ length: searched }, (_, i) => useful[(turn * count + i) % useful.length]);
}
