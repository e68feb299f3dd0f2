/**
 * Two searches of four steps in which all goes wrong at once, at random moments, as in the soak (`npm run soak:queue`): they end
 * as on one machine, bit for bit, with each epoch of each network once.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { random } from '../../src/util/random.ts';
import { difference, disturbed, faults, fourSteps as options, startCluster, type Cluster } from '../support/disturbed.ts';
import { finishedRun, newFolder, place } from '../support/runs.ts';
import { withoutRedis } from './brokers.ts';

/** Seconds in which all of it happens; the search takes longer on any machine that we know. */
const within = 15;

describe('a search through which everything goes wrong', { skip: withoutRedis() }, () => {
  let cluster: Cluster;
  let local: string;
  before(async () => {
    cluster = await startCluster(join(place, 'cluster'));
    local = await finishedRun(options);
  });
  after(() => cluster.close());

  for (const round of [1, 2])
    test(`round ${round}: the winner and the epochs of one machine`, async (context) => {
      const drawn = random('disturbed', round);
      const planned = faults.map((fault) => ({ fault, at: 3 + (within - 3) * drawn.float() }));
      const { run, happened, said } = await disturbed(cluster, options, newFolder(), planned);
      context.diagnostic(happened.join('; '));
      assert.equal(difference(run, local), null, `${happened.join('\n')}\n${said.slice(-4000)}`);
    });
});
