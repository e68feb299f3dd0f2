/**
 * Access control. On loopback everyone may read (the folder's own permissions apply to other users of the machine); on other
 * addresses, and to change anything, a request needs the token that was made at the start. A Host header that does not name this
 * server is refused (DNS rebinding), and so is a change that another site's page requests.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

/** The page may reach its own server alone, and compile WebAssembly, which runs the networks. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Set on every response, errors included. */
export const policyHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export const newToken = (): string => randomBytes(24).toString('base64url');

/** In constant time for any lengths: the hashes are compared. */
function same(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(one, other);
}

export const isLoopback = (address: string): boolean =>
  address === 'localhost' || address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);

export interface Access {
  readonly token: string;
  /** Where the server listens; both as in a Host header. */
  readonly host: string;
  readonly port: number;
}

const cookieName = ({ port }: Access): string => `instar-${port}`;

/** Whether a Host header names this server: by an address or this machine's name, never by a name that DNS resolves. */
function isOurs(header: string | undefined, { host, port }: Access): boolean {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(header ?? '');
  if (match === null) return false;
  const name = (match[1] ?? '').replace(/^\[|\]$/g, '').toLowerCase();
  // A tunnel (ssh -L) has another port at its other end.
  if (isLoopback(name)) return true;
  if (Number(match[2] ?? 80) !== port) return false;
  const named = [host.toLowerCase(), ...(isLoopback(host) ? [] : [hostname().toLowerCase()])];
  if (named.includes(name)) return true;
  return isIP(name) !== 0 && !isLoopback(host);
}

/** Whether this request may change things: it has the token. */
export const mayChange = (c: Context, access: Access): boolean =>
  [getCookie(c, cookieName(access)), c.req.header('Authorization')?.replace(/^Bearer /, '')].some(
    (token) => token !== undefined && same(token, access.token),
  );

/**
 * Whether another site's page sends the request, as far as the browser says so: it could not read the response, but it could make
 * the server work. Links from other sites to a page of this server are followed.
 */
function isForeign(c: Context, own: string): boolean {
  const origin = c.req.header('Origin');
  if (origin !== undefined && origin !== own) return true;
  return c.req.path.startsWith('/api/') && !['same-origin', 'none', undefined].includes(c.req.header('Sec-Fetch-Site'));
}

/** Runs before every route. */
export function guard(access: Access): MiddlewareHandler {
  return async (c, next) => {
    for (const [name, value] of Object.entries(policyHeaders)) c.header(name, value);
    if (!isOurs(c.req.header('Host'), access))
      return c.text('Unknown host name: open the address that instar ui printed.\n', 421);
    const own = `http://${c.req.header('Host') ?? ''}`;
    const isRead = ['GET', 'HEAD'].includes(c.req.method);
    const token = c.req.query('token');
    if (isRead && token !== undefined) {
      if (!same(token, access.token)) return c.text('Wrong token: open the address that instar ui printed.\n', 403);
      // Lax: a browser sends it where a local file or a link leads here too; changes check the origin.
      setCookie(c, cookieName(access), access.token, { httpOnly: true, sameSite: 'Lax', path: '/' });
      // Still encoded, and with one slash: two would lead to another host.
      const { pathname, searchParams } = new URL(c.req.url);
      searchParams.delete('token');
      return c.redirect(`/${pathname.replace(/^\/+/, '')}${searchParams.size === 0 ? '' : `?${searchParams.toString()}`}`, 303);
    }
    const trusted = mayChange(c, access);
    if (!trusted && (!isRead || !isLoopback(access.host) || !isLoopback(getConnInfo(c).remote.address ?? '')))
      return c.text('A token is required: open the address that instar ui printed.\n', 401);
    if (isForeign(c, own) || (!isRead && c.req.header('Origin') !== own))
      return c.text('Requests from other sites are refused.\n', 403);
    return next();
  };
}
