/** The place to drop a folder, which is sent to the data folder: progress, and a button that ends it. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatBytes, plural } from '../../../util/words.ts';
import type { Uploaded } from '../../api.ts';
import { uploadLimits } from '../../upload-names.ts';
import { sendFolder } from '../api.ts';
import { Alert } from '../parts.tsx';
import { bodyOf, droppedEntries, filesOfEntries, filesOfInput, problemOf, type FolderFiles } from './folder-files.ts';

interface Sending {
  readonly words: string;
  /** Bytes. */
  readonly total: number;
  readonly sent: number;
}

const wordsOf = ({ name, files, bytes, others }: FolderFiles): string =>
  `${name}: ${plural(files.length, 'file')}, ${formatBytes(bytes)}${others === 0 ? '' : `; ${plural(others, 'file')} without images stay here`}`;

export function DropFolder({ folder, onDone }: { readonly folder: string; onDone(uploaded: Uploaded): void }) {
  const sending = useSignal<Sending | null>(null);
  const problem = useSignal<string | null>(null);
  const isOver = useSignal(false);
  const current = useRef<AbortController | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => () => current.current?.abort(), []);

  async function send(read: () => Promise<FolderFiles> | FolderFiles): Promise<void> {
    if (sending.peek() !== null) return;
    problem.value = null;
    sending.value = { words: 'Reading the folder …', total: 0, sent: 0 };
    const control = new AbortController();
    current.current = control;
    try {
      const found = await read();
      const wrong = problemOf(found);
      if (wrong !== null) throw new Error(wrong);
      const body = bodyOf(found);
      const words = wordsOf(found);
      const uploaded = await sendFolder(body, control.signal, (sent) => (sending.value = { words, total: body.size, sent }));
      onDone(uploaded);
    } catch (error) {
      problem.value = (error as Error).message;
    }
    sending.value = null;
  }

  const { value: now } = sending;
  return (
    <div
      class={`drop${isOver.value ? ' over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        const entries = event.dataTransfer === null ? [] : droppedEntries(event.dataTransfer);
        void send(() => filesOfEntries(entries));
      }}
    >
      {now === null ? (
        <>
          <p>
            <strong>Drop a folder of photos here</strong>, with a sub-folder for each class, or{' '}
            <button type="button" onClick={() => input.current?.click()}>
              Choose a folder
            </button>
          </p>
          <input
            ref={input}
            type="file"
            hidden
            aria-label="Folder to send"
            {...{ webkitdirectory: true }}
            onChange={({ currentTarget: { files } }) => {
              if (files !== null && files.length > 0) void send(() => filesOfInput(files));
              if (input.current !== null) input.current.value = '';
            }}
          />
          <p class="note">
            It is copied to <code>{folder}</code>: at most {plural(uploadLimits.files, 'file')} and{' '}
            {formatBytes(uploadLimits.bytes)}.
          </p>
        </>
      ) : (
        <p role="status" class="sending">
          <span>{now.words}</span>
          <progress max={Math.max(1, now.total)} value={now.sent} aria-label="Sent" />
          <span class="quiet">{now.total > 0 && now.sent >= now.total ? 'Writing …' : `${formatBytes(now.sent)} sent`}</span>
          <button type="button" onClick={() => current.current?.abort()}>
            Cancel
          </button>
        </p>
      )}
      <Alert text={problem.value} />
    </div>
  );
}
