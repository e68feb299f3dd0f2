/** The folders below the data folder, to choose one of. */
import { useSignal } from '@preact/signals';
import { plural } from '../../../util/words.ts';
import type { DataListing } from '../../api.ts';
import { listFolder } from '../api.ts';
import { Alert, useLoaded } from '../parts.tsx';

type Inner = DataListing['folders'][number];

const countsOf = ({ folders, images }: Inner): string =>
  [
    ...(folders === null || folders === 0 ? [] : [plural(folders, 'folder')]),
    ...(images === null || images === 0 ? [] : [plural(images, 'image')]),
  ].join(', ');

const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

interface ListingProps {
  readonly listing: DataListing;
  open(path: string): void;
  choose(path: string): void;
}

function Listing({ listing: { path, folders, files, images, more }, open, choose }: ListingProps) {
  const above = path.split('/').slice(0, -1).join('/');
  return (
    <>
      <ul class="folders" aria-label="Folders">
        {path === '' ? null : (
          <li>
            <button type="button" onClick={() => open(above)}>
              ↑ {above === '' ? 'data folder' : above}
            </button>
          </li>
        )}
        {folders.map((inner) => (
          <li key={inner.name}>
            <button type="button" onClick={() => open(below(path, inner.name))}>
              {inner.name}/
            </button>{' '}
            <span class="quiet">{countsOf(inner)}</span>
          </li>
        ))}
        {files.map((name) => (
          <li key={name}>
            <button type="button" onClick={() => choose(below(path, name))}>
              {name}
            </button>
          </li>
        ))}
      </ul>
      {more === 0 ? null : <p class="note">{plural(more, 'more folder')}: type the name.</p>}
      {folders.length + files.length + images > 0 ? null : <p class="note">There is nothing to train on here.</p>}
      {images === 0 ? null : <p class="note">{plural(images, 'image')} directly in it.</p>}
    </>
  );
}

interface FoldersProps {
  readonly folder: string;
  /** A path below it. */
  choose(path: string): void;
}

function Browser({ choose }: FoldersProps) {
  const path = useSignal('');
  const typed = useSignal('');
  const { value: listing, problem } = useLoaded(() => listFolder(path.value), [path.value]);
  const open = (next: string): void => {
    path.value = next;
    typed.value = next;
  };
  return (
    <>
      <p class="path">
        <label for="data-path">Path</label>
        <input
          id="data-path"
          value={typed.value}
          placeholder="such as animals/training"
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => (typed.value = currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            // It would start the search.
            event.preventDefault();
            open(typed.peek().trim());
          }}
        />
        <button type="button" onClick={() => open(typed.peek().trim())}>
          Open
        </button>
        <button type="button" disabled={typed.value.trim() === ''} onClick={() => choose(typed.peek().trim())}>
          Use this folder
        </button>
      </p>
      <Alert text={problem} />
      {listing === null ? null : <Listing listing={listing} open={open} choose={choose} />}
    </>
  );
}

export function DataFolders(props: FoldersProps) {
  const isOpen = useSignal(false);
  return (
    <details class="browse" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        Choose a folder in <code>{props.folder}</code>
      </summary>
      {isOpen.value ? <Browser {...props} /> : null}
    </details>
  );
}
