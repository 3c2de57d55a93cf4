// Before `npm pack`: the weights, by `siamfc export`, and the licence of the repository.

import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";

const words = ["export", "--weights", "light", "--out", "weights", "--overwrite"];
const { status, error } = spawnSync("siamfc", words, { stdio: ["ignore", "ignore", "inherit"] });
if (status !== 0) {
  console.error(`expected \`siamfc ${words.join(" ")}\` to succeed: ${error?.message ?? status}`);
  process.exit(1);
}
copyFileSync("../LICENSE", "LICENSE");
