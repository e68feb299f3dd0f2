/** Requests to the server, with the token. A failed one rejects with the server's message. */
import { EventSource } from 'eventsource';
import type { PlanReport } from '../../run/planning/plan.ts';
import type { Choices, ImagesFacts, Listing, PartName, RunFacts, SearchForm, StudyPage } from '../api.ts';
import { base } from './route.ts';
import { tokenHeaders } from './token.ts';

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = await response.text();
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: plain text.
  }
  throw new Error(message === '' ? `The server answered ${response.status}.` : message);
}

type Query = Readonly<Record<string, string | number>>;

const address = (path: string, query: Query = {}): string =>
  `${base}api/${path}?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString()}`;

async function send(path: string, query?: Query, { headers, ...init }: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address(path, query), { ...init, headers: { ...(headers as object), ...tokenHeaders() } });
  } catch (error) {
    throw error instanceof TypeError ? new Error('The server does not answer.') : error;
  }
  return checked(response);
}

const getJson = async <T>(path: string, query?: Query): Promise<T> => (await send(path, query)).json() as Promise<T>;

const getBytes = async (path: string, query: Query): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await send(path, query)).arrayBuffer());

const post = async <T>(path: string, query: Query, body: unknown, signal: AbortSignal | null = null): Promise<T> => {
  const headers = { 'Content-Type': 'application/json' };
  const response = await send(path, query, { method: 'POST', headers, body: JSON.stringify(body), signal });
  return response.json() as Promise<T>;
};

export const listRuns = (): Promise<Listing> => getJson('list');
export const runFacts = (run: string): Promise<RunFacts> => getJson('run', { run });
export const runLog = async (run: string): Promise<string> => (await send('run/log', { run })).text();
export const studyPage = (study: string): Promise<StudyPage> => getJson('study', { study });
export const choices = (): Promise<Choices> => getJson('choices');

export const imagesFacts = (run: string, part: PartName): Promise<ImagesFacts> => getJson('run/images', { run, part });
/** (N, H, W, C) */
export const pixels = (run: string, part: PartName, from: number, count: number): Promise<Uint8Array<ArrayBuffer>> =>
  getBytes('run/pixels', { run, part, from, count });
export const modelAddress = (run: string, candidate: string): string => address('run/model', { run, candidate });
/** An ONNX file. */
export const modelBytes = (run: string, candidate: string): Promise<Uint8Array<ArrayBuffer>> =>
  getBytes('run/model', { run, candidate });
/** Lets the browser save that file under the name that the server gives it. A browser that follows a link does not send the token. */
export async function saveModel(run: string, candidate: string): Promise<void> {
  const response = await send('run/model', { run, candidate });
  const name = /filename="(.+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? '';
  const href = URL.createObjectURL(await response.blob());
  Object.assign(document.createElement('a'), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
/** The browser's own EventSource sends no headers. */
export const openEvents = (runs: readonly string[]): EventSource =>
  new EventSource(`${base}api/run/events?${new URLSearchParams(runs.map((run) => ['run', run])).toString()}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...tokenHeaders() } }),
  });

export const beginSearch = (form: SearchForm): Promise<{ id: string }> => post('search', {}, form);
export const planSearch = (form: SearchForm, signal: AbortSignal): Promise<PlanReport> => post('plan', {}, form, signal);
export const stopRun = (run: string): Promise<unknown> => post('run/stop', { run }, {});
export const resumeRun = (run: string, budget?: string): Promise<unknown> => post('run/resume', { run }, { budget });
export const renameRun = (run: string, name: string): Promise<{ id: string }> => post('run/rename', { run }, { name });
export const deleteRun = (run: string): Promise<unknown> => post('run/delete', { run }, { name: run, sure: true });
