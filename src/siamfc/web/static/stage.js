// The large picture, and over it the network's scores as a heat map.

const MARGIN = 330; // CSS pixels beneath the frame that should stay in view
const LEAST = 240;

export class Stage {
  constructor(element) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.size = [16, 9];
    this.bitmap = null;
    this.heat = null;
    new ResizeObserver(() => this.onresize?.()).observe(element);
    addEventListener("resize", () => this.fit());
  }

  setSize([width, height]) {
    this.size = [width, height];
    this.fit();
  }

  // As wide as the column, but no higher than what the window leaves.
  fit() {
    const [width, height] = this.size;
    const room = this.element.parentElement.clientWidth;
    const highest = Math.max(LEAST, innerHeight - MARGIN);
    const shown = Math.min(room, (highest * width) / height);
    this.element.style.width = `${shown}px`;
    this.element.style.height = `${(shown * height) / width}px`;
  }

  // Show a picture; while they follow each other, the heat map stays until the next one comes.
  show(bitmap, keepsHeat) {
    this.bitmap?.close();
    this.bitmap = bitmap;
    if (!keepsHeat) this.heat = null;
    this.paint();
  }

  // Scores of n × n cells over a part of the frame; null takes it away.
  showHeat(response, area) {
    this.heat = response && area ? { cells: heatCells(response), area } : null;
    this.paint();
  }

  clear() {
    this.bitmap = null;
    this.heat = null;
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  paint() {
    if (!this.bitmap) return;
    const { canvas, context, bitmap } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    context.drawImage(bitmap, 0, 0);
    if (this.heat) {
      const scale = bitmap.width / this.size[0];
      context.drawImage(this.heat.cells, ...this.heat.area.map((value) => value * scale));
    }
  }

  // The place of a pointer in frame pixels.
  place(event) {
    const frame = this.element.getBoundingClientRect();
    const [width, height] = this.size;
    return [
      ((event.clientX - frame.left) / frame.width) * width,
      ((event.clientY - frame.top) / frame.height) * height,
    ];
  }

  // Frame pixels that a CSS pixel covers.
  get unit() {
    return this.size[0] / Math.max(1, this.element.clientWidth);
  }
}

// From nothing over violet and orange to pale yellow.
const STOPS = [[40, 10, 80], [150, 30, 110], [235, 105, 40], [255, 240, 170]];

function heatColor(value) {
  const place = Math.min(0.999, Math.max(0, value)) * (STOPS.length - 1);
  const index = Math.floor(place);
  return STOPS[index].map((low, i) => low + (place - index) * (STOPS[index + 1][i] - low));
}

export function heatCells(response, opaque = false) {
  const count = response.length;
  const cells = new OffscreenCanvas(count, count);
  const context = cells.getContext("2d");
  const pixels = context.createImageData(count, count);
  response.flat().forEach((value, index) => {
    pixels.data.set([...heatColor(value), opaque ? 255 : 25 + 190 * value], 4 * index);
  });
  context.putImageData(pixels, 0, 0);
  return cells;
}
