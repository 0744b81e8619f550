/**
 * Sealing: the holder of a token makes, for each request, a copy of it that serves that request alone, by one more caveat. Only the copy travels, so
 * nobody on the way can seal another; and what the copy hangs on is known to both ends, so that answers can prove themselves (`sealed-answer.ts`).
 */
import { formatCondition } from '../caveats/caveat-type.js';
import { standardRegistry } from '../caveats/standard.js';
import { request as requestType } from '../caveats/types/request.js';
import {
  addFirstPartyCaveat,
  bindForRequest,
  type Clock,
  decode,
  decodeIdentifier,
  decodeUtf8,
  encode,
  encodeBase64url,
  lengthPrefixed,
  type Macaroon,
  MacaroonError,
  type RandomBytes,
  sha256,
} from '../core/index.js';
import { type HeaderFields, joinedField } from './header-fields.js';
import { type AnswerKey, answerKeyOf } from './sealed-answer.js';

const nonceBytes = 32;
const namePrefix = `${requestType.name} `;

/** Headers that ask to take a request for one with another method. Whoever obeys one does something else than what was sealed. */
export const methodOverrideHeaders: readonly string[] = ['x-http-method-override', 'x-http-method', 'x-method-override'];

/** The body of a request and what its headers say of it. */
export interface RequestContent {
  /** `Content-Type` as sent; empty or absent when there is none. */
  readonly contentType?: string | undefined;
  /** `Content-Encoding` as sent; empty or absent when there is none. */
  readonly contentEncoding?: string | undefined;
  /** As sent; empty for none. */
  readonly body: Uint8Array;
}

/** SHA-256 of LP(content type) ‖ LP(content encoding) ‖ body, base64url. */
export function requestDigest({ contentType = '', contentEncoding = '', body }: RequestContent): string {
  const head = lengthPrefixed(contentType, contentEncoding);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return encodeBase64url(sha256(whole));
}

/** The content of a request with these headers. Several types are joined by what no header can hold, so that they are never those that were sealed. */
export function requestContent(headers: HeaderFields, body: Uint8Array): RequestContent {
  const contentType = headers.get('content-type')?.join('\n');
  return { contentType, contentEncoding: joinedField(headers, 'content-encoding'), body };
}

/** A request as it will be sent. */
export interface RequestToSeal extends RequestContent {
  /** Upper case. */
  readonly method: string;
  /** `host[:port]` of the URL, as `authorityOf` spells it. */
  readonly authority: string;
  /** Raw canonical path and query. */
  readonly target: string;
}

export interface SealTools {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

export interface SealedRequest {
  /** The token to send with the request, and with no other. */
  readonly text: string;
  /** What the answer must be signed with. */
  readonly answerKey: AnswerKey;
  readonly tokenId: string;
  readonly nonce: string;
  readonly sentAtMs: number;
}

/**
 * The token in `text` sealed to `request`, sent now. `discharges` of its third-party caveats, not bound yet, are bound to the sealed token.
 * Throws `ERR_ARGUMENT` for a token that is sealed already or holds bound discharges, and for a request that cannot be sealed: a method in lower case, an authority or
 * a target that is not canonical; `ERR_LIMIT_CONDITION` for a target of more than some 800 characters; `ERR_FORMAT_*`, `ERR_LIMIT_*`.
 */
export function sealRequest(
  text: string,
  request: RequestToSeal,
  { clock, randomBytes }: SealTools,
  discharges: readonly Macaroon[] = [],
): SealedRequest {
  const { root, discharges: bound } = decode(text);
  if (bound.length > 0) throw badArgument('text', 'holds bound discharges: seal the token first, then bind them to the result');
  if (sealOf(root) !== undefined) throw badArgument('text', 'is sealed to a request already');
  const { method, authority, target } = request;
  const sentAtMs = Math.floor(clock());
  const nonce = encodeBase64url(randomBytes(nonceBytes));
  const seal = { method, authority, target, digest: requestDigest(request), sentAtMs, nonce };
  const condition = formatCondition(requestType, seal);
  if (!standardRegistry.parse(condition).ok) {
    throw badArgument(
      'request',
      'cannot be sealed: it needs an upper-case method, host[:port], and a canonical path without "//", "." or ".."',
    );
  }
  const sealed = addFirstPartyCaveat(root, condition);
  return Object.freeze({
    text: encode({ root: sealed, discharges: discharges.map((discharge) => bindForRequest(sealed, discharge)) }),
    answerKey: answerKeyOf(root.signature),
    tokenId: decodeIdentifier(root.identifier).tokenId,
    nonce,
    sentAtMs,
  });
}

/** The condition by which `root` claims to be sealed: its last caveat, when that is called `request`; `undefined` otherwise. */
export function sealOf(root: Macaroon): string | undefined {
  const last = root.caveats.at(-1);
  if (last?.kind !== 'first-party') return undefined;
  try {
    const condition = decodeUtf8(last.condition);
    return condition.startsWith(namePrefix) ? condition : undefined;
  } catch {
    return undefined;
  }
}

function badArgument(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument}: the ${argument === 'text' ? 'token' : argument} ${fault}`, { argument });
}
