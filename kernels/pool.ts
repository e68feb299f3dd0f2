/**
 * Max pools with windows of 2×2 and stride 2, over planes of (H, W, lanes) with 8 or 16 lanes. A window that reaches beyond the image is left
 * out. Places are one byte for each maximum: 0 to 3, row by row; the first of equal maxima counts.
 */

/** The largest of four in each lane, and, unless `place` is 0, which it was, as four bytes. */
@inline
export function storeMost(v0: v128, v1: v128, v2: v128, v3: v128, to: usize, place: usize): void {
  let more = f32x4.gt(v1, v0);
  let most = v128.bitselect(v1, v0, more);
  let index = v128.and(more, i32x4.splat(1));
  more = f32x4.gt(v2, most);
  most = v128.bitselect(v2, most, more);
  index = v128.bitselect(i32x4.splat(2), index, more);
  more = f32x4.gt(v3, most);
  v128.store(to, v128.bitselect(v3, most, more));
  if (place == 0) return;
  index = v128.bitselect(i32x4.splat(3), index, more);
  const words = i16x8.narrow_i32x4_s(index, index);
  v128.store32_lane(place, i8x16.narrow_i16x8_s(words, words), 0);
}

/** From `first` plane to `end`. `places`: their address, or 0 where none are wanted. */
export function maxPool(
  source: usize,
  first: i32,
  end: i32,
  lanes: i32,
  height: i32,
  width: i32,
  target: usize,
  places: usize,
): void {
  const pixel = <usize>lanes * 4;
  const line = <usize>width * pixel;
  const down = height / 2;
  const across = width / 2;
  for (let plane = first; plane < end; plane++) {
    let to = target + <usize>plane * <usize>(down * across) * pixel;
    let place = places + <usize>plane * <usize>(down * across * lanes);
    for (let y = 0; y < down; y++) {
      let from = source + (<usize>plane * <usize>height + <usize>(2 * y)) * line;
      for (let x = 0; x < across; x++) {
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const window = from + lane;
          storeMost(
            v128.load(window),
            v128.load(window + pixel),
            v128.load(window + line),
            v128.load(window + line + pixel),
            to + lane,
            places == 0 ? 0 : place,
          );
          place += 4;
        }
        to += pixel;
        from += 2 * pixel;
      }
    }
  }
}

/** From `first` plane to `end`: the gradient to the pool's input, 0 where no maximum was. */
export function maxPoolGradient(
  source: usize,
  places: usize,
  first: i32,
  end: i32,
  lanes: i32,
  height: i32,
  width: i32,
  target: usize,
): void {
  const pixel = <usize>lanes * 4;
  const line = <usize>width * pixel;
  const down = height / 2;
  const across = width / 2;
  for (let plane = first; plane < end; plane++) {
    let from = source + <usize>plane * <usize>(down * across) * pixel;
    let place = places + <usize>plane * <usize>(down * across * lanes);
    const image = target + <usize>plane * <usize>height * line;
    for (let y = 0; y < down; y++) {
      let to = image + <usize>(2 * y) * line;
      for (let x = 0; x < across; x++) {
        for (let lane: usize = 0; lane < pixel; lane += 32) {
          const value0 = v128.load(from + lane);
          const value1 = v128.load(from + lane, 16);
          const words = v128.load8x8_u(place);
          place += 8;
          const index0 = i32x4.extend_low_i16x8_u(words);
          const index1 = i32x4.extend_high_i16x8_u(words);
          for (let each = 0; each < 4; each++) {
            const at = to + lane + (each & 1 ? pixel : 0) + (each & 2 ? line : 0);
            v128.store(at, v128.and(value0, i32x4.eq(index0, i32x4.splat(each))));
            v128.store(at, v128.and(value1, i32x4.eq(index1, i32x4.splat(each))), 16);
          }
        }
        from += pixel;
        to += 2 * pixel;
      }
      if (width & 1) {
        memory.fill(to, 0, pixel);
        memory.fill(to + line, 0, pixel);
      }
    }
    if (height & 1) memory.fill(image + <usize>(height - 1) * line, 0, line);
  }
}
