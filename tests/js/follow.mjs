// node follow.mjs PACKAGE FILM WIDTH HEIGHT BOX: prints the results as JSON.

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [folder, film, width, height, box] = process.argv.slice(2);
const { Tracker } = await import(pathToFileURL(`${folder}/src/tracker.js`));
const [w, h] = [Number(width), Number(height)];
const bytes = await readFile(film);
const tracker = await Tracker.load({ threads: 1 });
const results = [];
for (let at = 0; at < bytes.length; at += w * h * 4) {
  const frame = { data: bytes.subarray(at, at + w * h * 4), width: w, height: h };
  if (at === 0) tracker.init(frame, JSON.parse(box));
  else results.push(await tracker.update(frame));
}
console.log(JSON.stringify(results));
