/** Reads the issuer's answer to a mint request: nothing of it is used unless it has the shape of the API and is what was asked for. */
import { parseRfc3339 } from '../caveats/rfc3339.js';
import { decode, decodeIdentifier, decodeUtf8, MacaroonError, someCoverAction } from '../core/index.js';
import type { MintRequest } from '../protocol/wire.js';

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

/**
 * `answer` to what `client` asked for. Throws `ERR_ISSUER_ANSWER` unless it holds a token and says of it what the token says, and that is of
 * the client, for the audience, and within every restriction asked for. The signature is not looked at: that takes a key.
 */
export function readMintedToken(answer: unknown, client: string, asked: MintRequest): MintedToken {
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
  const stated = statedBy(minted.token);
  for (const [name, value] of Object.entries(stated)) {
    if (JSON.stringify(minted[name as keyof typeof stated]) !== JSON.stringify(value)) throw unusable(name);
  }
  requireAsked(minted, client, asked);
  return minted;
}

/** What the text of a token states by itself. */
function statedBy(text: string): Omit<MintedToken, 'token'> {
  try {
    const { root } = decode(text);
    const { tokenId, rootKeyId, client, audience, actions, issuedAtMs, expiresAtMs } = decodeIdentifier(root.identifier);
    const conditions = root.caveats.flatMap((caveat) => (caveat.kind === 'first-party' ? [decodeUtf8(caveat.condition)] : []));
    return { tokenId, rootKeyId, client, audience, actions, issuedAtMs, expiresAtMs, caveats: conditions };
  } catch (cause) {
    throw unusable('token', cause);
  }
}

function requireAsked(minted: MintedToken, client: string, asked: MintRequest): void {
  const { actions, expires_in: lifeSeconds, caveats = [] } = asked;
  if (minted.client !== client) throw unusable('client');
  if (minted.audience !== asked.audience) throw unusable('audience');
  if (actions !== undefined && !minted.actions.every((action) => someCoverAction(actions, action))) throw unusable('actions');
  const lifeMs = minted.expiresAtMs - minted.issuedAtMs;
  if (lifeSeconds !== undefined && lifeMs > lifeSeconds * 1000) throw unusable('expiresAtMs');
  if (!caveats.every((condition) => minted.caveats.includes(condition))) throw unusable('caveats');
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

function unusable(name: string, cause?: unknown): MacaroonError {
  const message = `the issuer's answer cannot be used: ${name} is missing or not as expected`;
  return new MacaroonError('ERR_ISSUER_ANSWER', message, { cause });
}
