/**
 * `trivial`: one operation for each image, each equally likely, at one of 31 equally likely levels of strength, in either
 * direction (TrivialAugment, Müller & Hutter 2021). Draws three integers: operation, level, direction.
 */
import type { Augmentation } from './augmentation.ts';
import { makeOperations, operationNames, type Operation } from './operations.ts';

const highest = 30;

export const policy = {
  stage: 'pixels',
  create({ policy: name }, { shape }) {
    if (name === 'none') return undefined;
    const table = makeOperations(shape);
    const operations = operationNames.map((each) => table[each]);
    return (image, random) => {
      const operation = operations[random.integer(operations.length)] as Operation;
      const strength = random.integer(highest + 1) / highest;
      operation(image, random.integer(2) === 0 ? strength : -strength);
    };
  },
} as const satisfies Augmentation;
