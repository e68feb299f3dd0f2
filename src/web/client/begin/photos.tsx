/** How photos come to a search: a folder is dropped, or chosen below the data folder. */
import { useSignal } from '@preact/signals';
import { DropFolder } from './drop.tsx';
import { DataFolders } from './folders.tsx';

interface PhotosProps {
  /** The data folder of the server; null where it has none. */
  readonly folder: string | null;
  /** A path below it. */
  choose(path: string): void;
}

export function Photos({ folder, choose }: PhotosProps) {
  const sent = useSignal('');
  if (folder === null)
    return (
      <p class="note">
        To send photos from this page, start the dashboard with a folder for them: <code>instar ui --data FOLDER</code>.
      </p>
    );
  return (
    <>
      <DropFolder
        folder={folder}
        onDone={({ name, words }) => {
          sent.value = `Sent: ${words}.`;
          choose(name);
        }}
      />
      <p role="status" class="done">
        {sent.value}
      </p>
      <DataFolders folder={folder} choose={choose} />
    </>
  );
}
