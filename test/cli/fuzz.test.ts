/** Every command, given what is damaged: it ends with a line that says why, never with a stack trace. More by `npm run soak:commands`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callOnce, callUnderLimit, generatorNames, openSubject } from '../support/commands-fuzz.ts';

const calls = Number(process.env['INSTAR_TEST_CALLS'] ?? 6 * generatorNames.length);
const limited = Number(process.env['INSTAR_TEST_LIMITED'] ?? 5);
/** Coprime with the number of limits, so that a few calls see limits of each kind. */
const stride = 5;

const subject = await openSubject();

test(`${calls} calls of commands with damaged runs, models, data and options`, async (t) => {
  const last = new Set<string>();
  for (let round = 0; round < calls; round++) {
    const ending = await callOnce(subject, round);
    assert.equal(ending.problem, null, `round ${round}: ${ending.kind}: ${ending.what}: ${ending.words.join(' ').slice(0, 300)}`);
    last.add(ending.last.replaceAll(/\d+/g, '#'));
  }
  t.diagnostic(`${last.size} different last lines`);
  assert.ok(last.size > calls / 6, 'most damages are refused for a reason of their own');
});

test(`${limited} processes under limits of the system`, () => {
  for (let round = 0; round < limited; round++) {
    const { problem, what, words } = callUnderLimit(subject, stride * round);
    assert.equal(problem, null, `${what}: ${words.join(' ')}`);
  }
});
