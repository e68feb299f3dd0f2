/**
 * Who may ask what. On loopback everyone may look (others may be logged in on the machine, and the folder's own permissions
 * are theirs to keep); elsewhere, and to change anything anywhere, the token is needed that was made at the start. A name in
 * the Host header that is not ours is refused (DNS rebinding), and so is a change that another site's page asks for.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

/** Of what a page may do: nothing beside its own server; WebAssembly is compiled for trying networks. */
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

/** Of every answer, errors too. */
export const policyHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export const newToken = (): string => randomBytes(24).toString('base64url');

/** In constant time, whatever their lengths are: their hashes are compared. */
function same(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(one, other);
}

export const isLoopback = (address: string): boolean =>
  address === 'localhost' || address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);

export interface Doors {
  readonly token: string;
  /** That it listens on; both as they stand in a Host header. */
  readonly host: string;
  readonly port: number;
}

const cookieName = ({ port }: Doors): string => `instar-${port}`;

/** Whether that Host header may stand for us: an address, or this machine's name. What must be resolved by others may not. */
function isOurs(header: string | undefined, { host, port }: Doors): boolean {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(header ?? '');
  if (match === null) return false;
  const name = (match[1] ?? '').replace(/^\[|\]$/g, '').toLowerCase();
  // A tunnel (ssh -L) leads here from any port of the machine at its other end.
  if (isLoopback(name)) return true;
  if (Number(match[2] ?? 80) !== port) return false;
  const named = [host.toLowerCase(), ...(isLoopback(host) ? [] : [hostname().toLowerCase()])];
  if (named.includes(name)) return true;
  return isIP(name) !== 0 && !isLoopback(host);
}

const hasToken = (c: Context, doors: Doors): boolean =>
  [getCookie(c, cookieName(doors)), c.req.header('Authorization')?.replace(/^Bearer /, '')].some(
    (given) => given !== undefined && same(given, doors.token),
  );

/**
 * Whether another site's page asks, as far as the browser says so: it could not read the answer, but it could make the server
 * work. A link from elsewhere to a page of ours is followed.
 */
function isForeign(c: Context, own: string): boolean {
  const origin = c.req.header('Origin');
  if (origin !== undefined && origin !== own) return true;
  return c.req.path.startsWith('/api/') && !['same-origin', 'none', undefined].includes(c.req.header('Sec-Fetch-Site'));
}

/** Whether this request may change things. */
export const mayChange = hasToken;

const looks: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Before every route. `addressOf`: of the other end. */
export function guard(doors: Doors, addressOf: (c: Context) => string): MiddlewareHandler {
  return async (c, next) => {
    for (const [name, value] of Object.entries(policyHeaders)) c.header(name, value);
    if (!isOurs(c.req.header('Host'), doors))
      return c.text('This is not the name of this server: open the address that instar ui printed.\n', 421);
    const own = `http://${c.req.header('Host') ?? ''}`;
    const isLook = looks.has(c.req.method);
    const given = c.req.query('token');
    if (isLook && given !== undefined) {
      if (!same(given, doors.token)) return c.text('The token is wrong: take the address that instar ui printed.\n', 403);
      // Lax: it comes along where a file on this machine, or a link, leads here; whatever changes something checks the origin.
      setCookie(c, cookieName(doors), doors.token, { httpOnly: true, sameSite: 'Lax', path: '/' });
      // As it was encoded, and with one slash: an address that begins with two would lead elsewhere.
      const { pathname, searchParams } = new URL(c.req.url);
      searchParams.delete('token');
      return c.redirect(`/${pathname.replace(/^\/+/, '')}${searchParams.size === 0 ? '' : `?${searchParams.toString()}`}`, 303);
    }
    const trusted = hasToken(c, doors);
    if (!trusted && (!isLook || !isLoopback(doors.host) || !isLoopback(addressOf(c))))
      return c.text('A token is needed: open the address that instar ui printed.\n', 401);
    if (isForeign(c, own) || (!isLook && c.req.header('Origin') !== own))
      return c.text('This must be asked for by its own page.\n', 403);
    return next();
  };
}
