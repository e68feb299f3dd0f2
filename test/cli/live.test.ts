/** The live part of a terminal, against a terminal that is emulated as far as it is used. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openDisplay } from '../../src/cli/display.ts';
import type { Io } from '../../src/cli/io.ts';
import { openLive } from '../../src/cli/display.ts';

/** Rows of text and a cursor: understands line ends, going up, and clearing. */
function terminal(): { stream: NodeJS.WriteStream; rows: () => string[]; cursor: () => boolean } {
  const screen: string[] = [''];
  let [row, column, visible] = [0, 0, true];
  const write = (text: string): boolean => {
    // oxlint-disable-next-line no-control-regex
    for (const [token] of text.matchAll(/\u001b\[[\d;?]*[A-Za-z]|[\s\S]/gu)) {
      const up = /\[(\d+)A$/.exec(token);
      if (up !== null) row = Math.max(0, row - Number(up[1]));
      else if (token.endsWith('[K')) screen[row] = (screen[row] ?? '').slice(0, column);
      else if (token.endsWith('[J')) {
        screen[row] = (screen[row] ?? '').slice(0, column);
        screen.length = row + 1;
      } else if (token.endsWith('[?25l')) visible = false;
      else if (token.endsWith('[?25h')) visible = true;
      else if (token.startsWith('\u001b')) continue;
      else if (token === '\r') column = 0;
      else if (token === '\n') {
        [row, column] = [row + 1, 0];
        screen[row] ??= '';
      } else {
        const old = screen[row] ?? '';
        screen[row] = old.slice(0, column).padEnd(column) + token + old.slice(column + 1);
        column++;
      }
    }
    return true;
  };
  return {
    stream: { write, columns: 40 } as unknown as NodeJS.WriteStream,
    rows: () => screen.slice(0, -1),
    cursor: () => visible,
  };
}

const lines = fc.array(fc.stringMatching(/^[a-z ]{0,39}$/), { maxLength: 6 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('draw' as const), lines }),
  fc.record({ kind: fc.constant('say' as const), lines }),
);

test('what was said stays above what was drawn last, and closing leaves what was said', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { stream, rows, cursor } = terminal();
      const live = openLive(stream);
      const said: string[] = [];
      let drawn: readonly string[] = [];
      for (const { kind, lines: next } of steps) {
        if (kind === 'draw') {
          live.draw(next);
          drawn = next;
          assert.ok(!cursor());
        } else {
          live.say(next);
          said.push(...next);
        }
        assert.deepEqual(rows(), [...said, ...drawn]);
      }
      live.close();
      live.close();
      assert.deepEqual(rows(), said);
      assert.ok(cursor());
    }),
  );
});

test('a display fits the terminal, gives it back for Ctrl-Z, and is drawn below what stands there afterwards', () => {
  const { stream, rows, cursor } = terminal();
  const handlers = new Map<string, () => void>();
  let pauses = 0;
  const io = {
    err: stream,
    environment: {},
    on: (signal: string, handler: () => void) => void handlers.set(signal, handler),
    off: (signal: string) => void handlers.delete(signal),
    pause: () => void (cursor() && pauses++),
  } as unknown as Io;
  let text: string | null = null;
  const display = openDisplay(io, 1e6, ({ width }) => (text === null ? null : [text.padEnd(width, '.')]));
  display.draw();
  assert.deepEqual(rows(), [], 'nothing yet');
  text = 'first';
  display.draw();
  assert.deepEqual(rows(), ['first'.padEnd(39, '.')]);
  handlers.get('SIGTSTP')?.();
  assert.equal(pauses, 1, 'stopped with the cursor shown');
  stream.write('$ fg\n');
  text = 'second';
  handlers.get('SIGCONT')?.();
  assert.deepEqual(rows(), ['first'.padEnd(39, '.'), '$ fg', 'second'.padEnd(39, '.')]);
  assert.ok(!cursor());
  display.close();
  assert.deepEqual([rows(), cursor(), handlers.size], [['first'.padEnd(39, '.'), '$ fg'], true, 0]);
});
