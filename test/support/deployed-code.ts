/** Networks as C: compiled by gcc as strictly as it can, with its sanitizers, and run on images. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Code } from '../../src/formats/c/write.ts';

export const place = mkdtempSync(join(tmpdir(), 'instar-c-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));

/** Reads images from stdin and writes their logits; then the highest byte of the arena that was written, and its guards. */
const driver = `#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64
#define IMAGE (NETWORK_HEIGHT * NETWORK_WIDTH * NETWORK_CHANNELS)

/* What was written differs from one of two paints. */
static size_t touched(const unsigned char *arena, unsigned char paint) {
  size_t count = 0;
  for (size_t at = 0; at < NETWORK_ARENA_BYTES; at++)
    if (arena[at] != paint) count++;
  return count;
}

int main(void) {
  static uint8_t pixels[IMAGE];
  static float logits[NETWORK_CLASSES], probabilities[NETWORK_CLASSES];
  unsigned char *memory = malloc(NETWORK_ARENA_BYTES + 2 * GUARD);
  if (!memory) return 2;
  size_t most = 0;
  for (unsigned char image = 0; fread(pixels, 1, IMAGE, stdin) == IMAGE; image++) {
    for (unsigned char paint = 0x5a; ; paint = 0xa5) {
      memset(memory, paint, NETWORK_ARENA_BYTES + 2 * GUARD);
      network_logits(pixels, memory + GUARD, logits);
      for (size_t at = 0; at < GUARD; at++)
        if (memory[at] != paint || memory[GUARD + NETWORK_ARENA_BYTES + at] != paint) return 3;
      const size_t count = touched(memory + GUARD, paint);
      if (count > most) most = count;
      if (paint == 0xa5) break;
    }
    fwrite(logits, sizeof(float), NETWORK_CLASSES, stdout);
    network_probabilities(logits, probabilities);
    float sum = 0.0F;
    for (int at = 0; at < NETWORK_CLASSES; at++) sum += probabilities[at];
    if (!(sum > 0.9999F && sum < 1.0001F)) return 4;
    for (int at = 0; at < NETWORK_CLASSES; at++)
      if (probabilities[at] > probabilities[network_class(logits)]) return 5;
  }
  fprintf(stderr, "%lu\\n", (unsigned long)most);
  free(memory);
  return 0;
}
`;

export interface Ran {
  /** (images, classes) */
  readonly logits: Float32Array;
  /** Bytes of the arena that were written. */
  readonly touched: number;
}

const strict = '-std=c99 -Wall -Wextra -Werror -pedantic'.split(' ');
const sanitizers = '-fsanitize=address,undefined -fno-sanitize-recover=all -g'.split(' ');

let programs = 0;

const run = promisify(execFile);

/** Compiles the code and runs it on images, (N, H, W, C) bytes. */
export async function runCode({ header, source }: Code, pixels: Uint8Array): Promise<Ran> {
  const folder = join(place, String(programs++));
  mkdirSync(folder);
  const files = { 'network.h': header, 'network.c': source, 'main.c': driver };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const program = join(folder, 'program');
  await run('gcc', [...strict, ...sanitizers, 'network.c', 'main.c', '-lm', '-o', program], { cwd: folder });
  const { status, stdout, stderr } = spawnSync(program, { input: pixels, maxBuffer: 2 ** 28 });
  assert.equal(status, 0, stderr.toString());
  return { logits: new Float32Array(new Uint8Array(stdout).buffer), touched: Number(stderr.toString()) };
}
