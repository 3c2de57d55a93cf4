"""Triton kernels of the training pass: batch normalisation, ReLU and max pooling in one.

Every kernel treats channels-last tensors as pixels × channels. The channels may be split over two
tensors, one for each group of a convolution (or the halves of one tensor), so a kernel takes two
pointers and the distance between two pixels. `normalisation` calls the kernels. Sums are float32
within a program and float64 across programs, in a fixed order.
"""

# Triton is untyped, and missing from torch's CPU builds.
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="import-untyped, import-not-found"
# Arguments in capitals are compile-time constants.
# ruff: noqa: N803

import triton
import triton.language as tl

NO_PLACE = tl.constexpr(9)
"""Stored in place of the maximum's position where the ReLU returns 0."""


@triton.jit
def _pick(first, second, piece):
    pointer = first
    if piece == 1:
        pointer = second
    return pointer


@triton.jit
def fold_kernel(
    images, folded, cells, height, width, rows, columns,
    multiplier_red, multiplier_green, multiplier_blue, offset_red, offset_green, offset_blue,
    BLOCK: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Fold and normalise (N, H, W, 3) uint8 to (N, rows, columns, 16): 2×2 pixels of 3 channels."""
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    channel = tl.arange(0, CHANNELS)[None, :]
    column = cell % columns
    row = cell // columns % rows
    number = (cell // columns // rows).to(tl.int64)
    y = 2 * row + channel // 6
    x = 2 * column + channel % 6 // 3
    color = channel % 3
    valid = (cell < cells) & (y < height) & (x < width) & (channel < 12)
    place = ((number * height + y) * width + x) * 3 + color
    pixel = tl.load(images + place, mask=valid, other=0).to(tl.float32)
    multiplier = tl.where(
        color == 0, multiplier_red, tl.where(color == 1, multiplier_green, multiplier_blue)
    )
    offset = tl.where(color == 0, offset_red, tl.where(color == 1, offset_green, offset_blue))
    value = tl.where(valid, pixel * multiplier + offset, 0.0)
    target = cell.to(tl.int64) * CHANNELS + channel
    tl.store(folded + target, value.to(folded.dtype.element_ty), mask=cell < cells)


@triton.jit
def moments_kernel(
    first, second, partial, pixels, stride, channels,
    PIECE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Sum values and squares per channel; program (b, p) writes partial[p, :, its channels]."""
    block, part = tl.program_id(0), tl.program_id(1)
    piece = block // PIECE
    column = (block % PIECE * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    values = _pick(first, second, piece)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    square = tl.zeros((ROWS, COLUMNS), tl.float32)
    start = part * ROWS
    while start < pixels:
        row = (start + tl.arange(0, ROWS))[:, None]
        place = row.to(tl.int64) * stride + column
        value = tl.load(values + place, mask=row < pixels, other=0.0).to(tl.float32)
        total += value
        square += value * value
        start += tl.num_programs(1) * ROWS
    target = partial + part * 2 * channels + block * COLUMNS + tl.arange(0, COLUMNS)
    tl.store(target, tl.sum(total, 0))
    tl.store(target + channels, tl.sum(square, 0))


@triton.jit
def gradient_moments_kernel(
    first_gradient, second_gradient, first_value, second_value, scale, shift, mean, partial,
    pixels, gradient_stride, value_stride, channels,
    PIECE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Sum dz and dz·(x − mean), where dz is the gradient at the ReLU's input."""
    block, part = tl.program_id(0), tl.program_id(1)
    piece = block // PIECE
    column = (block % PIECE * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    channel = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    gradients = _pick(first_gradient, second_gradient, piece)
    values = _pick(first_value, second_value, piece)
    factor, addend = tl.load(scale + channel), tl.load(shift + channel)
    center = tl.load(mean + channel)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    product = tl.zeros((ROWS, COLUMNS), tl.float32)
    start = part * ROWS
    while start < pixels:
        row = (start + tl.arange(0, ROWS))[:, None]
        inside = row < pixels
        far = row.to(tl.int64)
        value = tl.load(values + far * value_stride + column, mask=inside, other=0.0)
        value = value.to(tl.float32)
        gradient = tl.load(gradients + far * gradient_stride + column, mask=inside, other=0.0)
        gradient = tl.where(value * factor + addend <= 0, 0.0, gradient.to(tl.float32))
        total += gradient
        product += gradient * (value - center)
        start += tl.num_programs(1) * ROWS
    target = partial + part * 2 * channels + block * COLUMNS + tl.arange(0, COLUMNS)
    tl.store(target, tl.sum(total, 0))
    tl.store(target + channels, tl.sum(product, 0))


@triton.jit
def _add_parts(partial, parts, channels, channel, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    first = tl.zeros((ROWS, COLUMNS), tl.float64)
    second = tl.zeros((ROWS, COLUMNS), tl.float64)
    start = tl.cast(0, tl.int32)
    while start < parts:
        row = (start + tl.arange(0, ROWS))[:, None]
        place = partial + row * 2 * channels + channel[None, :]
        inside = (row < parts) & (channel < channels)[None, :]
        first += tl.load(place, mask=inside, other=0.0).to(tl.float64)
        second += tl.load(place + channels, mask=inside, other=0.0).to(tl.float64)
        start += ROWS
    return tl.sum(first, 0), tl.sum(second, 0)


@triton.jit
def normalisation_kernel(
    partial, weight, bias, running_mean, running_var, scale, shift, mean, deviation,
    parts, channels, count, momentum, epsilon,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Compute scale and shift of z = x·scale + shift, and update the running statistics."""
    channel = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = channel < channels
    total, square = _add_parts(partial, parts, channels, channel, ROWS, COLUMNS)
    average = total / count
    variance = square / count - average * average
    variance = tl.where(variance < 0, 0.0, variance)
    inverse = (1 / tl.sqrt(variance + epsilon)).to(tl.float32)
    unbiased = (variance * count / (count - 1)).to(tl.float32)
    average = average.to(tl.float32)
    factor = tl.load(weight + channel, mask=inside) * inverse
    tl.store(scale + channel, factor, mask=inside)
    tl.store(shift + channel, tl.load(bias + channel, mask=inside) - average * factor, mask=inside)
    tl.store(mean + channel, average, mask=inside)
    tl.store(deviation + channel, inverse, mask=inside)
    old = tl.load(running_mean + channel, mask=inside)
    tl.store(running_mean + channel, old + momentum * (average - old), mask=inside)
    old = tl.load(running_var + channel, mask=inside)
    tl.store(running_var + channel, old + momentum * (unbiased - old), mask=inside)


@triton.jit
def normalisation_gradient_kernel(
    partial, scale, mean, deviation, weight_gradient, bias_gradient, slope, intercept,
    parts, channels, count,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of weight and bias; dx = scale·dz + slope·x + intercept."""
    channel = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = channel < channels
    total, product = _add_parts(partial, parts, channels, channel, ROWS, COLUMNS)
    factor = tl.load(scale + channel, mask=inside).to(tl.float64)
    inverse = tl.load(deviation + channel, mask=inside).to(tl.float64)
    average = tl.load(mean + channel, mask=inside).to(tl.float64)
    lean = -factor * inverse * inverse * product / count
    level = -factor * total / count - lean * average
    tl.store(weight_gradient + channel, (product * inverse).to(tl.float32), mask=inside)
    tl.store(bias_gradient + channel, total.to(tl.float32), mask=inside)
    tl.store(slope + channel, lean.to(tl.float32), mask=inside)
    tl.store(intercept + channel, level.to(tl.float32), mask=inside)


@triton.jit
def rectify_kernel(
    first_in, second_in, first_out, second_out, scale, shift, pixels, in_stride, out_stride,
    PIECE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Write max(0, x·scale + shift)."""
    block = tl.program_id(0)
    piece = block // PIECE
    column = (block % PIECE * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    channel = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    values, outputs = _pick(first_in, second_in, piece), _pick(first_out, second_out, piece)
    row = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    inside = row < pixels
    far = row.to(tl.int64)
    value = tl.load(values + far * in_stride + column, mask=inside, other=0.0).to(tl.float32)
    value = value * tl.load(scale + channel) + tl.load(shift + channel)
    value = tl.where(value <= 0, 0.0, value)
    place = outputs + far * out_stride + column
    tl.store(place, value.to(first_out.dtype.element_ty), mask=inside)


@triton.jit
def rectify_gradient_kernel(
    first_gradient, second_gradient, first_value, second_value, first_out, second_out,
    scale, shift, slope, intercept, pixels, gradient_stride, value_stride, out_stride,
    PIECE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Compute the gradient with respect to the input of `rectify_kernel`."""
    block = tl.program_id(0)
    piece = block // PIECE
    column = (block % PIECE * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    channel = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    gradients = _pick(first_gradient, second_gradient, piece)
    values, outputs = _pick(first_value, second_value, piece), _pick(first_out, second_out, piece)
    factor = tl.load(scale + channel)
    row = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    inside = row < pixels
    far = row.to(tl.int64)
    value = tl.load(values + far * value_stride + column, mask=inside, other=0.0).to(tl.float32)
    gradient = tl.load(gradients + far * gradient_stride + column, mask=inside, other=0.0)
    closed = value * factor + tl.load(shift + channel) <= 0
    gradient = tl.where(closed, 0.0, gradient.to(tl.float32))
    result = factor * gradient + tl.load(slope + channel) * value + tl.load(intercept + channel)
    place = outputs + far * out_stride + column
    tl.store(place, result.to(first_out.dtype.element_ty), mask=inside)


@triton.jit
def pool_kernel(
    first_in, second_in, first_out, second_out, peaks, places, scale, shift,
    cells, height, width, rows, columns, in_stride, out_stride,
    PIECE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Write the largest max(0, x·scale + shift) in each 3×3 window, with stride 2.

    `peaks` receives its x, and `places` its number in the window, 0 … 8, or NO_PLACE.
    """
    block = tl.program_id(0)
    piece = block // PIECE
    column = (block % PIECE * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    channel = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    values, outputs = _pick(first_in, second_in, piece), _pick(first_out, second_out, piece)
    cell = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    inside = cell < cells
    left = 2 * (cell % columns)
    top = 2 * (cell // columns % rows)
    corner = ((cell // columns // rows).to(tl.int64) * height + top) * width + left
    factor, addend = tl.load(scale + channel), tl.load(shift + channel)
    corners = values + corner * in_stride + column
    peak = tl.load(corners, mask=inside, other=0.0)
    best = peak.to(tl.float32) * factor + addend
    which = tl.zeros(best.shape, tl.int32)
    for number in tl.static_range(1, 9):
        step = (number // 3 * width + number % 3) * in_stride
        value = tl.load(corners + step, mask=inside, other=0.0)
        high = value.to(tl.float32) * factor + addend
        better = high > best
        best = tl.where(better, high, best)
        peak = tl.where(better, value, peak)
        which = tl.where(better, number, which)
    closed = best <= 0
    best = tl.where(closed, 0.0, best)
    which = tl.where(closed, NO_PLACE, which)
    far = cell.to(tl.int64)
    place = outputs + far * out_stride + column
    tl.store(place, best.to(first_out.dtype.element_ty), mask=inside)
    own = (piece * cells + far) * (PIECE * COLUMNS) + column
    tl.store(peaks + own, peak, mask=inside)
    tl.store(places + own, which.to(tl.uint8), mask=inside)


@triton.jit
def _window(gradients, places, number, row, column, rows, columns, stride, own_stride, channel):
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    cell = (number * rows + row) * columns + column
    gradient = tl.load(gradients + cell * stride + channel, mask=inside, other=0.0)
    place = tl.load(places + cell * own_stride + channel, mask=inside, other=9)
    return gradient.to(tl.float32), place.to(tl.int32)


@triton.jit
def _put(values, outputs, pixel, inside, in_stride, out_stride, column, sent, lean, level):
    value = tl.load(values + pixel * in_stride + column, mask=inside, other=0.0).to(tl.float32)
    result = sent + lean * value + level
    tl.store(
        outputs + pixel * out_stride + column, result.to(outputs.dtype.element_ty), mask=inside
    )


@triton.jit
def pool_gradient_kernel(
    first_gradient, second_gradient, first_value, second_value, first_out, second_out,
    places, scale, slope, intercept,
    quads, cells, height, width, rows, columns, gradient_stride, value_stride, out_stride,
    PIECE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Compute the gradient with respect to the input of `pool_kernel`, 2×2 pixels at a time.

    Each such quad lies in at most four windows: its own and those above, left and above left.
    """
    block = tl.program_id(0)
    piece = block // PIECE
    column = (block % PIECE * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    channel = block * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    gradients = _pick(first_gradient, second_gradient, piece)
    values, outputs = _pick(first_value, second_value, piece), _pick(first_out, second_out, piece)
    quad = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    across, down = (width + 1) // 2, (height + 1) // 2
    j = quad % across
    i = quad // across % down
    number = (quad // across // down).to(tl.int64)
    i = tl.where(quad < quads, i, height)  # outside the map
    own_stride = PIECE * COLUMNS
    mine = places + tl.cast(piece, tl.int64) * cells * own_stride
    g, p = _window(
        gradients, mine, number, i, j, rows, columns, gradient_stride, own_stride, column
    )
    g_left, p_left = _window(
        gradients, mine, number, i, j - 1, rows, columns, gradient_stride, own_stride, column
    )
    g_above, p_above = _window(
        gradients, mine, number, i - 1, j, rows, columns, gradient_stride, own_stride, column
    )
    g_corner, p_corner = _window(
        gradients, mine, number, i - 1, j - 1, rows, columns, gradient_stride, own_stride, column
    )
    factor, lean, level = (
        tl.load(scale + channel),
        tl.load(slope + channel),
        tl.load(intercept + channel),
    )
    even_even = tl.where(p == 0, g, 0.0) + tl.where(p_left == 2, g_left, 0.0)
    even_even += tl.where(p_above == 6, g_above, 0.0) + tl.where(p_corner == 8, g_corner, 0.0)
    even_odd = tl.where(p == 1, g, 0.0) + tl.where(p_above == 7, g_above, 0.0)
    odd_even = tl.where(p == 3, g, 0.0) + tl.where(p_left == 5, g_left, 0.0)
    odd_odd = tl.where(p == 4, g, 0.0)
    y, x = 2 * i, 2 * j
    pixel = (number * height + y) * width + x
    here, right, below = y < height, x + 1 < width, y + 1 < height
    _put(values, outputs, pixel, here, value_stride, out_stride, column,
         factor * even_even, lean, level)  # fmt: skip
    _put(values, outputs, pixel + 1, here & right, value_stride, out_stride, column,
         factor * even_odd, lean, level)  # fmt: skip
    _put(values, outputs, pixel + width, below, value_stride, out_stride, column,
         factor * odd_even, lean, level)  # fmt: skip
    _put(values, outputs, pixel + width + 1, below & right, value_stride, out_stride, column,
         factor * odd_odd, lean, level)  # fmt: skip
