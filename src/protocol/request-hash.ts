/** One hash of what a request asks for, for proofs that are not HTTP signatures: moved to another request, they do not hold. */
import { lengthPrefixed, sha256 } from '../core/index.js';

/** A request as its sender means it and as its receiver got it. */
export interface RequestParts {
  /** As sent, upper case. */
  readonly method: string;
  /** Origin of the receiver as configured, then path and query as sent. */
  readonly targetUri: string;
  /** As sent; empty for none. */
  readonly body: Uint8Array;
}

/** 32 bytes: SHA-256 of LP("macaroond/request/v1", method, target URI, SHA-256 of the body). */
export function requestHash({ method, targetUri, body }: RequestParts): Uint8Array {
  return sha256(lengthPrefixed('macaroond/request/v1', method, targetUri, sha256(body)));
}
