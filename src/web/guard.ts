/**
 * Access control. On loopback everyone may read, other users of the machine too; on other addresses, behind a proxy, and to change
 * anything, a request needs the token that was made at the start, in a header: browsers send cookies to every port of a machine.
 * A Host header that does not name this server is refused (DNS rebinding), and so is what another site's page requests.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { tokenHeader } from './api.ts';

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
  /** The path in front of all paths, `/` or such as `/tools/instar/`. */
  readonly base: string;
  /** Other names of this server, those of a proxy before it, in lower case. */
  readonly allowedHosts: readonly string[];
}

/** Whether a Host header names this server: by an address or this machine's name, never by another name that DNS resolves. */
function isOurs(header: string | undefined, { host, port, allowedHosts }: Access): boolean {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(header ?? '');
  if (match === null) return false;
  const name = (match[1] ?? '').replace(/^\[|\]$/g, '').toLowerCase();
  // A tunnel (ssh -L) and a proxy have another port at their other end.
  if (isLoopback(name) || allowedHosts.includes(name)) return true;
  if (Number(match[2] ?? 80) !== port) return false;
  const named = [host.toLowerCase(), ...(isLoopback(host) ? [] : [hostname().toLowerCase()])];
  if (named.includes(name)) return true;
  return isIP(name) !== 0 && !isLoopback(host);
}

/** Whether this request may change things: it has the token. */
export const mayChange = (c: Context, { token }: Access): boolean => same(c.req.header(tokenHeader) ?? '', token);

/** Whether whoever reaches this server may read without the token: only where no proxy brings others. */
const isOpenToRead = (c: Context, { host, base, allowedHosts }: Access): boolean =>
  isLoopback(host) && isLoopback(getConnInfo(c).remote.address ?? '') && base === '/' && allowedHosts.length === 0;

/** Whether a page of this origin is ours. A proxy may have ended TLS, and may have written another Host header. */
function isOwnOrigin(origin: string, host: string, { allowedHosts }: Access): boolean {
  if (origin === `http://${host}`) return true;
  const { protocol, hostname: name } = URL.canParse(origin) ? new URL(origin) : { protocol: '', hostname: '' };
  return ['http:', 'https:'].includes(protocol) && allowedHosts.includes(name.replace(/^\[|\]$/g, ''));
}

/**
 * Whether another site's page sends the request, as far as the browser says so: it could not read the response, but it could make
 * the server work. Links from other sites to a page of this server are followed.
 */
function isForeign(c: Context, isPage: boolean, access: Access): boolean {
  const origin = c.req.header('Origin');
  if (origin !== undefined && !isOwnOrigin(origin, c.req.header('Host') ?? '', access)) return true;
  return !isPage && !['same-origin', 'none', undefined].includes(c.req.header('Sec-Fetch-Site'));
}

/** Runs before every route. */
export function guard(access: Access): MiddlewareHandler {
  return async (c, next) => {
    for (const [name, value] of Object.entries(policyHeaders)) c.header(name, value);
    if (!isOurs(c.req.header('Host'), access))
      return c.text('Unknown host name: open the address that instar ui printed, or name it with --allow-host.\n', 421);
    const isRead = ['GET', 'HEAD'].includes(c.req.method);
    // The page is the same for everyone and holds nothing of the runs; it brings the token.
    const isPage = isRead && !c.req.path.startsWith('/api');
    if (!mayChange(c, access) && !isPage && !(isRead && isOpenToRead(c, access)))
      return c.text('A token is required: open the address that instar ui printed.\n', 401);
    if (isForeign(c, isPage, access) || (!isRead && c.req.header('Origin') === undefined))
      return c.text('Requests from other sites are refused; behind a proxy, name its host with --allow-host.\n', 403);
    return next();
  };
}
