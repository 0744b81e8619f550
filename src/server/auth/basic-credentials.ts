/**
 * Reads `Authorization: Basic …` as RFC 7617 and RFC 6749 §2.3.1 say: base64 of `id:secret`, UTF-8, both form-url-encoded before. One
 * base64 spelling only, so that no two texts are the same credentials.
 */
import { decodeUtf8 } from '../../core/index.js';

export interface BasicCredentials {
  readonly id: string;
  readonly secret: string;
}

const schemePattern = /^basic /i;
const maxBase64Length = 1024;

/** Whether `authorization` is of the Basic scheme, well-formed or not. */
export function isBasicScheme(authorization: string): boolean {
  return schemePattern.test(authorization) || authorization.toLowerCase() === 'basic';
}

/** Id and secret of a `Basic` header value; `undefined` unless it is in the one spelling that its bytes have. */
export function parseBasicCredentials(authorization: string): BasicCredentials | undefined {
  if (!schemePattern.test(authorization)) return undefined;
  const pair = decodePair(authorization.slice('basic '.length));
  const colon = pair?.indexOf(':') ?? -1;
  if (pair === undefined || colon < 0) return undefined;
  const id = formDecode(pair.slice(0, colon));
  const secret = formDecode(pair.slice(colon + 1));
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Base64 is decoded into it, as to make a new one takes longer; it is wiped at once. */
const decoded = Buffer.alloc(maxBase64Length);

function decodePair(base64: string): string | undefined {
  if (base64.length > maxBase64Length) return undefined;
  const length = decoded.write(base64, 'base64');
  try {
    // Node skips what is not base64; printing the bytes again shows whether it did.
    return decoded.toString('base64', 0, length) === base64 ? textOf(decoded.subarray(0, length)) : undefined;
  } finally {
    decoded.fill(0, 0, length);
  }
}

/** Text of UTF-8 `bytes`; `undefined` where they are not UTF-8. */
function textOf(bytes: Buffer): string | undefined {
  let all = 0;
  for (let i = 0; i < bytes.length; i++) all |= bytes[i] as number;
  // ASCII, which almost every pair is, reads the same as Latin-1, and faster.
  if (all < 0x80) return bytes.toString('latin1');
  try {
    return decodeUtf8(bytes);
  } catch {
    return undefined;
  }
}

/** Undoes `application/x-www-form-urlencoded` for one value; `undefined` for a broken escape. */
function formDecode(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
