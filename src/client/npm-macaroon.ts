/**
 * Between our text form and the objects of npm `macaroon` 3, through its JSON form only: its `exportBinary` runs out of memory
 * from a few caveats on. The package is an optional peer and is never imported here; callers pass what they have of it.
 */
import {
  decode,
  decodeV2Json,
  encode,
  exportV2Json,
  MacaroonError,
  type UnverifiedMacaroon,
  type V2Json,
} from '../core/index.js';

/** What is used of an npm `macaroon` object. */
export interface NpmMacaroon {
  exportJSON(): unknown;
}

/** `importMacaroon` of npm `macaroon`, or the module that holds it. */
export type NpmMacaroonImporter<M> = ((json: V2Json) => M) | { importMacaroon(json: V2Json): M };

/** A token as npm `macaroon` objects: what to call `verify` on, and what to pass it. */
export interface NpmToken<M> {
  readonly root: M;
  readonly discharges: readonly M[];
}

/**
 * Text form of the npm macaroon `root` and its `discharges`, which must already be bound to it.
 * Throws `ERR_ARGUMENT` for what is no macaroon, `ERR_FORMAT_VERSION` for a version 1 macaroon, other `ERR_FORMAT_*` and `ERR_LIMIT_*` for what our format cannot hold.
 */
export function fromMacaroon(root: NpmMacaroon, discharges: readonly NpmMacaroon[] = []): string {
  if (!Array.isArray(discharges)) throw argumentError('discharges', 'a list of macaroons of npm macaroon');
  return encode({ root: read(root), discharges: discharges.map(read) });
}

/**
 * npm `macaroon` objects of the token `text`, made by `importer`. Nothing is verified.
 * Throws `ERR_ARGUMENT` for what is no text or no importer, `ERR_FORMAT_*` and `ERR_LIMIT_*` for a text that is no token; whatever
 * `importer` throws.
 */
export function toMacaroon<M>(text: string, importer: NpmMacaroonImporter<M>): NpmToken<M> {
  if (typeof text !== 'string') throw argumentError('text', 'the text of a token');
  if (typeof importer !== 'function' && typeof importer?.importMacaroon !== 'function') {
    throw argumentError('importer', 'importMacaroon of npm macaroon, or the module that holds it');
  }
  const token = decode(text);
  const make = (json: V2Json) => (typeof importer === 'function' ? importer(json) : importer.importMacaroon(json));
  return { root: make(exportV2Json(token.root)), discharges: token.discharges.map((discharge) => make(exportV2Json(discharge))) };
}

function read(macaroon: NpmMacaroon): UnverifiedMacaroon['root'] {
  if (typeof macaroon?.exportJSON !== 'function') throw argumentError('macaroon', 'a macaroon of npm macaroon');
  const json: unknown = macaroon.exportJSON();
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw argumentError('macaroon', 'a macaroon of npm macaroon');
  }
  return decodeV2Json(JSON.stringify(json)).root;
}

function argumentError(argument: string, expected: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} must be ${expected}`, { argument });
}
