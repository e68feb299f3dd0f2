/**
 * Limits and time of a search from a given network: defaults that leave it room to grow, what stands in the way before an image is
 * decoded, and a budget that cannot suffice before anything is measured. Pure.
 */
import type { EngineName } from '../../engine/engine.ts';
import { memoryUse } from '../../engine/open.ts';
import { countMultiplyAdds, countParameters } from '../../network/cost.ts';
import { freeze, type Network, type Shape } from '../../network/network.ts';
import { predictMemory } from '../../program/memory.ts';
import { learningOf, mergeSettings, type Settings, type SettingsOverride } from '../../search/settings.ts';
import { methods } from '../../search/methods/table.ts';
import { costOfTraining } from '../../search/work.ts';
import { headPasses } from '../../training/job.ts';
import { formatDuration } from '../../util/duration.ts';
import { UserError } from '../../util/user-error.ts';
import { formatWhole } from '../../util/words.ts';
import { leastNeeds, noNeeds, refuseOver, sizeProblems } from './check.ts';
import { headOf } from '../../network/head.ts';
import { sizedFor, withRows, type Given } from './origin.ts';

/** A given network may grow to this many times its size, where no limit is given and the preset's is lower. */
const room = 2;

export function withGivenLimits(settings: Settings, given: SettingsOverride | undefined, network: Network): Settings {
  if (methods[settings.method].shrinks) return settings;
  const { parameters, multiplyAdds } = settings.limits;
  const roomier = (limit: number, asked: number | null | undefined, size: number): number =>
    asked === undefined ? Math.max(limit, room * size) : limit;
  return mergeSettings(settings, {
    limits: {
      parameters: roomier(parameters, given?.limits?.parameters, countParameters(network)),
      multiplyAdds: multiplyAdds === null ? null : roomier(multiplyAdds, given?.limits?.multiplyAdds, countMultiplyAdds(network)),
    },
  });
}

/** The network with the smallest head: that of the data has two classes or more. */
function smallest(network: Network): Network {
  const head = headOf(network);
  if (head === null) return network;
  const nodes = network.nodes.map((node) => (node.id === head.id ? { ...node, layer: withRows(head.layer, 2) } : node));
  return freeze(nodes, network.nextId);
}

/**
 * The network for images of `side` pixels; null: of its own size, or a usual one. A UserError where it takes none of them. `name`: of the data.
 */
export function seenAt(given: Given, side: number | null, name: string): Network {
  const { channels, size } = given;
  const shape: Shape = {
    channels: channels ?? 3,
    ...(size ?? (side === null ? { height: 64, width: 64 } : { height: side, width: side })),
  };
  const plain = { mean: Array.from({ length: shape.channels }, () => 0), std: Array.from({ length: shape.channels }, () => 1) };
  const { network } = given.read(shape, plain);
  return side === null ? network : sizedFor(given, network, name, { ...shape, height: side, width: side });
}

/**
 * A UserError that names all limits over which the network is for certain, whatever classes and images there are: its parameters,
 * and for images of `side` pixels its multiply-adds and memory. `name`: of the data. `side`: null where it is not known before the data is.
 */
export function refuseGiven(
  given: Given,
  name: string,
  side: number | null,
  settings: Settings,
  override: SettingsOverride | undefined,
  engine: EngineName,
): void {
  const seen = seenAt(given, side, name);
  const least = smallest(seen);
  const limited = withGivenLimits(settings, override, seen);
  const { limits } = limited;
  const known =
    side === null ? { ...limits, multiplyAdds: null, activations: null, latency: null } : { ...limits, latency: null };
  // Of a batch that follows from the number of images, the smallest.
  const bounds = { batch: override?.batch ?? 1, limits };
  const learning = learningOf(limited);
  const workerOf = (passes: number): number =>
    predictMemory(least, { training: bounds.batch / passes, passes, measuring: 1 }, 0, memoryUse[engine], learning);
  const needs = side === null ? noNeeds : leastNeeds(least, bounds, workerOf);
  // One that shrinks is to be over its limits.
  const sizes = methods[settings.method].shrinks ? [] : sizeProblems(known, least);
  refuseOver(given.where, sizes, needs, bounds);
}

/** Multiply-adds of training a second on one core: as usual, and more than any core does. */
const speeds = { native: { usual: 2.5e10, most: 1e11 }, reference: { usual: 1e8, most: 1e9 } } as const;

/**
 * What a budget needs at least, by the table of costs alone: one epoch of the given network, or the features that its head alone is trained
 * on. A UserError where no machine is fast enough, a line for the user where this one hardly is; null where nothing is to be said.
 * `cores`: in all.
 */
export function budgetProblem(
  budget: number,
  network: Network,
  name: string,
  height: number,
  images: number,
  cores: number,
  engine: EngineName,
  isHead = false,
): string | null {
  const { usual, most } = speeds[engine === 'reference' ? 'reference' : 'native'];
  // Features are computed forward, a third of training.
  const work = costOfTraining(countMultiplyAdds(network), isHead ? (headPasses / 3) * images : images);
  const [needed, least] = [work / usual / cores, work / most / cores];
  if (needed <= budget) return null;
  const share = budget / needed;
  const fewer = Math.max(1, Math.floor(images * share));
  const smaller = Math.max(1, Math.floor(height * Math.sqrt(share)));
  const words =
    `training ${isHead ? 'the head of ' : ''}${name} on ${formatWhole(images)} images${isHead ? '' : ' once'} takes about ${formatDuration(needed)}; ` +
    `lower --images (to about ${formatWhole(fewer)}) or --image-size (to about ${smaller}), or use at least --budget ${Math.ceil(needed)}s`;
  if (least > budget) throw new UserError(`--budget ${Math.round(budget)}s is too short: ${words}`);
  return `--budget ${Math.round(budget)}s may be too short: ${words}`;
}
