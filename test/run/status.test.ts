/** The statuses that displays show of a step without a barrier between rungs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/run/record/config.ts';
import { candidatesOf, progressOf, rungOf, rungWords, statusOf } from '../../src/run/display/status.ts';
import { observe, phaseOf, viewOf, type View } from '../../src/run/display/view.ts';
import type { Entry, Progress } from '../../src/run/record/events.ts';
import { candidateOf } from '../../src/search/state.ts';
import { must } from '../../src/util/assert.ts';
import { config as halving, viewAt } from '../cli/scene.ts';

/** Rungs 4×2 2×2. */
const config: Config = {
  ...halving,
  settings: { ...halving.settings, method: 'asha', step: { ...halving.settings.step, children: 4, epochs: 12, eta: 2 } },
};

type Bare = Entry extends infer E ? (E extends Entry ? Omit<E, 'n' | 't' | 'at'> : never) : never;

/** The scene before its first step, and what follows it here. */
function after(...events: readonly (Bare | Progress)[]): View {
  const { view } = viewAt('vanilla');
  const children = [0, 1, 2, 3].map((child) => ({ line: `s1c${child}`, edits: [], parameters: 1, multiplyAdds: 1 }));
  const step: Bare = { type: 'step', step: 1, parent: 'vanilla', children };
  let next = viewOf(view.run);
  for (const event of [step, ...events]) {
    const item = event.type === 'progress' ? event : ({ n: next.run.events, t: 20, at: '', ...event } as Entry);
    next = observe(next, item, 20);
  }
  return next;
}

/** A line per candidate: its rung from 1, its status and its epoch. */
function describe(view: View): string {
  const phase = phaseOf(view.run.search, view.running);
  assert.equal(phase.kind, 'step');
  if (phase.kind !== 'step') return '';
  const watched = { view, config };
  const lines = candidatesOf(watched, phase).map((id) => {
    const status = statusOf(watched, phase, candidateOf(view.run.search, id));
    const rung = rungOf(phase.step, id);
    return `${id} ${rung === null ? '-' : rung + 1} ${status}${status === 'running' ? ` ${progressOf(watched, phase, id).epoch}` : ''}`;
  });
  return [rungWords(watched, phase), ...lines].join('\n');
}

const promotion = (line: string, rung: number): Bare => ({ type: 'promotion', step: 1, line, rung });
const task = (id: string): Bare => ({ type: 'task', task: id, line: must(id.split('/')[0], id), threads: 1 });
const epoch = (id: string, number: number): Bare => ({
  type: 'epoch',
  line: must(id.split('/')[0], id),
  task: id,
  done: 54 * number,
  epoch: number,
  loss: 1,
  validation: { loss: 1, accuracy: 0.5 },
  checkpoint: 'a'.repeat(64),
});
const start = [promotion('s1c0', 0), task('s1c0/0'), promotion('s1c1', 0), task('s1c1/0')];
const ended = [epoch('s1c0/0', 1), epoch('s1c0/0', 2), epoch('s1c1/0', 1), epoch('s1c1/0', 2)];

test('candidates of one step are in different rungs', () => {
  assert.equal(describe(after(...start)), 'rung 1 of 2\ns1c0 1 running 1/2\ns1c1 1 running 1/2\ns1c2 - waiting\ns1c3 - waiting');
  const promoted = [...start, ...ended, promotion('s1c0', 1)];
  assert.equal(describe(after(...promoted)), '\ns1c0 2 promoted\ns1c1 1 done\ns1c2 - waiting\ns1c3 - waiting');
  const both = [...promoted, task('s1c0/1'), promotion('s1c2', 0), task('s1c2/0')];
  assert.equal(describe(after(...both)), 'rungs 1, 2 of 2\ns1c0 2 running 1/2\ns1c1 1 done\ns1c2 1 running 1/2\ns1c3 - waiting');
});

test('at the end of the step all but the winner are dropped', () => {
  const rest = [task('s1c0/1'), epoch('s1c0/1', 3), epoch('s1c0/1', 4)];
  const view = after(...start, ...ended, promotion('s1c0', 1), ...rest, { type: 'selected', step: 1, line: 's1c0' });
  assert.equal(describe(view), '\ns1c0 2 winner\ns1c1 1 dropped\ns1c2 - dropped\ns1c3 - dropped');
});

test('after the last test evaluation the file is verified; a baseline is only what is trained as one', () => {
  const { view } = viewAt('tested');
  const phase = (next: View): string => phaseOf(next.run.search, next.running).kind;
  assert.equal(phase(view), 'baseline');
  const tested = (line: 'final' | 'baseline', before: View): View =>
    observe(
      before,
      { n: 99, t: 163, at: '', type: 'test', line, reading: 2, measured: { loss: 1, accuracy: 0.5 }, confusion: [] },
      163,
    );
  assert.equal(phase(tested('baseline', view)), 'verification');
  assert.equal(phase(viewAt('final').view), 'final');
  assert.equal(phase(tested('final', viewAt('final').view)), 'verification');
});
