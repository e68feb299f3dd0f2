/** Numbers, arrays, strings and comments as C99 has them. */
import { assert } from '../../util/assert.ts';

/** The shortest decimal that is this number of f32, such as `0.1F`. */
export function floatLiteral(value: number): string {
  const single = Math.fround(value);
  assert(Number.isFinite(single), () => `a finite number, not ${value}`);
  let text = '';
  for (let digits = 1; digits <= 9; digits++) {
    text = String(Number(single.toPrecision(digits)));
    if (Math.fround(Number(text)) === single) break;
  }
  return /[.e]/.test(text) ? `${text}F` : `${text}.0F`;
}

/** Types of constants, with the bytes of a number. */
export const elementBytes = { float: 4, int8_t: 1, uint8_t: 1, uint16_t: 2, int32_t: 4 } as const;
export type ElementType = keyof typeof elementBytes;

export interface ConstantArray {
  readonly name: string;
  readonly type: ElementType;
  readonly values: ArrayLike<number>;
}

export const bytesOfArray = ({ type, values }: ConstantArray): number => elementBytes[type] * values.length;

const widest = 110;

/** Words in lines, each indented. */
function linesOf(words: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line.length + word.length + 4 > widest) {
      lines.push(line);
      line = '';
    }
    line += `${line === '' ? '  ' : ' '}${word},`;
  }
  return [...lines, line].join('\n');
}

/** `static const float weights_1[8] = {…};` */
export function arrayDefinition({ name, type, values }: ConstantArray): string {
  const words = Array.from(values, (value) => (type === 'float' ? floatLiteral(value) : integerLiteral(value)));
  return `static const ${type} ${name}[${values.length}] = {\n${linesOf(words)}\n};`;
}

/** C has no literal for −2^31: there it is the negation of a number that does not fit. */
export const integerLiteral = (value: number): string => (value === -(2 ** 31) ? '(-2147483647 - 1)' : String(value));

/** A string literal: whatever is not plain ASCII as octal escapes of UTF-8, and question marks too, which could begin trigraphs. */
export function stringLiteral(text: string): string {
  const escaped = Array.from(new TextEncoder().encode(text), (byte) => {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f;
    return plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

/** A text that ends neither the line nor the comment that it stands in. */
export const commentText = (text: string): string =>
  text
    .replaceAll(/[^\u0020-\u007e]/g, '?')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *')
    .replaceAll('\\', '/');
