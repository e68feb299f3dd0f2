/** The server's interface as the page calls it. A refusal becomes an error that says why. */
import type { PlanReport } from '../../run/planning/plan.ts';
import type { Choices, ImagesFacts, Listing, PartName, RunFacts, SearchForm, StudyPage } from '../api.ts';

export class ServerError extends Error {}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await response.text();
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: said as it is.
  }
  throw new ServerError(message === '' ? `The server answered ${response.status}.` : message);
}

const query = (parts: Readonly<Record<string, string | number>>): string =>
  new URLSearchParams(Object.entries(parts).map(([name, value]) => [name, String(value)])).toString();

const get = async <T>(path: string, parts: Readonly<Record<string, string | number>> = {}): Promise<T> =>
  (await checked(await fetch(`/api/${path}?${query(parts)}`))).json() as Promise<T>;

const post = async <T>(
  path: string,
  parts: Readonly<Record<string, string>>,
  body: unknown,
  signal: AbortSignal | null = null,
): Promise<T> => {
  const headers = { 'Content-Type': 'application/json' };
  return (
    await checked(await fetch(`/api/${path}?${query(parts)}`, { method: 'POST', headers, body: JSON.stringify(body), signal }))
  ).json() as Promise<T>;
};

export const listRuns = (): Promise<Listing> => get('list');
export const runFacts = (run: string): Promise<RunFacts> => get('run', { run });
export const runLog = async (run: string): Promise<string> =>
  (await checked(await fetch(`/api/run/log?${query({ run })}`))).text();
export const studyPage = (study: string): Promise<StudyPage> => get('study', { study });
export const choices = (): Promise<Choices> => get('choices');

export const imagesFacts = (run: string, part: PartName): Promise<ImagesFacts> => get('run/images', { run, part });
/** (N, H, W, C) */
export const pixels = async (run: string, part: PartName, from: number, count: number): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await checked(await fetch(`/api/run/pixels?${query({ run, part, from, count })}`))).arrayBuffer());
export const modelAddress = (run: string, line: string): string => `/api/run/model?${query({ run, line })}`;
/** Of the line's ONNX file. */
export const modelBytes = async (run: string, line: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await checked(await fetch(modelAddress(run, line)))).arrayBuffer());
export const eventsAddress = (runs: readonly string[]): string =>
  `/api/run/events?${new URLSearchParams(runs.map((run) => ['run', run])).toString()}`;

export const beginSearch = (form: SearchForm): Promise<{ id: string }> => post('search', {}, form);
export const planSearch = (form: SearchForm, signal: AbortSignal): Promise<PlanReport> => post('plan', {}, form, signal);
export const stopRun = (run: string): Promise<unknown> => post('run/stop', { run }, {});
export const resumeRun = (run: string, budget?: string): Promise<unknown> =>
  post('run/resume', { run }, budget === undefined ? {} : { budget });
export const renameRun = (run: string, name: string): Promise<{ id: string }> => post('run/rename', { run }, { name });
export const deleteRun = (run: string): Promise<unknown> => post('run/delete', { run }, { name: run, sure: true });
