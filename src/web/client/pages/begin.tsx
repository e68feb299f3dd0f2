/** A search is begun: what it is asked, what that buys on this machine, and the command line that does the same. */
import '../begin/begin.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { PlanReport } from '../../../run/planning/plan.ts';
import { quoted } from '../../../util/quoted.ts';
import type { Choices } from '../../api.ts';
import { optionsOf } from '../../options.ts';
import { beginSearch, choices as askChoices, listRuns, planSearch } from '../api.ts';
import { formOf, usualFields, type Fields } from '../begin/fields.ts';
import { SearchFields } from '../begin/form.tsx';
import { PlanTable } from '../begin/plan.tsx';
import { CopyButton } from '../parts.tsx';
import { go } from '../route.ts';

/** What is asked of the server before there is a form. */
interface Ground {
  readonly choices: Choices;
  readonly folder: string;
  readonly mayChange: boolean;
}

type Planned =
  | { readonly kind: 'none' }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'refused'; readonly message: string }
  /** `of`: the form that it is the plan of. */
  | { readonly kind: 'plan'; readonly plan: PlanReport; readonly of: string };

function commandOf(fields: Fields, { choices, folder }: Ground): string {
  const data = choices.data.find(({ id }) => id === fields.data)?.options ?? [];
  const name = fields.name.trim();
  const run = name === '' ? [] : [`--run=${folder}/${name}`];
  return ['instar', 'search', ...optionsOf(formOf(fields), data), ...run].map(quoted).join(' ');
}

/** Milliseconds between two looks at a search that is starting, and how often. */
const look = 400;
const mostLooks = 75;

/** Waits until the search has read its data and begun; an error says why it did not. */
async function begun(id: string): Promise<void> {
  for (let at = 0; at < mostLooks; at++) {
    await new Promise((resolve) => setTimeout(resolve, look));
    const row = (await listRuns()).runs.find((run) => run.id === id);
    if (row?.state === 'not begun') throw new Error(`${id} did not begin: ${row.problem ?? ''}`);
    if (row !== undefined && row.state !== 'starting') return;
  }
}

function Form({ ground }: { readonly ground: Ground }) {
  const { choices, mayChange } = ground;
  const fields = useSignal<Fields>({ ...usualFields, data: choices.data[0]?.id ?? '' });
  const planned = useSignal<Planned>({ kind: 'none' });
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  // A page that is left gives its plan up: another one would be timed beside it.
  const left = useRef(new AbortController());
  useEffect(() => () => left.current.abort(), []);
  const change = (next: Partial<Fields>): void => {
    fields.value = { ...fields.peek(), ...next };
  };
  const plan = async (): Promise<void> => {
    if (form.current?.reportValidity() !== true) return;
    const asked = formOf(fields.peek());
    planned.value = { kind: 'measuring' };
    try {
      planned.value = { kind: 'plan', plan: await planSearch(asked, left.current.signal), of: JSON.stringify(asked) };
    } catch (error) {
      planned.value = { kind: 'refused', message: (error as Error).message };
    }
  };
  const begin = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    problem.value = null;
    try {
      const { id } = await beginSearch(formOf(fields.peek()));
      await begun(id);
      go({ page: 'run', run: id });
    } catch (error) {
      problem.value = (error as Error).message;
      busy.value = false;
    }
  };
  const { value: shown } = planned;
  const command = commandOf(fields.value, ground);
  return (
    <form ref={form} class="begin" onSubmit={(event) => void begin(event)}>
      {mayChange ? null : (
        <p class="condition open" id="why-not">
          This page was opened without the token and can only look: a search cannot be begun from it. Open the address that{' '}
          <code>instar ui</code> printed, or use the command line below.
        </p>
      )}
      <SearchFields fields={fields.value} choices={choices} change={change} />
      <section aria-labelledby="plan-title">
        <h2 id="plan-title">What will it buy here?</h2>
        <p class="quiet">
          Times the operators and the training on this machine, and foretells phases, steps and epochs. It takes about half a
          minute and writes no run.
        </p>
        <button type="button" disabled={!mayChange || shown.kind === 'measuring'} onClick={() => void plan()}>
          {shown.kind === 'plan' ? 'Foretell again' : 'Foretell'}
        </button>
        <div role="status">
          {shown.kind === 'measuring' ? <p>This machine is being timed …</p> : null}
          {shown.kind === 'refused' ? <p class="bad">{shown.message}</p> : null}
          {shown.kind === 'plan' && shown.of !== JSON.stringify(formOf(fields.value)) ? (
            <p class="bad">The form has changed since: this is what was foretold of it before.</p>
          ) : null}
          {shown.kind === 'plan' ? <PlanTable plan={shown.plan} /> : null}
        </div>
      </section>
      <section aria-labelledby="begin-title">
        <h2 id="begin-title">Begin</h2>
        <p>The command line that does the same:</p>
        <pre>
          <code>{command}</code>
        </pre>
        {problem.value === null ? null : (
          <p class="bad" role="alert">
            {problem.value}
          </p>
        )}
        <p class="buttons">
          <button
            type="submit"
            class="primary"
            disabled={!mayChange || busy.value}
            {...(mayChange ? {} : { 'aria-describedby': 'why-not' })}
          >
            {busy.value ? 'The search begins …' : 'Begin the search'}
          </button>
          <CopyButton text={command} label="Copy the command line" />
        </p>
      </section>
    </form>
  );
}

function NoData() {
  return (
    <>
      <p>No data set was found on this machine.</p>
      <p>
        Put a folder of images (a sub-folder a class) into a folder and start the dashboard with it:{' '}
        <code>instar ui --data FOLDER</code>; or begin a search in a terminal, <code>instar search ./photos</code>, and its data
        can be chosen here afterwards.
      </p>
    </>
  );
}

export function BeginPage() {
  const ground = useSignal<Ground | null>(null);
  const problem = useSignal<string | null>(null);
  useEffect(() => {
    const ask = async (): Promise<void> => {
      const [choices, { folder, mayChange }] = await Promise.all([askChoices(), listRuns()]);
      ground.value = { choices, folder, mayChange };
    };
    ask().catch((error: Error) => (problem.value = error.message));
  }, []);
  const known = ground.value;
  return (
    <main id="main">
      <h1>New search</h1>
      {problem.value === null ? null : (
        <p class="bad" role="alert">
          {problem.value}
        </p>
      )}
      {known === null ? (
        problem.value === null ? (
          <p class="quiet">Data sets are looked for …</p>
        ) : null
      ) : known.choices.data.length === 0 ? (
        <NoData />
      ) : (
        <Form ground={known} />
      )}
    </main>
  );
}
