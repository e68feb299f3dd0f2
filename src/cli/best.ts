/** What the command line says of the best network: its engine, its images. */
import type { EngineName } from '../engine/engine.ts';
import type { Shape } from '../network/network.ts';
import type { Given } from './given.ts';
import { parseChoice } from './values.ts';

/** Of `--engine`; null where it is not given: the run's. */
export function engineGiven(given: Given): EngineName | null {
  const text = given['engine'] as string | undefined;
  if (text === undefined) return null;
  const name = parseChoice('--engine', text, ['auto', 'onednn', 'reference'] as const);
  return name === 'auto' ? 'onednn' : name;
}

export const formatSize = ({ channels, height, width }: Shape): string => `${channels}×${height}×${width}`;
