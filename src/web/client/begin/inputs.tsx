/** The fields of the form: a label, the field, and a line of help that belongs to it. */
import type { Field } from '../../../options/form.ts';

type Mode = 'text' | 'numeric' | 'decimal';
type Value = string | boolean;

interface Props {
  readonly field: Field;
  readonly value: Value;
  onValue(value: Value): void;
}

const described = ({ id }: Field) => ({ id, name: id, 'aria-describedby': `${id}-help` });

/** The browser says what is wrong with the text, in the words of the table. */
function TextInput({ field, value, mode, onValue }: Props & { readonly mode: Mode }) {
  return (
    <input
      {...described(field)}
      type="text"
      inputMode={mode}
      value={String(value)}
      placeholder={field.usual}
      autocomplete="off"
      spellcheck={false}
      onInput={({ currentTarget: input }) => {
        const problem = field.problem(input.value.trim());
        input.setCustomValidity(problem === null ? '' : `${field.label}: ${problem}.`);
        onValue(input.value);
      }}
    />
  );
}

const Select = ({ field, value, onValue }: Props) => (
  <select {...described(field)} value={String(value)} onChange={(event) => onValue(event.currentTarget.value)}>
    {field.choices.map(([name, words]) => (
      <option key={name} value={name}>
        {words}
      </option>
    ))}
  </select>
);

const Checkbox = ({ field, value, onValue }: Props) => (
  <label class="check">
    <input
      {...described(field)}
      type="checkbox"
      checked={value === true}
      onChange={(event) => onValue(event.currentTarget.checked)}
    />{' '}
    {field.label}
  </label>
);

export function FieldOf(props: Props) {
  const { id, kind, label, help } = props.field;
  return (
    <div class="field">
      {kind === 'checkbox' ? (
        <Checkbox {...props} />
      ) : (
        <>
          <label for={id}>{label}</label>
          {kind === 'select' ? <Select {...props} /> : <TextInput {...props} mode={kind} />}
        </>
      )}
      <p id={`${id}-help`} class="note">
        {help}
      </p>
    </div>
  );
}
