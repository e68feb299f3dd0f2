/** Requests to the server, with the token. A failed one rejects with the server's message. */
import { EventSource } from 'eventsource';
import type { PlanReport } from '../../run/planning/plan.ts';
import type {
  CheckNews,
  Choices,
  DataListing,
  ImagesFacts,
  Listing,
  PartName,
  RunFacts,
  RunNotes,
  SearchForm,
  StudyPage,
  Uploaded,
} from '../api.ts';
import { base } from './route.ts';
import { tokenHeaders } from './token.ts';

/** What the server says of a request that failed. */
function failure(text: string, status: number): Error {
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: plain text.
  }
  return new Error(message === '' ? `The server answered ${status}.` : message);
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  throw failure(await response.text(), response.status);
}

type Query = Readonly<Record<string, string | number | readonly string[]>>;

function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (typeof value === 'object' ? value : [value]).map((each) => [name, String(each)]),
  );
  return `${base}api/${path}?${new URLSearchParams(pairs).toString()}`;
}

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
/** Lets the browser save a file under the name that the server gives it. A browser that follows a link does not send the token. */
async function save(path: string, query: Query): Promise<void> {
  const response = await send(path, query);
  const name = /filename="(.+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? '';
  const href = URL.createObjectURL(await response.blob());
  Object.assign(document.createElement('a'), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
export const saveModel = (run: string, candidate: string): Promise<void> => save('run/model', { run, candidate });
/** The report of runs or of a study, as one page. */
export const saveReport = (of: { readonly run: readonly string[] } | { readonly study: string }): Promise<void> =>
  save('report', of);
/** An archive with the network and the report of each run. */
export const saveExport = (run: readonly string[]): Promise<void> => save('export', { run });
/** The browser's own EventSource sends no headers. */
export const openEvents = (runs: readonly string[]): EventSource =>
  new EventSource(`${base}api/run/events?${new URLSearchParams(runs.map((run) => ['run', run])).toString()}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...tokenHeaders() } }),
  });

export const listFolder = (path: string): Promise<DataListing> => getJson('data/folder', { path });

/** `onNews`: called for each thing that the check says, as soon as it is known. */
export async function checkData(form: SearchForm, signal: AbortSignal, onNews: (news: CheckNews) => void): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const { body } = await send('data/check', {}, { method: 'POST', headers, body: JSON.stringify(form), signal });
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = `${rest}${value}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onNews(JSON.parse(line) as CheckNews);
  }
}

/** Sends a folder. `onSent`: bytes so far. */
export const sendFolder = (body: Blob, signal: AbortSignal, onSent: (bytes: number) => void): Promise<Uploaded> =>
  new Promise((resolve, reject) => {
    // Of what it has sent, fetch tells nothing.
    const request = new XMLHttpRequest();
    request.open('POST', address('data/upload'));
    for (const [name, value] of Object.entries(tokenHeaders())) request.setRequestHeader(name, value);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded));
    request.addEventListener('load', () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as Uploaded);
      else reject(failure(request.responseText, request.status));
    });
    request.addEventListener('error', () =>
      reject(new Error('The folder could not be sent: the server does not answer, or a file has changed or cannot be read.')),
    );
    request.addEventListener('abort', () => reject(new Error('Cancelled. Nothing is kept.')));
    signal.addEventListener('abort', () => request.abort());
    request.send(body);
  });

export const beginSearch = (form: SearchForm): Promise<{ id: string }> => post('search', {}, form);
export const planSearch = (form: SearchForm, signal: AbortSignal): Promise<PlanReport> => post('plan', {}, form, signal);
export const stopRun = (run: string): Promise<unknown> => post('run/stop', { run }, {});
export const resumeRun = (run: string, budget?: string): Promise<unknown> => post('run/resume', { run }, { budget });
export const renameRun = (run: string, name: string): Promise<{ id: string }> => post('run/rename', { run }, { name });
export const keepNotes = (run: string, notes: Pick<RunNotes, 'tags' | 'note'>): Promise<unknown> =>
  post('run/notes', { run }, notes);
export const deleteRun = (run: string): Promise<unknown> => post('run/delete', { run }, { name: run, sure: true });
