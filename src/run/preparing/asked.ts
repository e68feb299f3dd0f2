/** The options of `search` and `plan`, as the run takes them. */
import { refuseStart } from '../../options/check.ts';
import { runOptionsIn, settingsIn, type Values } from '../../options/option.ts';
import { planOptions } from '../../options/table.ts';
import { presetFor } from '../../search/settings.ts';
import type { AskedOptions } from './begin.ts';

/** Of values that were read. A UserError where they do not go together. */
export function optionsFrom(
  dataset: string,
  values: Values<typeof planOptions>,
): AskedOptions & Required<Pick<AskedOptions, 'preset' | 'settings'>> {
  const settings = settingsIn(planOptions, values);
  refuseStart(values.from, settings);
  return { dataset, preset: presetFor(settings, values.from !== undefined), ...runOptionsIn(planOptions, values), settings };
}
