/** Studies without training: real networks, grown by drawn edits, with accuracies that a test gives. */
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { paperOperators, paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import type { Network } from '../../src/network/network.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { presets, type Settings } from '../../src/search/settings.ts';
import { methodNames, type MethodName } from '../../src/search/methods/table.ts';
import type { Arm, Outcome, StudyResult } from '../../src/study/result.ts';
import { random } from '../../src/util/random.ts';

export const vanilla = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 3, [4, 6, 8]);

const limits = { maxChannels: 64, admits: (network: Network): boolean => network.nodes.length <= 130 };

/** The vanilla network after so many mutations. */
export const grown = (name: string, repetition: number, mutations = 12): Network =>
  sampleEdits(
    vanilla,
    { operators: name === 'shrsep' ? paperOperatorsWithSeparable : paperOperators, mutations, limits },
    random('made up', name, repetition),
  ).network;

/** `augmentation`: those of the paper where nothing is said. */
export interface MadeUpArm {
  readonly name: string;
  /** That of the name where nothing is said, if there is one. */
  readonly method?: MethodName;
  /** Test accuracies in percent, one a repetition; null where the test set was not read. */
  readonly test: readonly (number | null)[];
  readonly epochs?: number;
  readonly augmentation?: Partial<Settings['augmentation']>;
  /** Of the vanilla network, an epoch each; [clean, augmented] shares. */
  readonly vanilla?: (repetition: number) => Outcome['vanilla'];
  readonly mutations?: number;
}

export function madeUpArm({ name, test, epochs = 95, augmentation = {}, mutations, ...rest }: MadeUpArm): Arm {
  const method = rest.method ?? methodNames.find((each) => each === name) ?? null;
  return {
    name,
    method,
    baseline: method === 'random' || method === 'vanilla',
    augmentation: { ...presets.paper.augmentation, ...augmentation },
    outcomes: test.map((accuracy, index): Outcome => {
      const repetition = index + 1;
      const network = name === 'vanilla' ? vanilla : grown(name, repetition, mutations);
      return {
        repetition,
        run: `runs/${name}-${repetition}`,
        network,
        test: accuracy === null ? null : accuracy / 100,
        validation: (accuracy ?? 50) / 100,
        parameters: countParameters(network),
        multiplyAdds: countMultiplyAdds(network),
        epochs,
        seconds: 3600 + 60 * index,
        vanilla: rest.vanilla?.(repetition) ?? [],
      };
    }),
  };
}

export const madeUp = (arms: readonly MadeUpArm[], kind: StudyResult['kind'] = 'growth', repetitions = 8): StudyResult => ({
  title: 'A study',
  kind,
  scale: '12,000 images of CIFAR-10, widths 16-32-64, 3 steps of 64 epochs.',
  repetitions,
  arms: arms.map(madeUpArm),
});

/** Values around a mean, the same each time. */
export const around = (mean: number, spread: number, count = 8, name = 'around'): readonly number[] =>
  Array.from({ length: count }, (_none, index) => {
    const value = mean + spread * random(name, mean, spread, index).normal();
    return Math.round(100 * value) / 100;
  });
