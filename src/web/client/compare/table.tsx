/** Runs side by side: their results, the composition of their best networks, and the settings that differ. */
import { useMemo } from 'preact/hooks';
import { compositionOf, partNames } from '../../../study/composition.ts';
import type { RunDetails } from '../../../report/run-details.ts';
import { methods } from '../../../search/methods/table.ts';
import { differingNames, settingNames, valueOf } from '../../../search/setting-names.ts';
import { lineage, candidateOf, validationOf, networkOf, type Candidate } from '../../../search/state.ts';
import { formatDuration } from '../../../util/duration.ts';
import { formatLoss, formatPercent, formatWhole } from '../../../util/words.ts';
import { Link, Scrolling } from '../parts.tsx';

interface Row {
  readonly name: string;
  readonly values: readonly string[];
}

function text(value: unknown): string {
  if (value === null) return 'none';
  if (typeof value === 'number' && Number.isInteger(value)) return formatWhole(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const differing = (rows: readonly Row[]): readonly Row[] => rows.filter(({ values }) => new Set(values).size > 1);

/** Settings that have a row of their own, or depend on the machine. */
const leftOut: ReadonlySet<string> = new Set(['method', 'limits.memory']);

const rowsFor =
  (subjects: readonly RunDetails[]) =>
  (name: string, of: (subject: RunDetails) => string): Row => ({ name, values: subjects.map(of) });

function settingRows(subjects: readonly RunDetails[]): readonly Row[] {
  const row = rowsFor(subjects);
  const [first, ...others] = subjects.map(({ config }) => config.settings);
  const names = settingNames.filter(
    (name) =>
      first !== undefined && !leftOut.has(name) && others.some((settings) => differingNames(first, settings, [name]).length > 0),
  );
  return [
    ...differing([
      row('data', ({ config }) => config.data.name),
      row('preset', ({ config }) => config.preset),
      row('budget', ({ config, state }) => {
        const budget = state.budget ?? config.budget;
        return budget === null ? 'none' : formatDuration(budget);
      }),
      row('engine', ({ config }) => config.engine.name),
      row('workers', ({ config }) => String(config.workers)),
    ]),
    ...names.map((name) => row(name, ({ config }) => text(valueOf(config.settings, name)))),
  ];
}

/** The best network; before the final training the latest winner. */
function bestOf({ best, grown, state }: RunDetails): Candidate | null {
  const id = best ?? grown;
  return id === null ? null : candidateOf(state.search, id);
}

function resultRows(subjects: readonly RunDetails[]): readonly Row[] {
  const row = rowsFor(subjects);
  const shown = (value: number | undefined, format = formatPercent): string => (value === undefined ? '' : format(value));
  const validation = ({ state, grown }: RunDetails) => (grown === null ? null : validationOf(state.search, grown));
  const epochs = ({ state, grown }: RunDetails): number =>
    grown === null ? 0 : lineage(state.search, grown).reduce((sum, winner) => sum + (winner.epochs.at(-1)?.epoch ?? 0), 0);
  return [
    row('method', ({ config }) => methods[config.settings.method].label),
    row('state', ({ condition }) => condition),
    row('validation, before the final training', (subject) => shown(validation(subject)?.accuracy)),
    row('validation loss', (subject) => shown(validation(subject)?.loss, formatLoss)),
    row('test', ({ state }) => shown(state.search.tests.get('final')?.measured.accuracy)),
    row('test of the baseline', ({ state }) => shown(state.search.tests.get('baseline')?.measured.accuracy)),
    row('parameters', (subject) => formatWhole(bestOf(subject)?.parameters ?? 0)),
    row('multiply-adds', (subject) => formatWhole(bestOf(subject)?.multiplyAdds ?? 0)),
    row('steps', ({ winners }) => formatWhole(Math.max(0, winners.size - 1))),
    row('epochs of the winner’s lineage', (subject) => (subject.grown === null ? '' : formatWhole(epochs(subject)))),
    row('active time', ({ state }) => formatDuration(state.seconds)),
  ].filter(({ values }) => values.some((value) => value !== '' && value !== '0'));
}

const partWords: { readonly [Part in (typeof partNames)[number]]: string } = {
  convolution: 'convolution blocks',
  separable: 'separable convolutions',
  convex: 'convex sums',
  concat: 'concatenations',
  split: 'splits',
};

function compositionRows(subjects: readonly RunDetails[]): readonly Row[] {
  const compositions = subjects.map((subject) => {
    const best = bestOf(subject);
    return best === null ? null : compositionOf(networkOf(subject.state.search, best.id));
  });
  return [
    { name: 'layers', values: compositions.map((each) => (each === null ? '' : formatWhole(each.layers))) },
    ...partNames.map((part) => ({
      name: partWords[part],
      values: compositions.map((each) =>
        each === null ? '' : `${each.counts[part]} (${Math.round(100 * each.shares[part])} %)`,
      ),
    })),
  ].filter(({ values }) => values.some((value) => value !== '' && !value.startsWith('0 ')));
}

/** `subject`: null until the run is loaded. */
export function SideBySide({ runs }: { readonly runs: readonly { readonly id: string; readonly subject: RunDetails | null }[] }) {
  const loaded = runs.flatMap(({ id, subject }) => (subject === null ? [] : [{ id, subject }]));
  const subjects = loaded.map(({ subject }) => subject);
  const groups = useMemo(() => {
    const settings = settingRows(subjects);
    return [
      { title: 'Results', rows: resultRows(subjects) },
      { title: 'Composition of the best network (share of its layers)', rows: compositionRows(subjects) },
      { title: settings.length === 0 ? 'Settings: all the same' : 'Settings that differ', rows: settings },
    ];
  }, subjects);
  if (loaded.length === 0) return null;
  return (
    <Scrolling label="Runs side by side" class="side-by-side">
      <table>
        <thead>
          <tr>
            <td />
            {loaded.map(({ id }) => (
              <th key={id} scope="col">
                <span class={`swatch swatch-${runs.findIndex((run) => run.id === id) + 1}`} aria-hidden="true" />
                <Link to={{ page: 'run', run: id }}>{id}</Link>
              </th>
            ))}
          </tr>
        </thead>
        {groups.map(({ title, rows }) => (
          <tbody key={title}>
            <tr>
              <th class="group" scope="rowgroup" colSpan={loaded.length + 1}>
                {title}
              </th>
            </tr>
            {rows.map(({ name, values }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {values.map((value, at) => (
                  <td key={loaded[at]?.id}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </Scrolling>
  );
}
