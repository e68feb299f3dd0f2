/** What the command line says of the best network: its engine, its images. */
import type { EngineName } from '../engine/engine.ts';
import { engineNames } from '../engine/open.ts';
import type { Shape } from '../network/network.ts';
import type { Given } from './given.ts';
import { parseChoice } from './values.ts';

/** Of `--engine`; null where it is not given. */
export function engineGiven(given: Given): EngineName | 'auto' | null {
  const text = given['engine'] as string | undefined;
  return text === undefined ? null : parseChoice('--engine', text, engineNames);
}

export const formatSize = ({ channels, height, width }: Shape): string => `${channels}×${height}×${width}`;
