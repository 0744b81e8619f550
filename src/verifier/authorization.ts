/** Reads the token out of the `Authorization` header: one header, one scheme, one space, one token, and nothing guessed. */
import { decode, decodeUtf8, type UnverifiedMacaroon } from '../core/index.js';

/** Why there is no token to be had from the header. */
export type AuthorizationFault = 'missing' | 'other-scheme' | 'repeated' | 'malformed' | 'bearer-not-allowed';

export type AuthorizationResult =
  | { readonly ok: true; readonly scheme: 'Macaroon' | 'Bearer'; readonly text: string }
  | { readonly ok: false; readonly fault: AuthorizationFault };

const schemePattern = /^(macaroon|bearer)(?: |$)/i;
/** Wide enough for every token, and no comma: several headers that were joined into one are not a token. */
const tokenPattern = /^[\w.~+/=-]+$/;
/** Caveats by which a token is more than a bearer token; it must not be sent as one. */
const boundCaveatPattern = /^(?:cnf|request|request-required)(?: |$)/;

/**
 * The token in `values`, the values of every `Authorization` header of a request. `Bearer` is refused for a token that holds a `cnf`,
 * `request` or `request-required` caveat. Throws nothing for any value.
 */
export function readAuthorization(values: readonly string[]): AuthorizationResult {
  const [value, ...more] = values;
  if (value === undefined) return { ok: false, fault: 'missing' };
  if (more.length > 0) return { ok: false, fault: 'repeated' };
  const scheme = schemePattern.exec(value)?.[1];
  if (scheme === undefined) return { ok: false, fault: value.includes(',') ? 'repeated' : 'other-scheme' };
  const text = value.slice(scheme.length + 1);
  if (text.includes(',')) return { ok: false, fault: 'repeated' };
  if (!tokenPattern.test(text)) return { ok: false, fault: 'malformed' };
  if (scheme.toLowerCase() === 'macaroon') return { ok: true, scheme: 'Macaroon', text };
  return isBound(text) ? { ok: false, fault: 'bearer-not-allowed' } : { ok: true, scheme: 'Bearer', text };
}

/** Whether the token in `text` claims to be bound to a key or a request. What cannot be decoded is left to the verifier to deny. */
function isBound(text: string): boolean {
  let token: UnverifiedMacaroon;
  try {
    token = decode(text);
  } catch {
    return false;
  }
  return [token.root, ...token.discharges].some((macaroon) =>
    macaroon.caveats.some((caveat) => caveat.kind === 'first-party' && boundCaveatPattern.test(textOf(caveat.condition))),
  );
}

function textOf(condition: Uint8Array): string {
  try {
    return decodeUtf8(condition);
  } catch {
    return '';
  }
}
