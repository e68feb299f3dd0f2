/**
 * The token, which allows changes. It comes in the fragment of the address, which is sent to no server, is kept for this origin, so
 * that other tabs have it, and is sent in a header. A cookie would reach the servers at every port of the machine.
 */
import { tokenHeader } from '../api.ts';
import { base } from './route.ts';

const key = `instar token ${base}`;
/** Where the browser keeps nothing for this origin. */
let ofThisPage: string | null = null;

function kept(): string | null {
  try {
    return localStorage.getItem(key) ?? ofThisPage;
  } catch {
    return ofThisPage;
  }
}

function keep(token: string): void {
  ofThisPage = token;
  try {
    localStorage.setItem(key, token);
  } catch {
    // Storage is switched off: other tabs do not have it.
  }
}

const given = (): string | null => new URLSearchParams(location.hash.slice(1)).get('token');

/** The headers of a request. */
export const tokenHeaders = (token: string | null = kept()): Readonly<Record<string, string>> =>
  token === null ? {} : { [tokenHeader]: token };

/** Takes the token out of the address. One that is wrong, as of a server that has ended, does not replace the one that is kept. */
export async function takeToken(): Promise<void> {
  // The address was pasted into an open page, which is then not loaded again.
  addEventListener('hashchange', () => {
    if (given() !== null) location.reload();
  });
  const token = given();
  if (token === null) return;
  const response = await fetch(`${base}api/token`, { headers: tokenHeaders(token) }).catch(() => null);
  // The address is kept where the server does not answer.
  if (response === null) return;
  if (response.ok) keep(token);
  history.replaceState(null, '', `${location.pathname}${location.search}`);
}
