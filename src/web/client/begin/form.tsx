/** The fields of a search, in three groups. */
import type { Choices } from '../../api.ts';
import { engineWords, methodWords, presetHints, presetWords, type Fields } from './fields.ts';
import { ChoiceField, TextField, type Rule } from './inputs.tsx';

const entriesOf = <Name extends string>(words: { readonly [Key in Name]: string }): readonly (readonly [Name, string])[] =>
  Object.entries(words) as [Name, string][];

const amount: Rule = { pattern: '\\d{1,12}(\\.\\d{1,6})?[kKmMgG]?', wanted: 'a number such as 500k or 40M' };
const duration: Rule = {
  pattern: '(\\d{1,7}(\\.\\d{1,3})?[smhd])+|\\d{1,7}(\\.\\d{1,3})?',
  wanted: 'a time such as 90s, 30m or 1h30m',
};
const name: Rule = {
  pattern: '[\\p{L}\\p{N}][\\p{L}\\p{N} ._\\-]{0,79}',
  wanted: 'letters, digits, spaces, dots, hyphens and underscores, at most 80; it begins with a letter or digit',
};
const whole = (min: number, max: number, required = false): Rule => ({
  type: 'number',
  min,
  max,
  required,
  wanted: `a whole number from ${min} to ${max}`,
});

export function SearchFields({
  fields,
  choices,
  change,
}: {
  readonly fields: Fields;
  readonly choices: Choices;
  change(next: Partial<Fields>): void;
}) {
  const hints = presetHints(fields.preset);
  const data = choices.data.map(({ id, name: title, where }) => [id, `${title} (${where})`] as const);
  return (
    <>
      <fieldset>
        <legend>What</legend>
        <ChoiceField
          id="data"
          label="Data"
          help="Data sets that were found on this machine, in the folder of --data, and in earlier runs."
          value={fields.data}
          choices={data}
          onChoice={(next) => change({ data: next })}
        />
        <ChoiceField
          id="preset"
          label="Preset"
          help={`Every setting at once; the fields below change single ones. ${fields.preset}: ${presetWords[fields.preset]}.`}
          value={fields.preset}
          choices={entriesOf(presetWords).map(([key]) => [key, key] as const)}
          onChoice={(next) => change({ preset: next })}
        />
        <ChoiceField
          id="method"
          label="Method"
          help={`How the next network is chosen among the children of a step. ${methodWords[fields.method]}.`}
          value={fields.method}
          choices={entriesOf(methodWords).map(([key]) => [key, key] as const)}
          onChoice={(next) => change({ method: next })}
        />
        <TextField
          id="name"
          label="Name"
          help="Of the run and its folder; empty: made of data, method and time."
          value={fields.name}
          rule={name}
          onText={(next) => change({ name: next })}
        />
      </fieldset>
      <fieldset>
        <legend>How long, how large</legend>
        <TextField
          id="budget"
          label="Budget"
          help="Time for everything, the final training included, such as 30m; empty: steps and epochs end it."
          value={fields.budget}
          placeholder="none"
          rule={duration}
          onText={(next) => change({ budget: next })}
        />
        <TextField
          id="steps"
          label="Steps"
          help="How often children are made and one is chosen, at most."
          value={fields.steps}
          placeholder={hints.steps}
          rule={whole(0, 10_000)}
          onText={(next) => change({ steps: next })}
        />
        <TextField
          id="max-params"
          label="Parameters, at most"
          help="Of the grown network, such as 500k: no mutation passes it."
          value={fields.maxParams}
          placeholder={hints.maxParams}
          rule={amount}
          onText={(next) => change({ maxParams: next })}
        />
        <TextField
          id="max-macs"
          label="Multiply-adds, at most"
          help="An image, forward, such as 40M: how slow the network may become."
          value={fields.maxMacs}
          placeholder={hints.maxMacs}
          rule={amount}
          onText={(next) => change({ maxMacs: next })}
        />
      </fieldset>
      <fieldset>
        <legend>With what</legend>
        <TextField
          id="images"
          label="Training images"
          help="How many are used, such as 12k; fewer are faster and teach less."
          value={fields.images}
          placeholder={hints.images}
          rule={amount}
          onText={(next) => change({ images: next })}
        />
        <TextField
          id="image-size"
          label="Image size"
          help="Pixels a side, for folders of images; empty: what suits them."
          value={fields.imageSize}
          placeholder="as it suits"
          rule={whole(1, 1024)}
          onText={(next) => change({ imageSize: next })}
        />
        <TextField
          id="seed"
          label="Seed"
          help="Names all random numbers: the same seed gives the same search."
          value={fields.seed}
          rule={whole(0, Number.MAX_SAFE_INTEGER, true)}
          onText={(next) => change({ seed: next })}
        />
        <TextField
          id="workers"
          label="Workers"
          help={`Children trained side by side; this machine has room for ${choices.workers}.`}
          value={fields.workers}
          placeholder={String(choices.workers)}
          rule={whole(1, 1024)}
          onText={(next) => change({ workers: next })}
        />
        <ChoiceField
          id="engine"
          label="Engine"
          help={`What computes. ${engineWords[fields.engine]}.`}
          value={fields.engine}
          choices={entriesOf(engineWords).flatMap(([key]) => (choices.engines.includes(key) ? [[key, key] as const] : []))}
          onChoice={(next) => change({ engine: next })}
        />
        <div class="field">
          <label class="check">
            <input
              id="baseline"
              type="checkbox"
              checked={fields.baseline}
              aria-describedby="baseline-help"
              onChange={(event) => change({ baseline: event.currentTarget.checked })}
            />{' '}
            Baseline
          </label>
          <p id="baseline-help" class="note">
            Give the vanilla network the same epochs at the end, to compare; it takes more time.
          </p>
        </div>
      </fieldset>
    </>
  );
}
