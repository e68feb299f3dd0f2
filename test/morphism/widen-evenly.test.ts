/** Widening by about one factor everywhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { widenEvenly } from '../../src/morphism/mutate.ts';
import { operatorOf } from '../../src/morphism/operators.ts';
import { countMultiplyAdds } from '../../src/network/cost.ts';
import { isFrozen, type Network } from '../../src/network/network.ts';
import { stagedNetwork } from '../../src/network/staged.ts';
import { handmade } from '../support/networks.ts';

const network = stagedNetwork({ channels: 3, height: 32, width: 32 }, 10, [16, 16, 32, 64]);
const unlimited = { maxChannels: 600, admits: () => true };

const channelsOf = ({ nodes }: Network): readonly number[] =>
  nodes.flatMap(({ layer }) => (layer.kind === 'convolution' && !isFrozen(layer) ? [layer.channels] : []));

/** The network that the edits make, one after the other. */
const applied = (start: Network, edits: ReturnType<typeof widenEvenly>['edits']): Network =>
  edits.reduce((current, edit) => {
    const rewrite = operatorOf(edit.kind).rewrite(current, edit as never);
    assert.ok(typeof rewrite !== 'string', String(rewrite));
    return rewrite.network;
  }, start);

test('all convolutions grow by one factor, as far as groups of eight allow, one edit each', () => {
  for (const times of [1.2, 1.5, 2, 5]) {
    const goal = times * countMultiplyAdds(network);
    const { edits, network: wide } = widenEvenly(network, {
      limits: unlimited,
      isEnough: (now) => countMultiplyAdds(now) >= goal,
    });
    const [before, after] = [channelsOf(network), channelsOf(wide)];
    const grown = after.map((channels, index) => channels / (before[index] as number));
    for (const [index, factor] of grown.entries()) {
      assert.equal(((after[index] as number) - (before[index] as number)) % 8, 0);
      assert.ok(
        grown.every((other) => factor - 8 / (before[index] as number) <= other + 1e-9),
        `${grown.join(' ')}`,
      );
    }
    assert.ok(countMultiplyAdds(wide) >= goal);
    assert.equal(new Set(edits.map((edit) => JSON.stringify(edit))).size, edits.length);
    assert.ok(edits.length <= before.length);
    assert.deepEqual(applied(network, edits), wide);
  }
});

test('limits hold, and what they leave is used', () => {
  const most = 1.4 * countMultiplyAdds(network);
  const { network: wide } = widenEvenly(network, {
    limits: { maxChannels: 72, admits: (now) => countMultiplyAdds(now) <= most },
  });
  assert.ok(countMultiplyAdds(wide) <= most && countMultiplyAdds(wide) > 0.9 * most);
  assert.ok(channelsOf(wide).every((channels) => channels <= 72));
  const none = widenEvenly(network, { limits: { ...unlimited, admits: () => false } });
  assert.deepEqual(none, { edits: [], network });
});

test('networks with merges, whose widths hang together, stay networks', () => {
  for (const [name, make] of Object.entries(handmade)) {
    const start = make();
    const goal = 2 * countMultiplyAdds(start);
    const { edits, network: wide } = widenEvenly(start, {
      limits: unlimited,
      isEnough: (now) => countMultiplyAdds(now) >= goal,
    });
    assert.deepEqual(applied(start, edits), wide, name);
  }
});
