/** The table of methods: to add one, add its file and its line here. Command line, dashboard, reports and studies read it. */
import { asha } from './asha.ts';
import { grow } from './grow.ts';
import type { Method } from './method.ts';
import { nash } from './nash.ts';
import { random } from './random.ts';
import { sh } from './sh.ts';
import { shr } from './shr.ts';
import { shrink } from './shrink.ts';
import { shrsep } from './shrsep.ts';
import { tune } from './tune.ts';
import { vanilla } from './vanilla.ts';

const table = { grow, tune, shrink, nash, sh, shr, shrsep, asha, random, vanilla };

export type MethodName = keyof typeof table;

export const methods: { readonly [Name in MethodName]: Method } = table;

export const methodNames = Object.keys(table) as readonly MethodName[] as readonly [MethodName, ...MethodName[]];
