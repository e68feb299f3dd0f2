/** Kernels for formats whose channels are last. */

/** Numbers of a kernel (filters, channels, positions) with channels last; `T` keeps its kind of array. */
export function channelsLast<T extends Float32Array | Int8Array>(numbers: T, filters: number, positions: number): T {
  const result = numbers.slice() as T;
  const channels = numbers.length / filters / positions;
  for (let filter = 0; filter < filters; filter++)
    for (let channel = 0; channel < channels; channel++)
      for (let position = 0; position < positions; position++)
        result[(filter * positions + position) * channels + channel] = numbers[
          (filter * channels + channel) * positions + position
        ] as number;
  return result;
}
