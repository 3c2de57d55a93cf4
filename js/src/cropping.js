// Crops: squares of a frame resampled to a fixed size, sub-pixel exact.
//
// What `siamfc.cropping` makes by Pillow, to a grey level and mostly to the bit, so that both
// trackers see the same: columns first, weights as whole numbers of 2^-22, pixels rounded after
// each axis. (Pillow 13 takes the rows first in some tall pictures.)

const PRECISION_BITS = 22;
const LARGEST_FACTOR = 32; // of a cell that is averaged at once

// Mean of a frame's pixels, rounded: [red, green, blue]. It fills crops beyond the frame.
export function meanColor(image) {
  const { data, width, height } = image;
  const step = data.length / (width * height);
  const sums = [0, 0, 0];
  for (let at = 0; at < data.length; at += step) {
    sums[0] += data[at];
    sums[1] += data[at + 1];
    sums[2] += data[at + 2];
  }
  return sums.map((sum) => roundToEven(sum / (width * height)));
}

// Resample a square of `side` frame pixels about a centre to size × size pixels, RGB.
//
// Linear interpolation when the crop enlarges; when it shrinks, the filter is as much wider, which
// is the low-pass. From 2, 4, 8 … frame pixels to a crop's pixel on, the frame is first averaged
// over cells of as many pixels, which bounds the cost.
export function crop(image, [centerX, centerY], side, size, fill) {
  const cell = cellSize(side / size);
  const x = findSpan(centerX, side, size, image.width, cell);
  const y = findSpan(centerY, side, size, image.height, cell);
  const whole = plainPicture(size, size, fill);
  if (!x.count || !y.count) return whole.data;
  const part = averagedPart(image, [x.low, y.low, x.high, y.high], cell, fill);
  const shown = resize(
    part, x.count, y.count,
    [x.start / cell - x.low, y.start / cell - y.low, x.end / cell - x.low, y.end / cell - y.low],
  );
  paste(whole, shown, x.first, y.first);
  return whole.data;
}

// The largest power of two that leaves at least a cell to a pixel of the crop.
function cellSize(ratio) {
  let cell = 1;
  while (cell * 2 <= ratio) cell *= 2;
  return cell;
}

// The pixels of a crop along one axis that see the frame, `first` and `count`; their edges in
// frame pixels; and the edges of all that their filter touches, cells, perhaps outside the frame.
function findSpan(center, side, size, extent, cell) {
  const ratio = side / size;
  const edge = center - side / 2;
  const reach = Math.max(ratio, cell);
  const cells = Math.ceil(extent / cell);
  const beforeFirst = (-reach - edge) / ratio - 0.5;
  const afterLast = (cells * cell + reach - edge) / ratio - 0.5;
  const first = Math.floor(Math.min(Math.max(beforeFirst, -1), size)) + 1;
  const last = Math.ceil(Math.min(Math.max(afterLast, 0), size));
  if (first >= last) return { count: 0 };
  return {
    first,
    count: last - first,
    start: edge + first * ratio,
    end: edge + last * ratio,
    low: Math.min(Math.floor((edge + (first + 0.5) * ratio - reach) / cell), cells - 1),
    high: Math.max(Math.ceil((edge + (last - 0.5) * ratio + reach) / cell), 1),
  };
}

// Average the cells of a box (left, top, right, bottom, in cells) that may leave the frame.
function averagedPart(image, [left, top, right, bottom], cell, fill) {
  const x = Math.max(left, 0), y = Math.max(top, 0);
  const endX = Math.min(right * cell, image.width), endY = Math.min(bottom * cell, image.height);
  let inner = copyRegion(image, x * cell, y * cell, endX, endY);
  while (cell > 1) {
    const factor = Math.min(cell, LARGEST_FACTOR);
    cell /= factor;
    inner = reduce(inner, factor, fill);
  }
  if (x === left && y === top && inner.width === right - left && inner.height === bottom - top) {
    return inner;
  }
  const whole = plainPicture(right - left, bottom - top, fill);
  paste(whole, inner, x - left, y - top);
  return whole;
}

function copyRegion({ data, width, height }, left, top, right, bottom) {
  const region = emptyPicture(right - left, bottom - top);
  const step = data.length / (width * height);
  let to = 0;
  for (let row = top; row < bottom; row++) {
    let from = (row * width + left) * step;
    for (let column = left; column < right; column++, from += step, to += 3) {
      region.data[to] = data[from];
      region.data[to + 1] = data[from + 1];
      region.data[to + 2] = data[from + 2];
    }
  }
  return region;
}

// Average over factor × factor pixels; what the last row and column of cells lack is fill.
function reduce(picture, factor, fill) {
  const reduced = emptyPicture(
    Math.ceil(picture.width / factor), Math.ceil(picture.height / factor),
  );
  const { data, width, height } = reduced;
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      averageCell(picture, column * factor, row * factor, factor, data, to);
      to += 3;
    }
  }
  const lackingX = (width * factor - picture.width) / factor;
  const lackingY = (height * factor - picture.height) / factor;
  for (let row = 0; row < height; row++) mixFill(data, (row + 1) * width - 1, fill, lackingX);
  for (let i = (height - 1) * width; i < height * width; i++) mixFill(data, i, fill, lackingY);
  return reduced;
}

function averageCell({ data, width, height }, left, top, factor, cells, to) {
  const right = Math.min(left + factor, width), bottom = Math.min(top + factor, height);
  let red = 0, green = 0, blue = 0;
  for (let row = top; row < bottom; row++) {
    const end = (row * width + right) * 3;
    for (let at = (row * width + left) * 3; at < end; at += 3) {
      red += data[at];
      green += data[at + 1];
      blue += data[at + 2];
    }
  }
  const count = (right - left) * (bottom - top);
  const half = count >> 1, factorOf24 = Math.floor(2 ** 24 / count);
  cells[to] = Math.floor(((red + half) * factorOf24) / 2 ** 24);
  cells[to + 1] = Math.floor(((green + half) * factorOf24) / 2 ** 24);
  cells[to + 2] = Math.floor(((blue + half) * factorOf24) / 2 ** 24);
}

function mixFill(data, pixel, fill, fraction) {
  if (!fraction) return;
  for (let c = 0; c < 3; c++) {
    const at = pixel * 3 + c;
    data[at] = roundToEven(data[at] * (1 - fraction) + fill[c] * fraction);
  }
}

// Resample a box of a picture, single precision as Pillow keeps it, to width × height pixels.
function resize(picture, width, height, box) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const columns = filterTaps(picture.width, left, right, width);
  const rows = filterTaps(picture.height, top, bottom, height);
  return resizeRows(resizeColumns(picture, columns), rows);
}

// For each pixel along one axis the first pixel of the source that counts, and its weights.
function filterTaps(extent, start, end, count) {
  const scale = Math.fround(end - start) / count;
  const reach = Math.max(scale, 1);
  const size = Math.ceil(reach) * 2 + 1;
  const firsts = new Int32Array(count), counts = new Int32Array(count);
  const weights = new Int32Array(count * size);
  for (let i = 0; i < count; i++) {
    const center = start + (i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - reach + 0.5), 0);
    const last = Math.min(Math.trunc(center + reach + 0.5), extent);
    const shares = [];
    for (let x = first; x < last; x++) {
      shares.push(Math.max(1 - Math.abs((x - center + 0.5) * (1 / reach)), 0));
    }
    const sum = shares.reduce((a, b) => a + b, 0) || 1;
    shares.forEach((share, tap) => {
      weights[i * size + tap] = Math.trunc(0.5 + (share / sum) * 2 ** PRECISION_BITS);
    });
    firsts[i] = first;
    counts[i] = shares.length;
  }
  return { count, size, firsts, counts, weights };
}

function resizeColumns({ data, width, height }, { count, size, firsts, counts, weights }) {
  const picture = emptyPicture(count, height);
  const half = 1 << (PRECISION_BITS - 1);
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let i = 0; i < count; i++) {
      let red = half, green = half, blue = half;
      let from = (row * width + firsts[i]) * 3;
      const end = i * size + counts[i];
      for (let tap = i * size; tap < end; tap++, from += 3) {
        const weight = weights[tap];
        red += data[from] * weight;
        green += data[from + 1] * weight;
        blue += data[from + 2] * weight;
      }
      picture.data[to++] = red >> PRECISION_BITS;
      picture.data[to++] = green >> PRECISION_BITS;
      picture.data[to++] = blue >> PRECISION_BITS;
    }
  }
  return picture;
}

function resizeRows({ data, width }, { count, size, firsts, counts, weights }) {
  const picture = emptyPicture(width, count);
  const line = width * 3;
  let to = 0;
  for (let i = 0; i < count; i++) {
    const end = i * size + counts[i];
    for (let column = 0; column < line; column++) {
      let sum = 1 << (PRECISION_BITS - 1);
      let from = firsts[i] * line + column;
      for (let tap = i * size; tap < end; tap++, from += line) sum += data[from] * weights[tap];
      picture.data[to++] = sum >> PRECISION_BITS;
    }
  }
  return picture;
}

function emptyPicture(width, height) {
  return { data: new Uint8Array(width * height * 3), width, height };
}

function plainPicture(width, height, [red, green, blue]) {
  const picture = emptyPicture(width, height);
  for (let at = 0; at < picture.data.length; ) {
    picture.data[at++] = red;
    picture.data[at++] = green;
    picture.data[at++] = blue;
  }
  return picture;
}

// Put a picture into a larger one.
function paste(whole, picture, left, top) {
  const line = picture.width * 3;
  for (let row = 0; row < picture.height; row++) {
    const part = picture.data.subarray(row * line, (row + 1) * line);
    whole.data.set(part, ((top + row) * whole.width + left) * 3);
  }
}

// Of two whole numbers that are as near, the even one.
function roundToEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}
