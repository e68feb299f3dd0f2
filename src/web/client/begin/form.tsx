/** The fields of a search: its data and name, and a field for each option of the table, by group; advanced ones in a fold. */
import type { Option } from '../../../options/option.ts';
import { fieldOf, isGiven, pageOptions, sentence, type Field } from '../../../options/form.ts';
import { checkValue } from '../../../options/setting-values.ts';
import { planOptions } from '../../../options/table.ts';
import { methodNames } from '../../../search/methods/table.ts';
import { presetFor, presetNames, type PresetName } from '../../../search/settings.ts';
import { runName, type Choices, type SearchForm } from '../../api.ts';

/** Texts and switches as they are in the fields, by keys of options, and `data` and `name`. Empty: the default. */
type Value = string | boolean;
export type Fields = Readonly<Record<string, Value>>;

export const formOf = (fields: Fields): SearchForm => {
  const texts = Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? value.trim() : value] as const);
  return Object.fromEntries(texts.filter(([, value]) => value !== '' && value !== false)) as SearchForm;
};

const options = pageOptions(planOptions);
const isAdvanced = ({ advanced }: Option): boolean => advanced === true;
const groupsOf = (advanced: boolean): readonly string[] => [
  ...new Set(options.flatMap(([, option]) => (isAdvanced(option) === advanced ? [option.group ?? ''] : []))),
];

const checkName = (text: string): string | null => {
  const checked = checkValue(runName, text);
  return text !== '' && 'wrong' in checked ? checked.wrong : null;
};

/** What the form has beside the options. */
const dataField = ({ data }: Choices): Field => ({
  id: 'data',
  label: 'Data',
  kind: 'select',
  help: 'Data sets that were found on this machine, in the folder of --data, and in earlier runs.',
  usual: '',
  choices: data.map(({ id, name, where }) => [id, `${name} (${where})`]),
  problem: () => null,
});

const nameField: Field = {
  id: 'name',
  label: 'Name',
  kind: 'text',
  help: 'Name of the run and of its folder.',
  usual: 'data, method and time',
  choices: [],
  problem: checkName,
};

/** What a text can be, and what that is. */
export type Suggestions = readonly (readonly [text: string, words: string])[];

interface FieldProps {
  readonly field: Field;
  readonly value: Value;
  readonly suggestions?: Suggestions | undefined;
  onValue(value: Value): void;
}

/** `wrong`: there is a line about its text. */
const described = ({ id }: Field, wrong = false) => ({
  id,
  name: id,
  'aria-describedby': wrong ? `${id}-help ${id}-wrong` : `${id}-help`,
});

/** The browser says what is wrong with the text, in the words of the table; a line below the field stays as long as it is wrong. */
function TextInput({ field, value, suggestions, mode, onValue }: FieldProps & { readonly mode: 'text' | 'numeric' | 'decimal' }) {
  const list = `${field.id}-list`;
  const wrong = field.problem(String(value).trim());
  return (
    <>
      <input
        {...described(field, wrong !== null)}
        type="text"
        inputMode={mode}
        value={String(value)}
        placeholder={field.usual}
        autocomplete="off"
        spellcheck={false}
        {...(suggestions === undefined ? {} : { list })}
        onInput={({ currentTarget: input }) => {
          const problem = field.problem(input.value.trim());
          input.setCustomValidity(problem === null ? '' : `${field.label}: ${problem}.`);
          onValue(input.value);
        }}
      />
      {wrong === null ? null : (
        <p id={`${field.id}-wrong`} class="wrong bad">
          {sentence(wrong)}
        </p>
      )}
      {suggestions === undefined ? null : (
        <datalist id={list}>
          {suggestions.map(([text, words]) => (
            <option key={text} value={text}>
              {words}
            </option>
          ))}
        </datalist>
      )}
    </>
  );
}

/** A label, the field, and a line of help that belongs to it. */
function FieldOf({ field, value, suggestions, onValue }: FieldProps) {
  const { id, kind, label, help } = field;
  return (
    <div class="field">
      {kind === 'checkbox' ? (
        <label class="check">
          <input {...described(field)} type="checkbox" checked={value === true} onChange={() => onValue(value !== true)} />{' '}
          {label}
        </label>
      ) : (
        <label for={id}>{label}</label>
      )}
      {kind === 'checkbox' ? null : kind === 'select' ? (
        <select {...described(field)} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)}>
          {field.choices.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      ) : (
        <TextInput field={field} value={value} suggestions={suggestions} onValue={onValue} mode={kind} />
      )}
      <p id={`${id}-help`} class="note">
        {help}
      </p>
    </div>
  );
}

interface Props {
  readonly fields: Fields;
  readonly choices: Choices;
  /** Of texts, by keys of options. */
  readonly suggestions: Readonly<Record<string, Suggestions>>;
  change(next: Fields): void;
}

/** The presets whose values the settings have that are not given: of all, and of the method, on which that of the others depends. */
function presetsOf(fields: Fields): { readonly usual: PresetName; readonly own: PresetName; readonly ofMethod: PresetName } {
  const hasNetwork = isGiven(fields, 'from');
  const method = methodNames.find((name) => name === fields['method']);
  const given = presetNames.find((name) => name === fields['preset']);
  const usual = presetFor(method === undefined ? {} : { method }, hasNetwork);
  return { usual, own: given ?? usual, ofMethod: given ?? presetFor({}, hasNetwork) };
}

export const DataField = ({ fields, choices, change }: Omit<Props, 'suggestions'>) => (
  <FieldOf field={dataField(choices)} value={fields['data'] ?? ''} onValue={(data) => change({ data })} />
);

export function SearchFields({ fields, choices, suggestions, change }: Props) {
  const presets = presetsOf(fields);
  const usuals: Readonly<Record<string, string>> = { workers: String(choices.workers), preset: presets.usual };
  const draw = (key: string, field: Field) => (
    <FieldOf
      key={key}
      field={field}
      value={fields[key] ?? ''}
      suggestions={suggestions[key]}
      onValue={(value) => change({ [key]: value })}
    />
  );
  const groups = (advanced: boolean) =>
    groupsOf(advanced).map((name, index) => (
      <fieldset key={name}>
        <legend>{name}</legend>
        {advanced || index > 0 ? null : draw(nameField.id, nameField)}
        {options
          .filter(([, option]) => option.group === name && isAdvanced(option) === advanced)
          .map(([key, option]) => {
            const usual = usuals[key];
            const shown = usual === undefined ? option : { ...option, usual };
            return draw(key, fieldOf(key, shown, key === 'method' ? presets.ofMethod : presets.own, fields));
          })}
      </fieldset>
    ));
  return (
    <>
      <div class="groups">{groups(false)}</div>
      {/* A field that is wrong must be visible for the browser to say so. */}
      <details onInvalidCapture={({ currentTarget }) => (currentTarget.open = true)}>
        <summary>
          <strong>More options</strong>
        </summary>
        <div class="groups">{groups(true)}</div>
      </details>
    </>
  );
}
