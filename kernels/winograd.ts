/**
 * The transforms of Winograd's minimal filtering F(4×4, 3×3) at the points 0, 1, −1, 2, −2 and infinity (Lavin & Gray, "Fast algorithms for
 * convolutional neural networks", 2015): Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, and its adjoint for the gradient to the kernel.
 *
 * Images lie in blocks of channels, (N, C / lanes, H, W, lanes) with 8 or 16 lanes; tiles as 36 matrices (tiles, channels), one for each pair
 * of points, `pitch` bytes apart. Addresses and strides are in bytes, all else counts numbers.
 */

import { storeMost } from './pool';

/** Bytes. */
const vector: usize = 16;
/** Of one tile of one vector, on one side of a transform. */
const roomForTile: usize = 36 * vector;

@inline
function at(row: usize, column: usize): usize {
  return (row * 6 + column) * vector;
}

/** Stores the six numbers Bᵀd, `step` apart. */
@inline
function inputNumbers(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const four = f32x4.splat(4);
  const five = f32x4.splat(5);
  v128.store(to, f32x4.add(f32x4.sub(f32x4.mul(four, d0), f32x4.mul(five, d2)), d4));
  const a = f32x4.sub(d4, f32x4.mul(four, d2));
  const b = f32x4.sub(d3, f32x4.mul(four, d1));
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  const c = f32x4.sub(d4, d2);
  const e = f32x4.sub(d3, d1);
  const twice = f32x4.add(e, e);
  v128.store(to + 3 * step, f32x4.add(c, twice));
  v128.store(to + 4 * step, f32x4.sub(c, twice));
  v128.store(to + 5 * step, f32x4.add(f32x4.sub(f32x4.mul(four, d1), f32x4.mul(five, d3)), d5));
}

/** The four numbers Aᵀm of six. */
@inline
function outputLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const m1 = v128.load(from + fromStep);
  const m2 = v128.load(from + 2 * fromStep);
  const m3 = v128.load(from + 3 * fromStep);
  const m4 = v128.load(from + 4 * fromStep);
  const s1 = f32x4.add(m1, m2);
  const s2 = f32x4.sub(m1, m2);
  const s3 = f32x4.add(m3, m4);
  const s4 = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(v128.load(from), s1), s3));
  v128.store(to + toStep, f32x4.add(s2, f32x4.add(s4, s4)));
  v128.store(to + 2 * toStep, f32x4.add(s1, f32x4.mul(f32x4.splat(4), s3)));
  v128.store(to + 3 * toStep, f32x4.add(f32x4.add(s2, f32x4.mul(f32x4.splat(8), s4)), v128.load(from + 5 * fromStep)));
}

/** Stores the six numbers A·y, `step` apart. */
@inline
function gradientNumbers(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = f32x4.add(y0, y2);
  const odd = f32x4.add(y1, y3);
  const evenTwo = f32x4.add(y0, f32x4.mul(f32x4.splat(4), y2));
  const oddTwo = f32x4.add(f32x4.add(y1, y1), f32x4.mul(f32x4.splat(8), y3));
  v128.store(to, y0);
  v128.store(to + step, f32x4.add(even, odd));
  v128.store(to + 2 * step, f32x4.sub(even, odd));
  v128.store(to + 3 * step, f32x4.add(evenTwo, oddTwo));
  v128.store(to + 4 * step, f32x4.sub(evenTwo, oddTwo));
  v128.store(to + 5 * step, y3);
}

/** The six numbers G·g of three. */
@inline
function kernelLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const g0 = v128.load(from);
  const g1 = v128.load(from + fromStep);
  const g2 = v128.load(from + 2 * fromStep);
  const ends = f32x4.mul(f32x4.splat(-1.0 / 6.0), f32x4.add(g0, g2));
  const middle = f32x4.mul(f32x4.splat(-1.0 / 6.0), g1);
  const endsTwo = f32x4.add(f32x4.mul(f32x4.splat(1.0 / 24.0), g0), f32x4.mul(f32x4.splat(1.0 / 6.0), g2));
  const middleTwo = f32x4.mul(f32x4.splat(1.0 / 12.0), g1);
  v128.store(to, f32x4.mul(f32x4.splat(0.25), g0));
  v128.store(to + toStep, f32x4.add(ends, middle));
  v128.store(to + 2 * toStep, f32x4.sub(ends, middle));
  v128.store(to + 3 * toStep, f32x4.add(endsTwo, middleTwo));
  v128.store(to + 4 * toStep, f32x4.sub(endsTwo, middleTwo));
  v128.store(to + 5 * toStep, g2);
}

/** The three numbers Gᵀu of six. */
@inline
function kernelGradientLine(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const u1 = v128.load(from + fromStep);
  const u2 = v128.load(from + 2 * fromStep);
  const u3 = v128.load(from + 3 * fromStep);
  const u4 = v128.load(from + 4 * fromStep);
  const sum = f32x4.mul(f32x4.splat(-1.0 / 6.0), f32x4.add(u1, u2));
  const difference = f32x4.mul(f32x4.splat(-1.0 / 6.0), f32x4.sub(u1, u2));
  const sumTwo = f32x4.add(u3, u4);
  const differenceTwo = f32x4.mul(f32x4.splat(1.0 / 12.0), f32x4.sub(u3, u4));
  v128.store(to, f32x4.add(f32x4.add(f32x4.mul(f32x4.splat(0.25), v128.load(from)), sum), f32x4.mul(f32x4.splat(1.0 / 24.0), sumTwo)));
  v128.store(to + toStep, f32x4.add(difference, differenceTwo));
  v128.store(to + 2 * toStep, f32x4.add(f32x4.add(sum, f32x4.mul(f32x4.splat(1.0 / 6.0), sumTwo)), v128.load(from + 5 * fromStep)));
}

/** Adds `shift` to the four numbers Aᵀm of six. */
@inline
function shiftedOutputLine(from: usize, to: usize, toStep: usize, shift: v128): void {
  const m1 = v128.load(from, vector);
  const m2 = v128.load(from, 2 * vector);
  const m3 = v128.load(from, 3 * vector);
  const m4 = v128.load(from, 4 * vector);
  const s1 = f32x4.add(m1, m2);
  const s2 = f32x4.sub(m1, m2);
  const s3 = f32x4.add(m3, m4);
  const s4 = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(f32x4.add(v128.load(from), s1), s3), shift));
  v128.store(to + toStep, f32x4.add(f32x4.add(s2, f32x4.add(s4, s4)), shift));
  v128.store(to + 2 * toStep, f32x4.add(f32x4.add(s1, f32x4.mul(f32x4.splat(4), s3)), shift));
  const last = f32x4.add(f32x4.add(s2, f32x4.mul(f32x4.splat(8), s4)), v128.load(from, 5 * vector));
  v128.store(to + 3 * toStep, f32x4.add(last, shift));
}

/** The address of a line of an image, or that of a line of zeros where there is none. */
@inline
function lineOr(zeros: usize, from: usize, row: i32, height: i32, line: usize): usize {
  return <u32>row < <u32>height ? from + <usize>row * line : zeros;
}

/**
 * Of the gradient to a 2×2 pool's input, four lanes of a line: the gradient to the maxima where they were, else 0. `from` and `places`: those
 * of the line of the pool's output; `odd`: the second of its two lines.
 */
@inline
function unpoolLine(from: usize, places: usize, pixel: usize, odd: bool, pooledWidth: i32, width: i32, to: usize): void {
  const first = i32x4.splat(odd ? 2 : 0);
  const second = i32x4.splat(odd ? 3 : 1);
  for (let x = 0; x < pooledWidth; x++) {
    const value = v128.load(from);
    const place = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(places)));
    v128.store(to, v128.and(value, i32x4.eq(place, first)));
    v128.store(to, v128.and(value, i32x4.eq(place, second)), vector);
    from += pixel;
    places += pixel / 4;
    to += 2 * vector;
  }
  if (width & 1) v128.store(to, f32x4.splat(0));
}

/** Unpools a line of an image to `to`, and gives its address, or that of a line of zeros where there is none. */
@inline
function unpooledOr(
  zeros: usize,
  from: usize,
  places: usize,
  row: i32,
  height: i32,
  width: i32,
  pixel: usize,
  to: usize,
): usize {
  if (<u32>row >= <u32>(2 * (height / 2))) return zeros;
  const line = <usize>((row / 2) * (width / 2));
  unpoolLine(from + line * pixel, places + (line * pixel) / 4, pixel, (row & 1) != 0, width / 2, width, to);
  return to;
}

/**
 * Bᵀ d B of all tiles of `images` images, of which `source` is the first. Where `places` is not 0, `source` and `places` are those of the output
 * of a 2×2 pool, and the images the gradient to its input. `room`: memory for (6, 4·tilesAcross + 2) vectors, a line of the image, and
 * six lines of vectors.
 */
export function transformInput(
  source: usize,
  places: usize,
  images: i32,
  channels: i32,
  lanes: i32,
  height: i32,
  width: i32,
  padding: i32,
  tilesDown: i32,
  tilesAcross: i32,
  result: usize,
  pitch: usize,
  room: usize,
): void {
  const pixel = <usize>lanes * 4;
  const line = <usize>width * pixel;
  const plane = <usize>height * line;
  const row = <usize>channels * 4;
  const columns = 4 * tilesAcross + 2;
  const between = <usize>columns * vector;
  const zeros = room + 6 * between;
  memory.fill(room, 0, 6 * between + line);
  const used = min(width, columns - padding);
  const lines = zeros + line;
  const ofLine = <usize>width * vector;
  const step = places == 0 ? pixel : vector;
  const pooledPlane = <usize>((height / 2) * (width / 2)) * pixel;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < tilesDown; y++) {
      const top = 4 * y - padding;
      for (let channel: usize = 0; channel < row; channel += vector) {
        const block = channel / pixel;
        const lane = channel % pixel;
        let p0: usize, p1: usize, p2: usize, p3: usize, p4: usize, p5: usize;
        if (places == 0) {
          const from = source + block * plane + lane;
          p0 = lineOr(zeros, from, top, height, line);
          p1 = lineOr(zeros, from, top + 1, height, line);
          p2 = lineOr(zeros, from, top + 2, height, line);
          p3 = lineOr(zeros, from, top + 3, height, line);
          p4 = lineOr(zeros, from, top + 4, height, line);
          p5 = lineOr(zeros, from, top + 5, height, line);
        } else {
          const from = source + block * pooledPlane + lane;
          const place = places + (block * pooledPlane + lane) / 4;
          p0 = unpooledOr(zeros, from, place, top, height, width, pixel, lines);
          p1 = unpooledOr(zeros, from, place, top + 1, height, width, pixel, lines + ofLine);
          p2 = unpooledOr(zeros, from, place, top + 2, height, width, pixel, lines + 2 * ofLine);
          p3 = unpooledOr(zeros, from, place, top + 3, height, width, pixel, lines + 3 * ofLine);
          p4 = unpooledOr(zeros, from, place, top + 4, height, width, pixel, lines + 4 * ofLine);
          p5 = unpooledOr(zeros, from, place, top + 5, height, width, pixel, lines + 5 * ofLine);
        }
        // Down all columns of the image at once: neighbouring tiles share two of their six.
        let to = room + <usize>padding * vector;
        const end = <usize>used * step;
        for (let column: usize = 0; column < end; column += step) {
          inputNumbers(
            v128.load(p0 + column),
            v128.load(p1 + column),
            v128.load(p2 + column),
            v128.load(p3 + column),
            v128.load(p4 + column),
            v128.load(p5 + column),
            to,
            between,
          );
          to += vector;
        }
        let tile = result + channel;
        let tileFrom = room;
        for (let x = 0; x < tilesAcross; x++) {
          for (let point: usize = 0; point < 6; point++) {
            const start = tileFrom + point * between;
            inputNumbers(
              v128.load(start),
              v128.load(start, vector),
              v128.load(start, 2 * vector),
              v128.load(start, 3 * vector),
              v128.load(start, 4 * vector),
              v128.load(start, 5 * vector),
              tile + 6 * point * pitch,
              pitch,
            );
          }
          tile += row;
          tileFrom += 4 * vector;
        }
      }
      result += <usize>tilesAcross * row;
    }
    source += <usize>(channels / lanes) * (places == 0 ? plane : pooledPlane);
    if (places != 0) places += (<usize>(channels / lanes) * pooledPlane) / 4;
  }
}

/** Up to four numbers, zeros behind them. */
@inline
function loadSome(from: usize, count: i32): v128 {
  if (count >= 4) return v128.load(from);
  let result = f32x4.splat(0);
  if (count > 0) result = f32x4.replace_lane(result, 0, f32.load(from));
  if (count > 1) result = f32x4.replace_lane(result, 1, f32.load(from, 4));
  if (count > 2) result = f32x4.replace_lane(result, 2, f32.load(from, 8));
  return result;
}

/**
 * Aᵀ m A of all tiles of `images` images, plus the bias where there is one (the address of `outputs` numbers, else 0). `target`: the first
 * image. `room`: memory for 28 vectors.
 */
export function transformOutput(
  source: usize,
  pitch: usize,
  bias: usize,
  outputs: i32,
  images: i32,
  channels: i32,
  lanes: i32,
  height: i32,
  width: i32,
  tilesDown: i32,
  tilesAcross: i32,
  target: usize,
  room: usize,
): void {
  const pixel = <usize>lanes * 4;
  const line = <usize>width * pixel;
  const plane = <usize>height * line;
  const aside = room + 4 * 6 * vector;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < tilesDown; y++) {
      const rows = <usize>min(4, height - 4 * y);
      for (let x = 0; x < tilesAcross; x++) {
        const columns = <usize>min(4, width - 4 * x);
        let to = target + <usize>(4 * y) * line + <usize>(4 * x) * pixel;
        for (let block = 0; block < channels; block += lanes) {
          for (let lane: usize = 0; lane < pixel; lane += vector) {
            for (let column: usize = 0; column < 6; column++)
              outputLine(source + column * pitch, 6 * pitch, room + column * vector, 6 * vector);
            const channel = <usize>block + lane / 4;
            const shift = bias == 0 ? f32x4.splat(0) : loadSome(bias + 4 * channel, outputs - <i32>channel);
            if (columns == 4)
              for (let row: usize = 0; row < rows; row++) shiftedOutputLine(room + at(row, 0), to + lane + row * line, pixel, shift);
            else
              for (let row: usize = 0; row < rows; row++) {
                shiftedOutputLine(room + at(row, 0), aside, vector, shift);
                for (let column: usize = 0; column < columns; column++)
                  v128.store(to + lane + row * line + column * pixel, v128.load(aside + column * vector));
              }
            source += vector;
          }
          to += plane;
        }
      }
    }
    target += <usize>(channels / lanes) * plane;
  }
}

/**
 * As above, and then the maxima of windows of 2×2 with stride 2, and where they were unless `places` is 0, as in pool.ts. Height and width are
 * those before the pool. `room`: memory for 40 vectors.
 */
export function transformOutputPooled(
  source: usize,
  pitch: usize,
  bias: usize,
  outputs: i32,
  images: i32,
  channels: i32,
  lanes: i32,
  height: i32,
  width: i32,
  tilesDown: i32,
  tilesAcross: i32,
  target: usize,
  places: usize,
  room: usize,
): void {
  const pixel = <usize>lanes * 4;
  const down = height / 2;
  const across = width / 2;
  const line = <usize>across * pixel;
  const plane = <usize>down * line;
  const aside = room + 4 * 6 * vector;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < tilesDown; y++) {
      const rows = <usize>min(2, down - 2 * y);
      for (let x = 0; x < tilesAcross; x++) {
        const columns = <usize>min(2, across - 2 * x);
        let corner = <usize>(2 * y) * line + <usize>(2 * x) * pixel;
        for (let block = 0; block < channels; block += lanes) {
          for (let lane: usize = 0; lane < pixel; lane += vector) {
            for (let column: usize = 0; column < 6; column++)
              outputLine(source + column * pitch, 6 * pitch, room + column * vector, 6 * vector);
            const channel = <usize>block + lane / 4;
            const shift = bias == 0 ? f32x4.splat(0) : loadSome(bias + 4 * channel, outputs - <i32>channel);
            for (let row: usize = 0; row < 4; row++)
              shiftedOutputLine(room + row * 6 * vector, aside + row * 4 * vector, vector, shift);
            for (let row: usize = 0; row < rows; row++)
              for (let column: usize = 0; column < columns; column++) {
                const window = aside + (8 * row + 2 * column) * vector;
                const offset = corner + lane + row * line + column * pixel;
                storeMost(
                  v128.load(window),
                  v128.load(window, vector),
                  v128.load(window, 4 * vector),
                  v128.load(window, 5 * vector),
                  target + offset,
                  places == 0 ? 0 : places + offset / 4,
                );
              }
            source += vector;
          }
          corner += plane;
        }
      }
    }
    target += <usize>(channels / lanes) * plane;
    if (places != 0) places += (<usize>(channels / lanes) * plane) / 4;
  }
}

/**
 * A dy Aᵀ of all tiles of `images` images, which are pooled where `places` is not 0, as above. Where `sums` is not 0, it adds the sums of dy
 * over the pixels to the numbers (channels) there. `room`: memory for (6, 4·tilesAcross) vectors, a line of the image, and four lines of
 * vectors.
 */
export function transformGradient(
  source: usize,
  places: usize,
  images: i32,
  channels: i32,
  lanes: i32,
  height: i32,
  width: i32,
  tilesDown: i32,
  tilesAcross: i32,
  result: usize,
  pitch: usize,
  sums: usize,
  room: usize,
): void {
  const pixel = <usize>lanes * 4;
  const line = <usize>width * pixel;
  const plane = <usize>height * line;
  const row = <usize>channels * 4;
  const between = <usize>(4 * tilesAcross) * vector;
  const zeros = room + 6 * between;
  memory.fill(room, 0, 6 * between + line);
  const lines = zeros + line;
  const ofLine = <usize>width * vector;
  const step = places == 0 ? pixel : vector;
  const pooledPlane = <usize>((height / 2) * (width / 2)) * pixel;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < tilesDown; y++) {
      const top = 4 * y;
      for (let channel: usize = 0; channel < row; channel += vector) {
        const block = channel / pixel;
        const lane = channel % pixel;
        let p0: usize, p1: usize, p2: usize, p3: usize;
        if (places == 0) {
          const from = source + block * plane + lane;
          p0 = lineOr(zeros, from, top, height, line);
          p1 = lineOr(zeros, from, top + 1, height, line);
          p2 = lineOr(zeros, from, top + 2, height, line);
          p3 = lineOr(zeros, from, top + 3, height, line);
        } else {
          const from = source + block * pooledPlane + lane;
          const place = places + (block * pooledPlane + lane) / 4;
          p0 = unpooledOr(zeros, from, place, top, height, width, pixel, lines);
          p1 = unpooledOr(zeros, from, place, top + 1, height, width, pixel, lines + ofLine);
          p2 = unpooledOr(zeros, from, place, top + 2, height, width, pixel, lines + 2 * ofLine);
          p3 = unpooledOr(zeros, from, place, top + 3, height, width, pixel, lines + 3 * ofLine);
        }
        let to = room;
        const end = <usize>width * step;
        for (let column: usize = 0; column < end; column += step) {
          gradientNumbers(
            v128.load(p0 + column),
            v128.load(p1 + column),
            v128.load(p2 + column),
            v128.load(p3 + column),
            to,
            between,
          );
          to += vector;
        }
        let tile = result + channel;
        let tileFrom = room;
        let sum = f32x4.splat(0);
        for (let x = 0; x < tilesAcross; x++) {
          for (let point: usize = 0; point < 6; point++) {
            const start = tileFrom + point * between;
            gradientNumbers(
              v128.load(start),
              v128.load(start, vector),
              v128.load(start, 2 * vector),
              v128.load(start, 3 * vector),
              tile + 6 * point * pitch,
              pitch,
            );
          }
          // At the point 1 in both directions stands the sum of the tile.
          sum = f32x4.add(sum, v128.load(tile + 7 * pitch));
          tile += row;
          tileFrom += 4 * vector;
        }
        if (sums != 0) v128.store(sums + channel, f32x4.add(v128.load(sums + channel), sum));
      }
      result += <usize>tilesAcross * row;
    }
    source += <usize>(channels / lanes) * (places == 0 ? plane : pooledPlane);
    if (places != 0) places += (<usize>(channels / lanes) * pooledPlane) / 4;
  }
}

/** Copies vectors of 4 neighbours along the second axis of a kernel to 9 vectors; beyond `count` they are 0. */
@inline
function gatherKernel(from: usize, step: usize, count: i32, flipped: bool, to: usize): void {
  for (let element: usize = 0; element < 9; element++) {
    const place = to + at((flipped ? 8 - element : element) / 3, (flipped ? 8 - element : element) % 3);
    for (let lane: i32 = 0; lane < 4; lane++)
      f32.store(place + 4 * <usize>lane, lane < count ? f32.load(from + <usize>lane * step + 4 * element) : 0);
  }
}

/**
 * G g Gᵀ of a kernel: 36 matrices (outer, inner), rows of `width` numbers of which those beyond `inner` are 0. `outerStep` and `innerStep` are
 * the distances in the kernel, whose 9 numbers lie together; `flipped`: rotated by 180°. Rows from `first` to `end` alone. `room`: memory for
 * 72 vectors.
 */
export function transformKernel(
  source: usize,
  outerStep: usize,
  innerStep: usize,
  first: i32,
  end: i32,
  inner: i32,
  width: i32,
  flipped: bool,
  result: usize,
  pitch: usize,
  room: usize,
): void {
  const between = room + roomForTile;
  for (let row = first; row < end; row++) {
    for (let column = 0; column < width; column += 4) {
      gatherKernel(source + <usize>row * outerStep + <usize>column * innerStep, innerStep, inner - column, flipped, room);
      for (let x: usize = 0; x < 3; x++) kernelLine(room + x * vector, 6 * vector, between + x * vector, 6 * vector);
      const to = result + 4 * <usize>(row * width + column);
      for (let y: usize = 0; y < 6; y++) kernelLine(between + at(y, 0), vector, to + 6 * y * pitch, pitch);
    }
  }
}

/**
 * Gᵀ u G, the gradient to a kernel (out, in, 3, 3), of 36 matrices (in, `width`), the sums of `parts` sets that lie `partPitch` apart. Rows, which
 * are input channels, from `first` to `end` alone. `room`: memory for 72 vectors.
 */
export function transformKernelGradient(
  source: usize,
  pitch: usize,
  parts: i32,
  partPitch: usize,
  first: i32,
  end: i32,
  inputs: i32,
  outputs: i32,
  width: i32,
  target: usize,
  room: usize,
): void {
  const between = room + roomForTile;
  for (let input = first; input < end; input++) {
    for (let output = 0; output < outputs; output += 4) {
      const from = source + 4 * <usize>(input * width + output);
      for (let position: usize = 0; position < 36; position++) {
        let sum = v128.load(from + position * pitch);
        for (let part: usize = 1; part < <usize>parts; part++)
          sum = f32x4.add(sum, v128.load(from + part * partPitch + position * pitch));
        v128.store(room + position * vector, sum);
      }
      for (let column: usize = 0; column < 6; column++)
        kernelGradientLine(room + column * vector, 6 * vector, between + column * vector, 6 * vector);
      for (let row: usize = 0; row < 3; row++) {
        kernelGradientLine(between + at(row, 0), vector, room, vector);
        const count = min(4, outputs - output);
        for (let column: usize = 0; column < 3; column++)
          for (let lane = 0; lane < count; lane++) {
            const place = target + 4 * (<usize>((output + lane) * inputs + input) * 9 + row * 3 + column);
            f32.store(place, f32.load(room + column * vector + 4 * <usize>lane));
          }
      }
    }
  }
}
