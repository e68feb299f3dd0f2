/** The page that starts a search: its options, the forecast for this machine, and the command line that does the same. */
import '../begin/begin.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { planRows, stopWords } from '../../../run/planning/plan-rows.ts';
import type { PlanReport } from '../../../run/planning/plan.ts';
import { wordsOf } from '../../../options/form.ts';
import { planOptions } from '../../../options/table.ts';
import { formatDuration } from '../../../util/duration.ts';
import { quoted } from '../../../util/quoted.ts';
import { formatPercent, formatWhole, plural } from '../../../util/words.ts';
import { inDataFolder, type Choices, type DataChoice, type Listing } from '../../api.ts';
import { beginSearch, choices as askChoices, listRuns, planSearch } from '../api.ts';
import { CheckSection, useCheck } from '../begin/check.tsx';
import { Photos } from '../begin/photos.tsx';
import { DataField, formOf, SearchFields, type Fields, type Suggestions } from '../begin/form.tsx';
import { Alert, CopyButton, numeric, Scrolling, TableHead, useLoaded, useRequest } from '../parts.tsx';
import { go } from '../route.ts';

/** What the server says before there is a form. */
type Known = Pick<Listing, 'folder' | 'mayChange' | 'runs'> & { readonly choices: Choices };

function commandOf(fields: Fields, { choices, folder }: Known): string {
  const form = formOf(fields);
  const data = choices.data.find(({ id }) => id === form.data)?.options ?? [];
  const run = form.name === undefined ? [] : [`--run=${folder}/${form.name}`];
  return ['instar', 'search', ...data, ...wordsOf(planOptions, form), ...run].map(quoted).join(' ');
}

/** The runs of the list that have a network, to begin with. */
const startsOf = ({ folder, runs }: Known): Suggestions =>
  runs.flatMap(({ id, best, test }) => {
    if (best === null) return [];
    const accuracy = test ?? best.accuracy;
    const of = test === null ? 'validation' : 'test';
    const words = accuracy === null ? '' : `, ${formatPercent(accuracy)} of the ${of} images`;
    return [[`${folder}/${id}`, `${id}${words}`] as const];
  });

/** The forecast of `instar plan --json`. */
function PlanTable({ plan }: { readonly plan: PlanReport }) {
  const { forecast, images, measured } = plan;
  return (
    <>
      <p class="result">
        About <strong>{formatDuration(forecast.seconds)}</strong>, {plural(forecast.steps.length, 'step')}.
      </p>
      <p class="note">
        {stopWords[forecast.stop]} {formatWhole(images.train)} images train, {formatWhole(images.validation)} validate. Measured
        in {formatDuration(measured.seconds)}.
      </p>
      <Scrolling label="Phases of the search">
        <table class="plan">
          <TableHead columns={['phase', 'what', ...['multiply-adds', 'takes', 'until'].map(numeric)]} />
          <tbody>
            {planRows(plan).map(({ phase, what, size, seconds, until }) => (
              <tr key={phase}>
                <th scope="row">{phase}</th>
                <td>{what}</td>
                <td class="number">{size}</td>
                <td class="number">{formatDuration(seconds)}</td>
                <td class="number">{until === null ? '' : formatDuration(until)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
      <p class="note">
        A step such as 8×5 4×10 trains eight children for five epochs each, then the better four for ten. Each next step is
        assumed to start from a child of middle size.
      </p>
    </>
  );
}

interface Planned {
  readonly plan: PlanReport;
  /** The form of the plan, as JSON. */
  readonly of: string;
}

interface PlanSectionProps {
  readonly planned: Planned | null;
  /** The form as it is now, as JSON. */
  readonly form: string;
  readonly busy: boolean;
  readonly problem: string | null;
  readonly enabled: boolean;
  onPlan(): void;
}

function PlanSection({ planned, form, busy, problem, enabled, onPlan }: PlanSectionProps) {
  return (
    <section aria-labelledby="plan-title">
      <h2 id="plan-title">Forecast</h2>
      <p class="quiet">
        Measures this machine for about half a minute and forecasts the phases, steps and epochs of the search. No run is started.
      </p>
      <button type="button" disabled={!enabled || busy} onClick={onPlan}>
        {planned === null ? 'Forecast' : 'Forecast again'}
      </button>
      <div role="status">
        {busy ? <p>Measuring this machine …</p> : null}
        {problem === null ? null : <p class="bad">{problem}</p>}
        {planned === null || planned.of === form ? null : <p class="bad">The form has changed since this forecast.</p>}
        {planned === null ? null : <PlanTable plan={planned.plan} />}
      </div>
    </section>
  );
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

/** A dataset by its path below the data folder. */
const inFolder = (folder: string, path: string): DataChoice => ({
  id: `${inDataFolder}${path}`,
  name: path.split('/').at(-1) ?? path,
  where: `${folder}/${path}`,
  options: [`${folder}/${path}`],
});

function Form({ known: first }: { readonly known: Known }) {
  /** Chosen and sent by this page. */
  const own = useSignal<readonly DataChoice[]>([]);
  const known = { ...first, choices: { ...first.choices, data: [...own.value, ...first.choices.data] } };
  const { choices, mayChange } = known;
  const { folder } = choices;
  const fields = useSignal<Fields>({ data: choices.data[0]?.id ?? '' });
  const planned = useSignal<Planned | null>(null);
  const planning = useRequest();
  const beginning = useRequest();
  const form = useRef<HTMLFormElement>(null);
  // Leaving the page ends its measurement, which would slow down another one.
  const left = useRef(new AbortController());
  useEffect(() => () => left.current.abort(), []);
  const change = (next: Fields): void => {
    fields.value = { ...fields.peek(), ...next };
  };
  const plan = async (): Promise<void> => {
    const search = formOf(fields.peek());
    planned.value = null;
    planned.value = { plan: await planSearch(search, left.current.signal), of: JSON.stringify(search) };
  };
  const begin = async (): Promise<void> => {
    const { id } = await beginSearch(formOf(fields.peek()));
    await started(id);
    go({ page: 'run', run: id });
  };
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    beginning.send(begin);
  };
  const onPlan = (): void => {
    if (form.current?.reportValidity() === true) planning.send(plan);
  };
  const isIdle = known.runs.every(({ state }) => state !== 'running' && state !== 'starting');
  // Beside a search it would measure wrongly, and slow that down.
  const check = useCheck(() => (isIdle && !planning.isBusy() ? planning.send(plan) : undefined));
  const onCheck = (): void => {
    if (form.current?.reportValidity() === true) void check.run(formOf(fields.peek()));
  };
  const choose = (path: string): void => {
    const choice = inFolder(folder ?? '', path.replace(/\/+$/, ''));
    own.value = [choice, ...own.peek().filter(({ id }) => id !== choice.id)];
    change({ data: choice.id });
    onCheck();
  };
  const command = commandOf(fields.value, known);
  return (
    <form ref={form} class="begin" onSubmit={onSubmit}>
      {mayChange ? null : (
        <p class="condition open" id="why-not">
          This page was opened without the token and is read-only. To start a search, open the address that <code>instar ui</code>{' '}
          printed, or use the command line below.
        </p>
      )}
      <section aria-labelledby="images-title">
        <h2 id="images-title">Images</h2>
        {mayChange ? <Photos folder={folder} choose={choose} /> : null}
        <DataField fields={fields.value} choices={choices} change={change} />
        <CheckSection
          check={check}
          form={JSON.stringify(formOf(fields.value))}
          enabled={mayChange && fields.value['data'] !== ''}
          onCheck={onCheck}
        />
      </section>
      <SearchFields fields={fields.value} choices={choices} suggestions={{ from: startsOf(known) }} change={change} />
      <PlanSection
        planned={planned.value}
        form={JSON.stringify(formOf(fields.value))}
        busy={planning.busy}
        problem={planning.problem}
        enabled={mayChange}
        onPlan={onPlan}
      />
      <section aria-labelledby="begin-title">
        <h2 id="begin-title">Start</h2>
        <p>The same search as a command line:</p>
        <pre>
          <code>{command}</code>
        </pre>
        <Alert text={beginning.problem} />
        <p class="buttons">
          <button
            type="submit"
            class="primary"
            disabled={!mayChange || beginning.busy || fields.value['data'] === ''}
            {...(mayChange ? {} : { 'aria-describedby': 'why-not' })}
          >
            {beginning.busy ? 'Starting the search …' : 'Start the search'}
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
  const { value: known, problem } = useLoaded(async (): Promise<Known> => {
    const [choices, listing] = await Promise.all([askChoices(), listRuns()]);
    return { ...listing, choices };
  }, []);
  return (
    <main id="main">
      <h1>New search</h1>
      <Alert text={problem} />
      {known === null && problem === null ? <p class="quiet">Looking for data sets …</p> : null}
      {known === null ? null : known.choices.data.length === 0 && known.choices.folder === null ? (
        <NoData />
      ) : (
        <Form known={known} />
      )}
    </main>
  );
}
