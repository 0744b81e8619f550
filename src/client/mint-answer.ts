/** Reads the issuer's answer to a mint request: nothing of it is used unless it has the shape of the API and is what was asked for. */
import { parseRfc3339 } from '../caveats/rfc3339.js';
import { MacaroonError } from '../core/index.js';

/** A token that the issuer minted, and what it told about it. */
export interface MintedToken {
  /** The token's text: what goes into `Authorization: Macaroon <text>`. */
  readonly token: string;
  /** UUIDv7 text; what `revoke` takes. */
  readonly tokenId: string;
  readonly rootKeyId: string;
  readonly client: string;
  readonly audience: string;
  readonly actions: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** Conditions that the token holds from the start. */
  readonly caveats: readonly string[];
}

/** `answer` to a request for a token of `client` for `audience`. Throws `ERR_ISSUER_ANSWER` for anything else. */
export function readMintedToken(answer: unknown, client: string, audience: string): MintedToken {
  if (typeof answer !== 'object' || answer === null) throw unusable('an object');
  const fields: Readonly<Record<string, unknown>> = { ...answer };
  const minted: MintedToken = {
    token: readText(fields, 'token'),
    tokenId: readText(fields, 'token_id'),
    rootKeyId: readText(fields, 'root_key_id'),
    client: readText(fields, 'client'),
    audience: readText(fields, 'audience'),
    actions: readTexts(fields, 'actions'),
    issuedAtMs: readTime(fields, 'issued_at'),
    expiresAtMs: readTime(fields, 'expires_at'),
    caveats: readTexts(fields, 'caveats'),
  };
  if (minted.client !== client) throw unusable('client');
  if (minted.audience !== audience) throw unusable('audience');
  return minted;
}

function readText(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw unusable(name);
}

function readTexts(fields: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = fields[name];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw unusable(name);
}

function readTime(fields: Readonly<Record<string, unknown>>, name: string): number {
  const timeMs = parseRfc3339(readText(fields, name));
  if (timeMs === undefined) throw unusable(name);
  return timeMs;
}

function unusable(name: string): MacaroonError {
  return new MacaroonError('ERR_ISSUER_ANSWER', `the issuer's answer cannot be used: ${name} is missing or not as expected`);
}
