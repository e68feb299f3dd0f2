/** The kinds of fields of the form: a label, the field, and a line of help that belongs to it. */
import type { ComponentChildren } from 'preact';

interface Common {
  /** Of the field; its help is `ID-help`. */
  readonly id: string;
  readonly label: string;
  readonly help: ComponentChildren;
}

const Framed = ({ id, label, help, children }: Common & { readonly children: ComponentChildren }) => (
  <div class="field">
    <label for={id}>{label}</label>
    {children}
    <p id={`${id}-help`} class="note">
      {help}
    </p>
  </div>
);

export interface Rule {
  readonly pattern?: string;
  /** What is said where the pattern does not match. */
  readonly wanted: string;
  readonly type?: 'text' | 'number';
  readonly min?: number;
  readonly max?: number;
  readonly required?: boolean;
}

/** A field whose message, where it is wrong, says what is wanted in words. */
export function TextField({
  id,
  label,
  help,
  value,
  placeholder = '',
  rule: { wanted, pattern, type = 'text', min, max, required = false },
  onText,
}: Common & { readonly value: string; readonly placeholder?: string; readonly rule: Rule; onText(text: string): void }) {
  const check = (field: HTMLInputElement): void => {
    field.setCustomValidity('');
    if (!field.validity.valid) field.setCustomValidity(`${label}: ${wanted}.`);
  };
  const attributes = {
    id,
    name: id,
    value,
    placeholder,
    required,
    autocomplete: 'off',
    spellcheck: false,
    'aria-describedby': `${id}-help`,
    onInvalid: (event: { readonly currentTarget: HTMLInputElement }) => check(event.currentTarget),
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => {
      check(event.currentTarget);
      onText(event.currentTarget.value);
    },
    ...(pattern === undefined ? {} : { pattern }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
  return (
    <Framed id={id} label={label} help={help}>
      {type === 'number' ? <input type="number" step={1} {...attributes} /> : <input type="text" {...attributes} />}
    </Framed>
  );
}

export function ChoiceField<Name extends string>({
  id,
  label,
  help,
  value,
  choices,
  onChoice,
}: Common & {
  readonly value: Name;
  readonly choices: readonly (readonly [name: Name, words: string])[];
  onChoice(name: Name): void;
}) {
  return (
    <Framed id={id} label={label} help={help}>
      <select
        id={id}
        name={id}
        value={value}
        required
        aria-describedby={`${id}-help`}
        onChange={(event) => {
          const chosen = choices.find(([name]) => name === event.currentTarget.value);
          if (chosen !== undefined) onChoice(chosen[0]);
        }}
      >
        {choices.map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
    </Framed>
  );
}
