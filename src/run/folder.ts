/** What stands where in a run's folder, and which checkpoints are still needed. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { currentParent, rank } from '../search/next.ts';
import { lineOf, validationOf, type LineId, type SearchState } from '../search/state.ts';
import { encodeCheckpoint, fileCheckpoints, withoutVelocities, writeState } from '../training/checkpoint.ts';
import { canonicalJson } from '../util/json.ts';
import { version } from '../util/version.ts';
import type { Config } from './config.ts';

export interface Folder {
  readonly root: string;
  readonly config: string;
  readonly journal: string;
  readonly checkpoints: string;
  readonly lock: string;
  readonly best: string;
  readonly bestNetwork: string;
}

export const folderOf = (root: string): Folder => ({
  root,
  config: join(root, 'config.json'),
  journal: join(root, 'journal.jsonl'),
  checkpoints: join(root, 'checkpoints'),
  lock: join(root, 'lock'),
  best: join(root, 'best.safetensors'),
  bestNetwork: join(root, 'best.json'),
});

/** The best network so far, where it is to be written: the final one as soon as its schedule has ended. */
export function bestLine(search: SearchState): LineId | null {
  const finalEnd = search.slices.final.at(-1);
  const finalTask = `final/${search.slices.final.length - 1}`;
  if (finalEnd !== undefined && finalEnd.to >= 1 && (search.tasks.get(finalTask) ?? 0) >= finalEnd.count) return 'final';
  // A reopened search has a better one on disk, trained to the end, until it ends anew.
  if (search.readings > 0) return null;
  if (search.stop !== null) return search.stop.line;
  const vanilla = search.lines.get('vanilla');
  if (vanilla === undefined || vanilla.checkpoint === null) return null;
  const open = search.steps.find((step) => step.winner === null);
  const survivors = open?.rungs.at(-1)?.survivors ?? [];
  return rank(search, [currentParent(search), ...survivors.filter((id) => lineOf(search, id).end === null)])[0] ?? null;
}

/**
 * Hashes of the checkpoints that a resume or a later decision may read. `origin`: the checkpoint of the trained network that
 * the search starts from, where it does, which its first event names only once it is there.
 */
export function neededCheckpoints(search: SearchState, origin: string | null = null): ReadonlySet<string> {
  const needed = new Set<string>();
  const vanilla = search.lines.get('vanilla');
  const start = vanilla === undefined ? origin : vanilla.origin;
  if (start !== null && (vanilla?.checkpoint ?? null) === null) needed.add(start);
  const keep = (id: LineId): void => {
    const hash = search.lines.get(id)?.checkpoint;
    if (hash !== undefined && hash !== null) needed.add(hash);
  };
  keep('vanilla');
  keep('final');
  keep('baseline');
  keep(search.stop?.line ?? currentParent(search));
  const best = bestLine(search);
  if (best !== null) keep(best);
  const open = search.steps.find((step) => step.winner === null);
  for (const id of search.stop === null ? (open?.children ?? []) : []) if (lineOf(search, id).end === null) keep(id);
  return needed;
}

/** Removes what no decision can read any more; leftovers of writers that died, too. */
export function collectCheckpoints(folder: Folder, search: SearchState, origin: string | null = null): void {
  const needed = neededCheckpoints(search, origin);
  let names: string[];
  try {
    names = readdirSync(folder.checkpoints);
  } catch {
    return;
  }
  for (const name of names)
    if (!needed.has(name.replace(/\.safetensors$/, ''))) rmSync(join(folder.checkpoints, name), { force: true });
}

/** Writes best.safetensors and best.json: the network, its numbers and all that is needed to use them. */
export async function writeBest(folder: Folder, config: Config, search: SearchState, id: LineId): Promise<void> {
  const line = lineOf(search, id);
  if (line.checkpoint === null) return;
  const { network, tensors } = await fileCheckpoints(folder.checkpoints).read(line.checkpoint);
  const { classes, shape, mean, std, name } = config.data;
  const test = search.tests.get(id)?.measured.accuracy;
  const validation = id === 'final' ? undefined : validationOf(search, id)?.accuracy;
  const about = {
    instar: version,
    dataset: name,
    classes,
    shape,
    mean: config.settings.augmentation.normalise ? mean : mean.map(() => 0),
    std: config.settings.augmentation.normalise ? std : std.map(() => 1),
    line: id,
    parameters: line.parameters,
    seed: config.settings.seed,
    ...(validation === undefined ? {} : { validationAccuracy: validation }),
    ...(test === undefined ? {} : { testAccuracy: test }),
  };
  await writeState(
    folder.best,
    encodeCheckpoint({ network, tensors: withoutVelocities(tensors) }, { about: canonicalJson(about) }),
  );
  await writeState(folder.bestNetwork, `${JSON.stringify({ about, network }, null, 2)}\n`);
}
