/** The page that starts a search: its options, the forecast for this machine, and the command line that does the same. */
import '../begin/begin.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { PlanReport } from '../../../run/planning/plan.ts';
import { wordsOf } from '../../../options/form.ts';
import { planOptions } from '../../../options/table.ts';
import { quoted } from '../../../util/quoted.ts';
import type { Choices } from '../../api.ts';
import { beginSearch, choices as askChoices, listRuns, planSearch } from '../api.ts';
import { formOf, SearchFields, type Fields } from '../begin/form.tsx';
import { PlanTable } from '../begin/plan.tsx';
import { CopyButton } from '../parts.tsx';
import { go } from '../route.ts';

/** What the server says before there is a form. */
interface Known {
  readonly choices: Choices;
  readonly folder: string;
  readonly mayChange: boolean;
}

type Planned =
  | { readonly kind: 'none' }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'refused'; readonly message: string }
  /** `of`: the form of the plan. */
  | { readonly kind: 'plan'; readonly plan: PlanReport; readonly of: string };

function commandOf(fields: Fields, { choices, folder }: Known): string {
  const form = formOf(fields);
  const data = choices.data.find(({ id }) => id === form.data)?.options ?? [];
  const run = form.name === undefined ? [] : [`--run=${folder}/${form.name}`];
  return ['instar', 'search', ...data, ...wordsOf(planOptions, form), ...run].map(quoted).join(' ');
}

/** Milliseconds between two requests for the state of a search that is starting, and how many there are at most. */
const interval = 400;
const mostRequests = 75;

/** Waits until the search has read its data and started; an error says why it did not. */
async function started(id: string): Promise<void> {
  for (let at = 0; at < mostRequests; at++) {
    await new Promise((resolve) => setTimeout(resolve, interval));
    const row = (await listRuns()).runs.find((run) => run.id === id);
    if (row?.state === 'not begun') throw new Error(`${id} did not start: ${row.problem ?? ''}`);
    if (row !== undefined && row.state !== 'starting') return;
  }
}

function Form({ known }: { readonly known: Known }) {
  const { choices, mayChange } = known;
  const fields = useSignal<Fields>({ data: choices.data[0]?.id ?? '' });
  const planned = useSignal<Planned>({ kind: 'none' });
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  // Leaving the page ends its measurement, which would slow down another one.
  const left = useRef(new AbortController());
  useEffect(() => () => left.current.abort(), []);
  const change = (next: Fields): void => {
    fields.value = { ...fields.peek(), ...next };
  };
  const plan = async (): Promise<void> => {
    if (form.current?.reportValidity() !== true) return;
    const search = formOf(fields.peek());
    planned.value = { kind: 'measuring' };
    try {
      planned.value = { kind: 'plan', plan: await planSearch(search, left.current.signal), of: JSON.stringify(search) };
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
      await started(id);
      go({ page: 'run', run: id });
    } catch (error) {
      problem.value = (error as Error).message;
      busy.value = false;
    }
  };
  const { value: shown } = planned;
  const command = commandOf(fields.value, known);
  return (
    <form ref={form} class="begin" onSubmit={(event) => void begin(event)}>
      {mayChange ? null : (
        <p class="condition open" id="why-not">
          This page was opened without the token and is read-only. To start a search, open the address that <code>instar ui</code>{' '}
          printed, or use the command line below.
        </p>
      )}
      <SearchFields fields={fields.value} choices={choices} change={change} />
      <section aria-labelledby="plan-title">
        <h2 id="plan-title">Forecast</h2>
        <p class="quiet">
          Measures this machine for about half a minute and forecasts the phases, steps and epochs of the search. No run is
          started.
        </p>
        <button type="button" disabled={!mayChange || shown.kind === 'measuring'} onClick={() => void plan()}>
          {shown.kind === 'plan' ? 'Forecast again' : 'Forecast'}
        </button>
        <div role="status">
          {shown.kind === 'measuring' ? <p>Measuring this machine …</p> : null}
          {shown.kind === 'refused' ? <p class="bad">{shown.message}</p> : null}
          {shown.kind === 'plan' && shown.of !== JSON.stringify(formOf(fields.value)) ? (
            <p class="bad">The form has changed since this forecast.</p>
          ) : null}
          {shown.kind === 'plan' ? <PlanTable plan={shown.plan} /> : null}
        </div>
      </section>
      <section aria-labelledby="begin-title">
        <h2 id="begin-title">Start</h2>
        <p>The same search as a command line:</p>
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
            {busy.value ? 'Starting the search …' : 'Start the search'}
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
        Put a folder of images, with a sub-folder per class, into a folder and start the dashboard with it:{' '}
        <code>instar ui --data FOLDER</code>. Or start a search in a terminal, <code>instar search ./photos</code>: its data can
        then be chosen here.
      </p>
    </>
  );
}

export function BeginPage() {
  const known = useSignal<Known | null>(null);
  const problem = useSignal<string | null>(null);
  useEffect(() => {
    const ask = async (): Promise<void> => {
      const [choices, { folder, mayChange }] = await Promise.all([askChoices(), listRuns()]);
      known.value = { choices, folder, mayChange };
    };
    ask().catch((error: Error) => (problem.value = error.message));
  }, []);
  return (
    <main id="main">
      <h1>New search</h1>
      {problem.value === null ? null : (
        <p class="bad" role="alert">
          {problem.value}
        </p>
      )}
      {known.value === null ? (
        problem.value === null ? (
          <p class="quiet">Looking for data sets …</p>
        ) : null
      ) : known.value.choices.data.length === 0 ? (
        <NoData />
      ) : (
        <Form known={known.value} />
      )}
    </main>
  );
}
