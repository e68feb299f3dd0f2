/** The events of a run in words, and the output of its process where the dashboard started it. */
import { useEffect, useRef } from 'preact/hooks';
import { withShownName } from '../../../run/display/names.ts';
import { runLog } from '../api.ts';
import { Alert, useLoaded } from '../parts.tsx';
import type { LiveRun } from '../run-store.ts';

export function LogTab({ run }: { readonly run: LiveRun }) {
  const box = useRef<HTMLPreElement>(null);
  const { value: process, problem } = useLoaded(() => runLog(run.facts.id), [run.condition]);
  useEffect(() => {
    const pre = box.current;
    // Follows the end, unless the reader has scrolled up.
    if (pre !== null && pre.scrollHeight - pre.scrollTop - pre.clientHeight < 80) pre.scrollTop = pre.scrollHeight;
  }, [run.log.length]);
  useEffect(() => void box.current?.scrollTo(0, box.current.scrollHeight), []);
  const shown = run.log.slice(-400);
  return (
    <>
      {run.view.messages.length === 0 ? null : (
        <ul class="bad">
          {run.view.messages.map((message, index) => (
            <li key={index}>{withShownName(run.facts.config, message)}</li>
          ))}
        </ul>
      )}
      {shown.length === run.log.length ? null : (
        <p class="quiet">
          The last {shown.length} of {run.log.length} lines.
        </p>
      )}
      <pre class="log" ref={box} tabIndex={0} aria-label="Events in words">
        {shown.join('\n')}
      </pre>
      <Alert text={problem} />
      {process === null || process.trim() === '' ? null : (
        <details>
          <summary>Output of the process</summary>
          <pre class="log" tabIndex={0} aria-label="Output of the process">
            {process}
          </pre>
        </details>
      )}
    </>
  );
}
