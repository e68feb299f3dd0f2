/**
 * Tune: fine-tuning of a given network. Its head is trained first, on features that the rest computes once; then all layers, with rates
 * that fall towards the first. Where steps are asked for, it grows between the two as `grow` does.
 */
import { grow } from './grow.ts';
import type { Method } from './method.ts';

export const tune: Method = {
  ...grow,
  label: 'Tune',
  summary: 'fine-tunes a given network (--from): its head first, then all layers',
  tunes: true,
};
