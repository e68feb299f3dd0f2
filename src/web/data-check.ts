/** The check of a search's data, in a process of its own that ends with the request: large folders take time and memory. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { planOptions } from '../options/table.ts';
import type { SearchForm } from './api.ts';

const program = fileURLToPath(new URL('data-check-process.js', import.meta.url));

/** The texts of options as `--name=text`, by their keys. */
function textsOf(form: SearchForm, data: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const given = Object.entries(form).flatMap(([key, value]) =>
    key in planOptions && value !== undefined && value !== false ? [[key, [value === true ? '' : String(value)]] as const] : [],
  );
  const folder = data.find((word) => word.startsWith('--data='))?.slice('--data='.length);
  return { ...Object.fromEntries(given), ...(folder === undefined ? {} : { data: [folder] }) };
}

/** Lines of JSON (`CheckNews`), the last one `checked` or `failed`. `data`: the dataset and its options on the command line. */
export function checkData(form: SearchForm, data: readonly string[], signal: AbortSignal): ReadableStream<Uint8Array> {
  const argument = JSON.stringify({ dataset: data[0], texts: textsOf(form, data) });
  const child = spawn(process.execPath, [program, argument], { signal, stdio: ['ignore', 'pipe', 'inherit'] });
  return new ReadableStream({
    start(controller) {
      child.stdout.on('data', (bytes: Buffer) => {
        controller.enqueue(bytes);
      });
      // Of a process that was ended with its request, nobody reads.
      const end = (): void => {
        try {
          controller.close();
        } catch {
          return;
        }
      };
      child.on('error', end);
      child.on('close', end);
    },
    cancel: () => void child.kill(),
  });
}
