/** The runs that the list shows, together: settings against results, and what mattered. */
import './across.css';
import { useSignal } from '@preact/signals';
import { formatPercent, plural } from '../../../util/words.ts';
import type { RunRow, SettingValue } from '../../api.ts';
import { numeric, Scrolling, TableHead } from '../parts.tsx';
import { resultOf } from './axes.ts';
import { fewestChildren, fewestRuns, operatorsImportance, settingsImportance } from './importance.ts';
import { Parallel } from './parallel.tsx';

/** With a sign; points are those of a percent. */
const signed = (value: number): string => {
  const digits = Math.abs(value).toFixed(2);
  return `${Number(digits) === 0 ? '' : value < 0 ? '−' : '+'}${digits}`;
};
const points = (share: number): string => signed(100 * share);

const valueWords = (value: SettingValue): string =>
  value === null ? 'none' : typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);

/** Values that are named. */
const mostValues = 4;

function Settings({ rows }: { readonly rows: readonly RunRow[] }) {
  const { name: result, of } = resultOf(rows);
  const found = settingsImportance(rows, of);
  const [first] = found;
  if (first === undefined)
    return (
      <p class="note">
        Too few runs: {fewestRuns} with a result are needed, on data that several share, with settings of which two values have
        two runs each.
      </p>
    );
  return (
    <>
      <p class="note">
        n = {plural(first.runs, 'run')}. The share of the variance in {result} accuracy that a setting’s values explain, corrected
        for their number; results are taken over the mean of the runs on the same data. Settings that change together cannot be
        told apart, and nothing here is a test.
      </p>
      <Scrolling label="Importance of settings">
        <table>
          <TableHead
            columns={['setting', numeric('explains'), numeric('rank correlation'), 'values: mean over the data’s, in points']}
          />
          <tbody>
            {found.map(({ name, share, correlation, values }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{formatPercent(share)}</td>
                <td class="number">{correlation === null ? '' : signed(correlation)}</td>
                <td class="values">
                  {values
                    .slice(0, mostValues)
                    .map(({ value, runs, mean }) => `${valueWords(value)}: ${points(mean)} (n = ${runs})`)
                    .join('; ')}
                  {values.length > mostValues ? `; ${values.length - mostValues} more` : ''}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
    </>
  );
}

function Operators({ rows }: { readonly rows: readonly RunRow[] }) {
  const found = operatorsImportance(rows);
  if (found.length === 0)
    return <p class="note">Too few children: an operator is judged from {fewestChildren} that were compared with siblings.</p>;
  return (
    <>
      <p class="note">
        From the journals: by how much the loss of the children that an operator had a part in was below the median of all
        children of the same step, at equal multiply-adds, in % of the loss; mean ± standard error, without regard to which
        children share a step or a run.
      </p>
      <Scrolling label="Importance of operators">
        <table>
          <TableHead columns={['operator', ...['gain', 'children (n)', 'of them won', 'runs'].map(numeric)]} />
          <tbody>
            {found.map(({ operator, gain, error, children, winners, runs }) => (
              <tr key={operator}>
                <th scope="row">{operator}</th>
                <td class="number">
                  {points(gain)} ± {(100 * error).toFixed(2)}
                </td>
                <td class="number">{children}</td>
                <td class="number">{winners}</td>
                <td class="number">{runs}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
    </>
  );
}

/** `rows`: those that the list shows. */
export function Across({ rows }: { readonly rows: readonly RunRow[] }) {
  const isOpen = useSignal(false);
  const begun = rows.filter(({ events }) => events > 0);
  if (begun.length < 2) return null;
  return (
    <details class="across" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        <strong>Settings and results</strong> of the {plural(begun.length, 'run')} above
      </summary>
      {isOpen.value ? (
        <div>
          <Parallel rows={begun} />
          <h3>Settings</h3>
          <Settings rows={begun} />
          <h3>Operators</h3>
          <Operators rows={begun} />
        </div>
      ) : null}
    </details>
  );
}
