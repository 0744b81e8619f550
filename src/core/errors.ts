/**
 * The one error type of the project and the one list of its codes.
 *
 * Faults of a presented token are values in the verifier (`{ ok: false, code }`); `decode`, wrong arguments of our caller and
 * broken machinery throw `MacaroonError`. Codes are stable; messages are for people and never hold token bytes, keys, or text
 * that a stranger wrote.
 */

/** Faults of the bytes or the text of a token; `offset` says where. */
export type FormatErrorCode =
  | 'ERR_FORMAT_EMPTY' // no text or no bytes at all
  | 'ERR_FORMAT_TEXT' // a character that the text form does not have, or a broken prefix
  | 'ERR_FORMAT_CHECKSUM' // prefix and checksum are there, the checksum differs: cut or mistyped
  | 'ERR_FORMAT_BASE64' // not the one unpadded base64url spelling
  | 'ERR_FORMAT_TRUNCATED' // the bytes end inside a field
  | 'ERR_FORMAT_VERSION' // neither V2 binary, nor (where accepted) V2 JSON or V1 binary
  | 'ERR_FORMAT_VARINT' // a length (varint, or the hex digits of V1) that is not in its one spelling or too large
  | 'ERR_FORMAT_FIELD' // a field that is unknown, missing, repeated or out of order
  | 'ERR_FORMAT_SIGNATURE' // a signature that is not 32 bytes
  | 'ERR_FORMAT_TRAILING' // bytes after the end
  | 'ERR_FORMAT_UTF8' // text that is not UTF-8
  | 'ERR_FORMAT_JSON' // V2 JSON that is not valid or ambiguous
  | 'ERR_FORMAT_IDENTIFIER' // an identifier that the issuer of this project did not write
  | 'ERR_FORMAT_CONDITION'; // a condition that is not `name SP argument` in its one spelling

/** A limit of `core/limits.ts` was passed; `limit` holds it. */
export type LimitErrorCode =
  | 'ERR_LIMIT_TEXT'
  | 'ERR_LIMIT_CAVEATS'
  | 'ERR_LIMIT_CONDITION'
  | 'ERR_LIMIT_IDENTIFIER'
  | 'ERR_LIMIT_LOCATION'
  | 'ERR_LIMIT_DISCHARGES'
  | 'ERR_LIMIT_DEPTH';

/** The signature chain or its discharges do not hold. */
export type SignatureErrorCode =
  | 'ERR_SIGNATURE_MISMATCH' // forged, altered, or another key
  | 'ERR_SIGNATURE_VERIFICATION_ID' // a verification id that does not open
  | 'ERR_DISCHARGE_MISSING' // a third-party caveat without its discharge
  | 'ERR_DISCHARGE_REUSED' // one discharge asked for twice (also every cycle)
  | 'ERR_DISCHARGE_DUPLICATE' // two discharges with one identifier
  | 'ERR_DISCHARGE_UNUSED' // a discharge that no caveat asked for
  | 'ERR_DISCHARGE_MISMATCH'; // a discharge whose bound signature does not hold

/** The token is genuine, but its key, its facts or a revocation say no. */
export type TokenErrorCode =
  | 'ERR_KEY_UNKNOWN' // no such root key and generation for this audience
  | 'ERR_KEY_DESTROYED'
  | 'ERR_REVOKED_TOKEN'
  | 'ERR_REVOKED_CLIENT' // issued before the client's tokens were revoked
  | 'ERR_REVOKED_ROOT_KEY'
  | 'ERR_REVOKED_AUDIENCE_KEY'
  | 'ERR_TOKEN_AUDIENCE' // minted for another service
  | 'ERR_TOKEN_CLIENT' // names a client that does not own the root key
  | 'ERR_TOKEN_EXPIRED'
  | 'ERR_TOKEN_NOT_YET' // issued in the future
  | 'ERR_ACTION_NOT_GRANTED'; // the identifier's actions do not cover the requested one

/** A caveat was not cleared; the result's `caveatIndex` says which. */
export type CaveatErrorCode =
  | 'ERR_CAVEAT_UNKNOWN'
  | 'ERR_CAVEAT_MALFORMED'
  | 'ERR_CAVEAT_CONTEXT' // the verifier was not told what the caveat asks about
  | 'ERR_CAVEAT_DENIED'
  | 'ERR_REQUEST_PATH' // the request's path is not canonical
  | 'ERR_REQUEST_REPEATED' // a sealed or signed request whose nonce was used before
  | 'ERR_REQUEST_STALE'; // a sealed or signed request whose time is outside the window

/** What our caller supplied is wrong, or machinery that we stand on is broken. */
export type MachineryErrorCode =
  | 'ERR_ARGUMENT' // `argument` names it
  | 'ERR_CREDENTIAL_FILE'
  | 'ERR_CONFIG'
  | 'ERR_DATA_DIRECTORY'
  | 'ERR_MASTER_KEY'
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_CORRUPT' // a ciphertext, row or audit chain that does not hold
  | 'ERR_SOURCE_STALE' // the key source lost contact for longer than allowed, or was closed
  | 'ERR_SOURCE_BUSY' // a key is not here, and the issuer may not be asked for one more just now
  | 'ERR_ISSUER_UNREACHABLE'
  | 'ERR_ISSUER_IDENTITY' // TLS: not the server that was expected
  | 'ERR_ISSUER_REFUSED' // the issuer answered with a problem; `problem` holds its code
  | 'ERR_ISSUER_ANSWER' // the issuer answered something that is not its API
  | 'ERR_SERVICE_UNREACHABLE'
  | 'ERR_SERVICE_IDENTITY' // TLS: not the service that was expected
  | 'ERR_SERVICE_REFUSED' // TLS: the service asks for a client certificate, another one than it was shown
  | 'ERR_SERVICE_ANSWER' // the service answered something that is no HTTP, or more than may be read
  | 'ERR_INTERFERENCE' // an answer that does not prove itself: `InterferenceError` says how
  | 'ERR_MESSAGE_SIGNATURE'; // headers of an HTTP message signature or a digest that cannot be read

export type MacaroonErrorCode =
  | FormatErrorCode
  | LimitErrorCode
  | SignatureErrorCode
  | TokenErrorCode
  | CaveatErrorCode
  | MachineryErrorCode;

/** What a `MacaroonError` may tell beside its code. None of it is secret. */
export interface MacaroonErrorDetails {
  /** Byte (binary forms) or character (text form) offset at which the fault was seen. */
  readonly offset?: number;
  /** The limit that was passed, in the unit of its name in `core/limits.ts`. */
  readonly limit?: number;
  /** Name of the wrong argument, option or field. */
  readonly argument?: string;
  /** Stable code of the problem that the issuer answered. */
  readonly problem?: string;
  /** HTTP status that came with `problem`. */
  readonly status?: number;
  /** Whether the request was carried out is not known: find out before it is sent again. */
  readonly outcome?: 'unknown';
  readonly cause?: unknown;
}

/** Every error this package throws on purpose. Switch over `code`. */
export class MacaroonError extends Error {
  override readonly name: string = 'MacaroonError';
  readonly code: MacaroonErrorCode;
  readonly offset: number | undefined;
  readonly limit: number | undefined;
  readonly argument: string | undefined;
  readonly problem: string | undefined;
  readonly status: number | undefined;
  readonly outcome: 'unknown' | undefined;

  constructor(code: MacaroonErrorCode, message: string, details: MacaroonErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.offset = details.offset;
    this.limit = details.limit;
    this.argument = details.argument;
    this.problem = details.problem;
    this.status = details.status;
    this.outcome = details.outcome;
  }
}
