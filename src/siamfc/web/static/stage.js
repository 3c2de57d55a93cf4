// The large picture, zoomed and moved, and over it the network's scores as a heat map.

const MARGIN = 360; // CSS pixels beneath the frame that should stay in view
const LEAST = 240;
const MOST_ZOOM = 32;
const PIXELATED = 3; // CSS pixels of a frame pixel from which pixels are shown as squares

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Stage {
  size = [16, 9]; // of the frame, in its pixels
  frame = -1;
  zoom = 1;
  origin = [0, 0]; // the frame pixel at the upper left
  bitmap = null;
  heat = null; // { cells, area }
  onresize = () => {}; // what lies over the picture is to be drawn again
  onzoom = () => {};

  constructor(element) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    new ResizeObserver(() => this.paint()).observe(element);
    addEventListener("resize", () => this.fit());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.shiftKey) this.pan(event.deltaX + event.deltaY, 0);
      else this.zoomBy(2 ** (-event.deltaY * (event.ctrlKey ? 0.02 : 0.004)), event);
    }, { passive: false });
  }

  setSize([width, height]) {
    if (width === this.size[0] && height === this.size[1] && this.element.style.width) return;
    this.size = [width, height];
    this.fit();
  }

  // As wide as the column, but no higher than what the window leaves.
  fit() {
    const [width, height] = this.size;
    const highest = Math.max(LEAST, innerHeight - MARGIN);
    const shown = Math.min(this.element.parentElement.clientWidth, (highest * width) / height);
    this.element.style.width = `${shown}px`;
    this.element.style.height = `${(shown * height) / width}px`;
    this.paint();
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
    Object.assign(this, { bitmap: null, heat: null, frame: -1 });
    this.zoomTo(1, [0, 0]);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // Zoom about a pointer, or the middle.
  zoomBy(factor, event) {
    const zoom = clamp(this.zoom * factor, 1, MOST_ZOOM);
    const [left, top, width, height] = this.part;
    const [x, y] = event ? this.place(event) : [left + width / 2, top + height / 2];
    const part = this.zoom / zoom;
    this.zoomTo(zoom, [x + (left - x) * part, y + (top - y) * part]);
  }

  zoomTo(zoom, origin) {
    this.zoom = zoom;
    this.origin = origin.map((from, axis) => clamp(from, 0, this.size[axis] * (1 - 1 / zoom)));
    this.paint();
    this.onzoom();
  }

  // Move the view by CSS pixels.
  pan(dx, dy) {
    this.zoomTo(this.zoom, [this.origin[0] + dx * this.unit, this.origin[1] + dy * this.unit]);
  }

  paint() {
    this.onresize();
    if (!this.bitmap) return;
    const { canvas, context, element, origin } = this;
    const [width, height] = [element.clientWidth, element.clientHeight].map((side) => Math.round(side * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const scale = (width / this.size[0]) * this.zoom;
    context.imageSmoothingEnabled = !this.snaps;
    context.setTransform(scale, 0, 0, scale, -origin[0] * scale, -origin[1] * scale);
    context.drawImage(this.bitmap, 0, 0, ...this.size);
    if (this.heat) context.drawImage(this.heat.cells, ...this.heat.area);
    context.resetTransform();
  }

  // The part of the frame that is shown: x, y, w, h in its pixels.
  get part() {
    return [...this.origin, this.size[0] / this.zoom, this.size[1] / this.zoom];
  }

  // The place of a pointer in frame pixels.
  place(event) {
    const { left, top } = this.element.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    return [this.origin[0] + x * this.unit, this.origin[1] + y * this.unit];
  }

  // Frame pixels that a CSS pixel covers.
  get unit() {
    return this.size[0] / this.zoom / Math.max(1, this.element.clientWidth);
  }

  // Whether frame pixels can be told apart, so that edges should lie on them.
  get snaps() {
    return this.unit <= 1 / PIXELATED;
  }
}

// From nothing over violet and orange to pale yellow.
const STOPS = [[40, 10, 80], [150, 30, 110], [235, 105, 40], [255, 240, 170]];

function heatColor(value) {
  const place = clamp(value, 0, 0.999) * (STOPS.length - 1);
  const index = Math.floor(place);
  return STOPS[index].map((low, i) => low + (place - index) * (STOPS[index + 1][i] - low));
}

export function heatCells(response, opaque = false) {
  const count = response.length;
  const pixels = new ImageData(count, count);
  response.flat().forEach((value, index) => {
    pixels.data.set([...heatColor(value), opaque ? 255 : 25 + 190 * value], 4 * index);
  });
  const cells = new OffscreenCanvas(count, count);
  cells.getContext("2d").putImageData(pixels, 0, 0);
  return cells;
}
