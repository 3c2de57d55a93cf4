import type * as ort from "onnxruntime-web";

/** A frame: an `ImageData`, or anything with RGBA or RGB bytes, rows from the top. */
export interface Frame {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** Left, top, width and height in frame pixels; pixel 0 spans 0 to 1. */
export type Box = [x: number, y: number, w: number, h: number];

export interface Result {
  box: Box;
  /** Chance, 0 to 1, that the box overlaps the target's by more than half. */
  score: number;
  /** Whether the box is not to be trusted: the target is being searched for. */
  lost: boolean;
}

export interface LoadOptions {
  /**
   * Address of the folder with exemplar.onnx and track.onnx; the package's own by default. Under
   * Node.js a path is given as `pathToFileURL(path)`.
   */
  weights?: string | URL;
  /** The module onnxruntime-web, if `import "onnxruntime-web"` is not to find it. */
  runtime?: typeof ort;
  /** "wasm", the default: the processor. "webgpu" needs the module onnxruntime-web/webgpu. */
  device?: "wasm" | "webgpu";
  /**
   * Threads of the processor; by default the runtime decides. They are those of the first tracker
   * that is loaded, and a page that isn't cross-origin isolated has one.
   */
  threads?: number;
}

/** Follows one target. */
export class Tracker {
  private constructor();

  /** Load the network. Rejects if a file is missing or the device cannot run it. */
  static load(options?: LoadOptions): Promise<Tracker>;

  /**
   * Take the target from a frame and its box there. `update` waits for the promise by itself.
   * @throws {TypeError} not a frame
   * @throws {RangeError} a box without area, outside the frame or larger than it
   */
  init(image: Frame, box: Readonly<Box>): Promise<void>;

  /**
   * Find the target in the next frame. One call at a time.
   * Rejects with a RangeError if the frame's size isn't the first's.
   */
  update(image: Frame): Promise<Result>;

  /** Free the network's memory; the tracker cannot be used afterwards. */
  release(): Promise<void>;
}

/** What steers the tracker; the defaults of the Python package. */
export const settings: Readonly<Record<
  | "smallestScale" | "largestScale" | "lostThreshold" | "foundThreshold" | "relocateThreshold"
  | "windows" | "updateRate" | "updateLowestScore" | "updateFirstWeight" | "updateEvery",
  number
>>;
