/** A search whose workers are on hosts of their own, and reach queue and store over a network that fails. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fourSteps } from '../support/disturbed.ts';
import { makeHosts, withoutHosts, type Host } from '../support/hosts.ts';
import { finishedRun, newFolder, place, sleep, startProcess, until, winnerOf } from '../support/runs.ts';
import { startRedis, startS3, withoutRedis } from './brokers.ts';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** Longer than a worker may say nothing before its job is another's. */
const cutFor = 20_000;

test(
  'two hosts, one cut off for 20 s while it works: the winner of the local run',
  {
    skip: withoutRedis() || withoutHosts(),
  },
  async (t) => {
    const expected = winnerOf(await finishedRun(fourSteps));
    const hosts = makeHosts(2);
    t.after(() => hosts.close());
    const redis = await startRedis(join(place, 'redis-hosts'), undefined, hosts.address);
    t.after(() => redis.stop());
    const s3 = await startS3(join(place, 's3-hosts'), { address: hosts.address });
    t.after(() => s3.close());
    const port = Number(new URL(redis.address).port);
    const credentials = {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
      AWS_ENDPOINT_URL: `http://${hosts.address}:${s3.port}`,
    };
    Object.assign(process.env, credentials);

    const elsewhere = { queue: redis.address, store: 's3://instar/hosts' };
    const [first, second] = hosts.all;
    assert.ok(first !== undefined && second !== undefined);
    const words = ['worker', '--queue', elsewhere.queue, '--store', elsewhere.store, '--engine', 'reference', '--jobs', '1'];
    const said = new Map<string, string>();
    const workers = hosts.all.map((host): ChildProcess => {
      assert.ok(host.reaches(hosts.address, port), `${host.name} reaches the queue`);
      const child = host.start(process.execPath, [main, ...words, '--cache', join(place, host.name)], credentials);
      child.stderr?.setEncoding('utf8').on('data', (text: string) => said.set(host.name, (said.get(host.name) ?? '') + text));
      t.after(() => child.kill('SIGKILL'));
      return child;
    });

    const run = newFolder();
    const begun = startProcess('search', run, { ...fourSteps, elsewhere });
    t.after(() => begun.child.kill('SIGKILL'));
    const works = ({ name }: Host): boolean => said.get(name)?.includes(': started') === true;
    await until('a host works', 60, () => hosts.all.some(works));
    const away = works(first) ? first : second;
    away.cut();
    assert.ok(!away.reaches(hosts.address, port), 'it is cut off');
    await sleep(cutFor);
    away.mend();
    assert.ok(away.reaches(hosts.address, port), 'it is back');

    const { code, errors } = await begun.ended;
    assert.equal(code, 0, `${errors}\n${[...said].join('\n')}`);
    assert.equal(winnerOf(run), expected);
    for (const child of workers) child.kill('SIGTERM');
    const ends = workers.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    assert.deepEqual(await Promise.all(ends), [0, 0], [...said].join('\n'));
    // The one that was away may come back when all is done.
    for (const { name } of hosts.all)
      assert.match(
        said.get(name) ?? '',
        name === away.name ? /: (done|returned to the queue)/ : /: done/,
        `${name} has done a job`,
      );
  },
);
