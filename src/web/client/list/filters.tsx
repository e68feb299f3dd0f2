/** What is above the table of runs: words to find, filters by any figure or setting, and the columns that are shown. */
import { useSignal, type Signal } from '@preact/signals';
import type { Listing } from '../../api.ts';
import { stateWords } from '../parts.tsx';
import { columnNames, columnOf, otherNames, settingColumn, type ColumnName } from './columns.tsx';
import { comparisonNames, comparisons, stateNames, type Comparison, type Filter, type Query } from './query.ts';

interface Props {
  readonly listing: Listing;
  readonly query: Signal<Query>;
}

/** The settings in which the runs differ; the server sends no others. */
const settingsIn = ({ runs }: Listing): readonly ColumnName[] =>
  Object.keys(runs.find(({ settings }) => settings !== null)?.settings ?? {}).map(settingColumn);

const titleOf = (name: ColumnName): string => columnOf(name).title;

function Chip({ filter, onRemove }: { readonly filter: Filter; onRemove(): void }) {
  const words = `${titleOf(filter.column)} ${comparisons[filter.comparison]} ${filter.text}`;
  return (
    <li>
      <button type="button" class="chip" aria-label={`Remove the filter ${words}`} onClick={onRemove}>
        {words} <span aria-hidden="true">×</span>
      </button>
    </li>
  );
}

function NewFilter({ listing, query }: Props) {
  const column = useSignal<ColumnName>('test');
  const comparison = useSignal<Comparison>('>=');
  const typed = useSignal('');
  const settings = settingsIn(listing);
  const known = [...columnNames.filter((name) => name !== 'curve' && name !== 'begun'), ...otherNames];
  const options = (names: readonly ColumnName[]) =>
    names.map((name) => (
      <option key={name} value={name}>
        {titleOf(name)}
      </option>
    ));
  const add = (): void => {
    const filter = { column: column.value, comparison: comparison.value, text: typed.value.trim() };
    if (filter.text === '') return;
    query.value = { ...query.value, filters: [...query.value.filters, filter] };
    typed.value = '';
  };
  return (
    <span class="new-filter" role="group" aria-label="New filter">
      <select
        aria-label="What is filtered"
        value={column.value}
        onChange={({ currentTarget }) => (column.value = currentTarget.value)}
      >
        <optgroup label="Figures">{options(known)}</optgroup>
        {settings.length === 0 ? null : <optgroup label="Settings that differ">{options(settings)}</optgroup>}
      </select>
      <select
        aria-label="How it compares"
        value={comparison.value}
        onChange={({ currentTarget: { value } }) => (comparison.value = comparisonNames.find((name) => name === value) ?? '=')}
      >
        {comparisonNames.map((name) => (
          <option key={name} value={name}>
            {comparisons[name]}
          </option>
        ))}
      </select>
      <input
        aria-label="Value"
        value={typed.value}
        placeholder="88, 300k, 10m, grow"
        onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
        onKeyDown={({ key }) => (key === 'Enter' ? add() : undefined)}
      />
      <button type="button" disabled={typed.value.trim() === ''} onClick={add}>
        Add filter
      </button>
    </span>
  );
}

function MoreColumns({ listing, query }: Props) {
  const { more } = query.value;
  const toggle = (name: ColumnName): void => {
    const next = more.includes(name) ? more.filter((each) => each !== name) : [...more, name];
    query.value = { ...query.value, more: next };
  };
  return (
    <details class="more-columns">
      <summary>Columns{more.length === 0 ? '' : ` (${more.length} more)`}</summary>
      <div>
        {[...otherNames, ...settingsIn(listing)].map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={more.includes(name)} onChange={() => toggle(name)} /> {titleOf(name)}
          </label>
        ))}
      </div>
    </details>
  );
}

export function Filters({ listing, query }: Props) {
  const change = (next: Partial<Query>): void => {
    query.value = { ...query.value, ...next };
  };
  const { text, state, filters, ofStudies: showsStudies } = query.value;
  const ofStudies = listing.runs.filter(({ study }) => study !== null).length;
  const hasBoth = ofStudies > 0 && ofStudies < listing.runs.length;
  return (
    <form class="filters" role="search" aria-label="Runs" onSubmit={(event) => event.preventDefault()}>
      <label>
        Find{' '}
        <input
          type="search"
          value={text}
          placeholder="name, data, method, study, tag"
          onInput={(event) => change({ text: event.currentTarget.value })}
        />
      </label>
      <label>
        State{' '}
        <select
          value={state ?? ''}
          onChange={(event) => change({ state: stateNames.find((name) => name === event.currentTarget.value) ?? null })}
        >
          <option value="">all</option>
          {stateNames.map((name) => (
            <option key={name} value={name}>
              {stateWords[name]}
            </option>
          ))}
        </select>
      </label>
      {hasBoth ? (
        <label class="check">
          <input type="checkbox" checked={showsStudies} onChange={() => change({ ofStudies: !showsStudies })} /> show the runs of
          studies ({ofStudies})
        </label>
      ) : null}
      <NewFilter listing={listing} query={query} />
      <MoreColumns listing={listing} query={query} />
      {filters.length === 0 ? null : (
        <ul class="chips" aria-label="Filters">
          {filters.map((filter, at) => (
            <Chip
              key={`${filter.column}${filter.comparison}${filter.text}`}
              filter={filter}
              onRemove={() => change({ filters: filters.filter((_each, index) => index !== at) })}
            />
          ))}
        </ul>
      )}
    </form>
  );
}
