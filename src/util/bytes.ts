/** Typed arrays and their bytes, little-endian. */

type Numbers<T> = { new (buffer: ArrayBuffer, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number };

export const asBytes = (numbers: ArrayBufferView): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

/** The bytes as numbers: a view where they are aligned, else a copy. */
export function asNumbers<T>(bytes: Uint8Array, Type: Numbers<T>): T {
  // Not `slice`, which returns a view of a Buffer.
  const { buffer, byteOffset } = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Type(buffer as ArrayBuffer, byteOffset, bytes.byteLength / Type.BYTES_PER_ELEMENT);
}
