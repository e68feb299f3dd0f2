/** Every row of the table of optimizers, and one that is in no table: against its equation, and in training against the oracle. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Engine, Session } from '../../../src/engine/engine.ts';
import { reference } from '../../../src/engine/reference/engine.ts';
import type { Network } from '../../../src/network/network.ts';
import { parametersOf } from '../../../src/network/parameters.ts';
import type { Tensors } from '../../../src/network/tensor.ts';
import { product, quotient, squareRoot, sum } from '../../../src/program/expression.ts';
import { assignmentsOf, frozenNodes, type Learning } from '../../../src/program/learning.ts';
import { lower } from '../../../src/program/lower.ts';
import type { Optimizer } from '../../../src/program/optimizers/optimizer.ts';
import { type OptimizerName, optimizerNames, optimizers } from '../../../src/program/optimizers/table.ts';
import { must } from '../../../src/util/assert.ts';
import { random } from '../../../src/util/random.ts';
import { assertClose, norm } from '../../support/comparing.ts';
import { draft } from '../../support/networks.ts';
import { build, fillInputs, randomState } from '../../support/single-steps.ts';

/** Of one element: the direction, and the states that it leaves behind in `s`. */
type Direction = (gradient: number, momentum: number, s: Record<string, number>) => number;

/** As each row's docstring says it, written down a second time. */
const directions: { readonly [Name in OptimizerName]: Direction } = {
  sgd: (g, momentum, s) => (s['velocity'] = momentum * (s['velocity'] ?? 0) + g),
  nesterov(g, momentum, s) {
    s['velocity'] = momentum * (s['velocity'] ?? 0) + g;
    return g + momentum * s['velocity'];
  },
};

const [beta, epsilon] = [0.95, 1e-2];
/** Adam (Kingma & Ba 2015), whose corrections 1 − βᵗ are states of one number. Its moments start at zero, as all states do. */
const adam: Optimizer = {
  states: [
    { name: 'first', shape: 'parameter', restart: 'zero', widened: 'keep' },
    { name: 'second', shape: 'parameter', restart: 'keep', widened: 'keep' },
    { name: 'first weight', shape: 'scalar', restart: 'zero', widened: 'keep' },
    { name: 'second weight', shape: 'scalar', restart: 'keep', widened: 'keep' },
  ],
  update: (gradient, { momentum }) => ({
    assignments: [
      { target: 'first', value: sum(product(momentum, 'first'), product(1 - momentum, gradient)) },
      { target: 'second', value: sum(product(beta, 'second'), product(1 - beta, product(gradient, gradient))) },
      { target: 'first weight', value: sum(product(momentum, 'first weight'), 1 - momentum) },
      { target: 'second weight', value: sum(product(beta, 'second weight'), 1 - beta) },
    ],
    direction: quotient(quotient('first', 'first weight'), sum(squareRoot(quotient('second', 'second weight')), epsilon)),
  }),
};
const adamDirection: Direction = (g, momentum, s) => {
  s['t'] = (s['t'] ?? 0) + 1;
  s['first'] = momentum * (s['first'] ?? 0) + (1 - momentum) * g;
  s['second'] = beta * (s['second'] ?? 0) + (1 - beta) * g * g;
  const deviation = Math.sqrt(s['second'] / (1 - beta ** s['t']));
  return s['first'] / (1 - momentum ** s['t']) / (deviation + epsilon);
};

const rows: readonly (readonly [name: string, optimizer: Optimizer, direction: Direction])[] = [
  ...optimizerNames.map((name) => [name, optimizers[name], directions[name]] as const),
  ['an optimizer that is in no table', adam, adamDirection],
];

/** Images mixed and summed, a depthwise convolution, kernels of more and of fewer numbers than primitives are worth. */
const network: Network = (() => {
  const { add, block, mix, sum: summed, head } = draft(2, 6);
  const start = block(0, 20);
  const depthwise = add({ kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, start);
  return head(block(summed(mix(start, block(start, 20)), depthwise), 24), 4);
})();

const roles: NonNullable<Learning['roles']> = {
  kernel: { rate: 0.5 },
  bias: { decay: 0.5 },
  scale: { decay: 2 },
  mix: { rate: 4 },
  'head-kernel': { rate: 2, decay: 0 },
};

async function trained(session: Session, before: Tensors, steps: number): Promise<Tensors> {
  session.load(before);
  for (let step = 0; step < steps; step++) {
    fillInputs(session, random('optimizers', step));
    await session.run();
  }
  const state = session.save();
  session.dispose();
  return state;
}

export function optimizerTests(open: () => Promise<Engine>): void {
  describe('optimizers', () => {
    for (const [name, optimizer, direction] of rows)
      for (const decoupled of [false, true]) {
        const momentum = 0.9;
        test(`${name}${decoupled ? ', decay decoupled' : ''}: its equation`, async () => {
          for (const [shape, bounded] of [
            [[5], false],
            [[40, 24, 3, 3], false],
            [[700], true],
            [[1], true],
          ] as const)
            for (const [factor, decay] of [
              [1, 0.1],
              [0.5, 0],
            ] as const) {
              const program = build(1, (b) =>
                b.step({
                  kind: 'update',
                  parameter: b.state('parameter', bounded ? 'mix' : 'kernel', ...shape),
                  gradient: b.input('gradient', ...shape),
                  rate: b.input('rate', 1),
                  states: Object.fromEntries(
                    optimizer.states.map((state) => [
                      state.name,
                      b.state(state.name, 'optimizer', ...(state.shape === 'scalar' ? [1] : shape)),
                    ]),
                  ),
                  assignments: assignmentsOf(optimizer, { momentum, weightDecay: decay, decoupled }, { rate: factor, decay: 1 }),
                  bounds: bounded ? [0, 1] : null,
                }),
              );
              const session = await (await open()).compile(program, 'auto');
              const start = must(randomState(program, random('equation'))['parameter'], 'parameter');
              session.load({ parameter: start });
              const expected = start.data.slice();
              const states = Array.from(expected, (): Record<string, number> => ({}));
              for (let step = 0; step < 4; step++) {
                fillInputs(session, random('equation', step), { scale: bounded ? 8 : 1, quantum: 0 });
                const gradient = session.input(program.images);
                await session.run();
                expected.forEach((before, j) => {
                  const s = must(states[j], 'states');
                  const [g, pull] = [gradient[j] as number, decay * before];
                  const moved = direction(decoupled ? g : g + pull, momentum, s) + (decoupled ? pull : 0);
                  const after = before - factor * 0.05 * moved;
                  expected[j] = bounded ? Math.min(1, Math.max(0, after)) : after;
                  if (expected[j] !== Math.fround(after))
                    for (const key of Object.keys(s)) if (key !== 't' || shape[0] === 1) s[key] = 0;
                });
              }
              const say = (): string => `${shape.join('×')}, rate ×${factor}, decay ${decay}`;
              assertClose(must(session.save()['parameter'], 'parameter').data, expected, 1e-5, 0.1, say);
              session.dispose();
            }
        });

        test(`${name}${decoupled ? ', decay decoupled' : ''}: five training steps change every tensor as the oracle does`, async () => {
          const learning = { momentum, weightDecay: 0.01, decoupled, roles };
          const program = lower(network, 4, { kind: 'training', learning }, optimizer);
          const before = Object.fromEntries(
            Object.entries(randomState(program, random('optimizers'))).filter(([key]) =>
              program.state.some((entry) => entry.name === key && entry.role !== 'optimizer'),
            ),
          );
          const after = await trained(await reference.compile(program, 'auto'), before, 5);
          const actual = await trained(await (await open()).compile(program, 'auto'), before, 5);
          assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(after).toSorted());
          for (const [key, { data }] of Object.entries(after)) {
            const change = norm(data, before[key]?.data ?? new Float32Array(data.length));
            const difference = norm(must(actual[key], key).data, data);
            assert.ok(difference <= 1e-3 * change + 1e-6, `${key}: off by ${difference} of ${change}`);
          }
        });
      }

    test('normalised by running statistics, which keep their bits: as the oracle', async () => {
      const learning = { momentum: 0.9, weightDecay: 0.01, roles, statistics: 'running' } as const;
      const program = lower(network, 4, { kind: 'training', learning });
      const names = new Set(program.state.filter(({ role }) => role !== 'optimizer').map(({ name }) => name));
      const drawn = Object.entries(randomState(program, random('running'))).filter(([key]) => names.has(key));
      const before = Object.fromEntries(drawn);
      const expected = await trained(await reference.compile(program, 'auto'), before, 5);
      const actual = await trained(await (await open()).compile(program, 'auto'), before, 5);
      for (const { name, role } of parametersOf(network)) {
        const [data, start] = [must(actual[name], name).data, must(before[name], name).data];
        if (role === 'mean' || role === 'variance') assert.deepEqual(data, start, name);
        const wanted = must(expected[name], name).data;
        const [difference, change] = [norm(data, wanted), norm(wanted, start)];
        assert.ok(difference <= 1e-3 * change + 1e-6, `${name}: off by ${difference} of ${change}`);
      }
    });

    for (const freeze of [1, 2, 'all-but-head'] as const)
      test(`frozen layers (${freeze}) and rates by depth: as the oracle's, and what is frozen keeps its bits`, async () => {
        const learning = { momentum: 0.9, weightDecay: 0.01, roles, freeze, firstRate: 0.3, following: 0.03 };
        const program = lower(network, 4, { kind: 'training', learning });
        const isState = ({ role }: { readonly role: string }): boolean => role !== 'optimizer';
        const names = new Set(program.state.filter(isState).map((entry) => entry.name));
        const before = Object.fromEntries(
          Object.entries(randomState(program, random('frozen'))).filter(([key]) => names.has(key)),
        );
        const expected = await trained(await reference.compile(program, 'auto'), before, 5);
        const actual = await trained(await (await open()).compile(program, 'auto'), before, 5);
        const frozen = frozenNodes(learning, network);
        assert.ok(parametersOf(network).some(({ node }) => frozen.has(node)));
        for (const { name, node } of parametersOf(network)) {
          const [data, start] = [must(actual[name], name).data, must(before[name], name).data];
          if (frozen.has(node)) assert.deepEqual(data, start, name);
          const wanted = must(expected[name], name).data;
          const [difference, change] = [norm(data, wanted), norm(wanted, start)];
          assert.ok(difference <= 1e-3 * change + 1e-6, `${name}: off by ${difference} of ${change}`);
        }
      });

    for (const [name, optimizer] of rows)
      test(`${name}: averages follow the weights as the oracle's do, and leave them as they are without`, async () => {
        // λ leaves its bounds on the way: the average is of what the bounds leave.
        const learning = { momentum: 0.9, weightDecay: 0.01, roles: { ...roles, mix: { rate: 400 } } };
        const program = lower(network, 4, { kind: 'training', learning: { ...learning, average: 0.7 } }, optimizer);
        const without = lower(network, 4, { kind: 'training', learning }, optimizer);
        const isLearnt = (key: string): boolean =>
          without.state.some((entry) => entry.name === key && entry.role !== 'optimizer');
        const drawn = Object.entries(randomState(without, random('averages'))).filter(([key]) => isLearnt(key));
        const before = Object.fromEntries(drawn);
        const expected = await trained(await reference.compile(program, 'auto'), before, 5);
        const engine = await open();
        const actual = await trained(await engine.compile(program, 'auto'), before, 5);
        const same = await trained(await engine.compile(without, 'auto'), before, 5);
        for (const [key, { data }] of Object.entries(same)) {
          const difference = norm(must(actual[key], key).data, data);
          assert.ok(difference <= 1e-6 * norm(data, new Float32Array(data.length)), `${key}: off by ${difference}`);
        }
        const averages = Object.entries(expected).filter(([key]) => key.includes('/average'));
        assert.ok(averages.length > 20 && averages.some(([, { data }]) => data.length > 4000));
        for (const [key, { data }] of averages) {
          const [parameter = ''] = key.split('/average');
          const change = norm(must(expected[parameter], parameter).data, must(before[parameter], parameter).data);
          const difference = norm(must(actual[key], key).data, data);
          assert.ok(difference <= 1e-3 * change + 1e-6, `${key}: off by ${difference} of ${change}`);
        }
      });

    for (const [name, optimizer] of rows)
      test(`${name}: new weights learn faster, as the oracle's do, and settle`, async () => {
        const [fade, steps, factor] = [0.6, 4, 5];
        const newWeights = { rate: factor, fade };
        const learning = { momentum: 0.9, weightDecay: 0.01, roles, average: 0.7 };
        const program = lower(network, 4, { kind: 'training', learning: { ...learning, newWeights } }, optimizer);
        const isLearnt = ({ role }: { readonly role: string }): boolean => role !== 'optimizer';
        const names = new Set(program.state.filter(isLearnt).map((entry) => entry.name));
        const drawn = Object.entries(randomState(program, random('new weights'))).filter(([key]) => names.has(key));
        const before = Object.fromEntries(drawn);
        const expected = await trained(await reference.compile(program, 'auto'), before, steps);
        const actual = await trained(await (await open()).compile(program, 'auto'), before, steps);
        for (const [key, { data }] of Object.entries(expected)) {
          const change = norm(data, before[key]?.data ?? new Float32Array(data.length));
          const difference = norm(must(actual[key], key).data, data);
          assert.ok(difference <= 1e-3 * change + 1e-6, `${key}: off by ${difference} of ${change}`);
        }
        const settled = Object.entries(actual).filter(([key]) => key.endsWith('/settled'));
        assert.ok(settled.length > 10 && settled.some(([, { data }]) => data.length > 2048));
        for (const [key, { data }] of settled)
          assert.ok(
            data.every((value) => Math.abs(value - (1 - fade ** steps)) < 1e-6),
            key,
          );
        // The first update is that of the factor's learning rate; of what has settled, as without.
        const once = async (one: Partial<Learning>, begin: Tensors): Promise<Tensors> =>
          trained(
            await (
              await open()
            ).compile(lower(network, 4, { kind: 'training', learning: { ...learning, ...one } }, optimizer), 'auto'),
            begin,
            1,
          );
        const zeros = Object.fromEntries(settled.map(([key, { shape, data }]) => [key, { shape, data: data.map(() => 0) }]));
        const ones = Object.fromEntries(settled.map(([key, { shape, data }]) => [key, { shape, data: data.map(() => 1) }]));
        const plain = await once({}, before);
        const fresh = await once({ newWeights }, { ...before, ...zeros });
        const old = await once({ newWeights }, { ...before, ...ones });
        for (const key of names) {
          const at = (tensors: Tensors): Float32Array => must(tensors[key], key).data;
          const [start, usual] = [at(before), at(plain)];
          // λ is kept within its bounds, and statistics are not learnt.
          if (['mix', 'mean', 'variance'].some((role) => key.endsWith(`/${role}`))) continue;
          const expectedFresh = start.map((value, j) => value + factor * ((usual[j] as number) - value));
          assertClose(at(fresh), expectedFresh, 1e-4, 1e-3, () => `${key}, new`);
          assertClose(at(old), usual, 1e-6, 1e-6, () => `${key}, settled`);
        }
      });

    test('what differs between roles acts on them alone', async () => {
      const program = (learning: Partial<Learning>) =>
        lower(network, 4, { kind: 'training', learning: { momentum: 0, weightDecay: 0, ...learning } });
      const engine = await open();
      const before = randomState(program({}), random('roles'));
      const one = async (learning: Partial<Learning>): Promise<Tensors> =>
        trained(await engine.compile(program(learning), 'direct'), before, 1);
      const plain = await one({});
      const last = must(network.nodes.at(-1), 'head').id;
      const changed = async (learning: Partial<Learning>): Promise<string[]> => {
        const other = await one(learning);
        const differs = (name: string): boolean =>
          must(other[name], name).data.some((value, j) => value !== plain[name]?.data[j]);
        return Object.keys(plain).filter((name) => !name.includes('velocity') && differs(name));
      };
      assert.deepEqual(await changed({ roles: { kernel: { rate: 1 }, mix: {} } }), []);
      assert.deepEqual(await changed({ roles: { 'head-kernel': { rate: 0.5 } } }), [`${last}/kernel`]);
      assert.deepEqual(await changed({ roles: { 'head-bias': { rate: 0.5 } } }), [`${last}/bias`]);
      assert.deepEqual(await changed({ weightDecay: 0.1, roles: { kernel: { decay: 0 } } }), [`${last}/kernel`]);
      for (const role of ['kernel', 'scale', 'shift', 'mix'] as const) {
        const names = await changed({ roles: { [role]: { rate: 0.5 } } });
        assert.ok(
          names.length > 0 && names.every((name) => name.endsWith(`/${role}`) && !name.startsWith(`${last}/`)),
          names.join(),
        );
      }
    });
  });
}
