/**
 * `shared_key_hmac`: a protocol of HMAC-SHA-256 alone. A shared key handed over in person lets its holder enrol; from it and a nonce both sides
 * derive the client's private key, which never travels. Requests and answers carry nonce, time and MAC. Every MAC is over length-prefixed parts
 * behind a label of its direction, so that no two messages have the same bytes.
 *
 * Header of a request: `Macaroond-Mac: name="mail", nonce=:…:, sent=…, mac=:…:`; of an answer: `nonce`, `sent` and `mac` alone.
 */
import { decodeBase64url, hmacSha256, lengthPrefixed } from '../core/index.js';
import { formatDictionary, parseDictionary } from './http-signature/index.js';

export const macHeader = 'macaroond-mac';
/** How far the time of a message may lie from the receiver's: strictly less, milliseconds. */
export const macWindowMs = 5_000;
/** Bytes of keys, nonces and MACs. */
export const macKeyBytes = 32;

const label = 'macaroond/shared-key-hmac/v1';

/** The client's private key: HMAC-SHA-256(shared key, enrolment nonce), 32 bytes. */
export function derivePrivateKey(sharedKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return hmacSha256(sharedKey, nonce);
}

/** What the holder of `sharedKey` sends to enrol as `name`: HMAC(shared key, LP(label, "enrolment", name, nonce)). */
export function enrolmentMac(sharedKey: Uint8Array, name: string, nonce: Uint8Array): Uint8Array {
  return hmacSha256(sharedKey, lengthPrefixed(label, 'enrolment', name, nonce));
}

/** A request as its MAC covers it. */
export interface MacRequest {
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  /** Unix milliseconds. */
  readonly sentAtMs: number;
  /** `<METHOD> <target>`, the target as sent. */
  readonly action: string;
  readonly name: string;
  /** The body as sent. */
  readonly packet: Uint8Array;
}

/** HMAC(private key, LP(label, "request", nonce, time, action, name, packet)). */
export function requestMac(privateKey: Uint8Array, { nonce, sentAtMs, action, name, packet }: MacRequest): Uint8Array {
  return hmacSha256(privateKey, lengthPrefixed(label, 'request', nonce, timeBytes(sentAtMs), action, name, packet));
}

/** An answer as its MAC covers it. */
export interface MacAnswer {
  /** Of the request, or of the enrolment. */
  readonly requestNonce: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sentAtMs: number;
  /** HTTP status. */
  readonly status: number;
  readonly packet: Uint8Array;
}

/** HMAC(private key, LP(label, "answer", request nonce, nonce, time, status, packet)). */
export function answerMac(privateKey: Uint8Array, answer: MacAnswer): Uint8Array {
  const { requestNonce, nonce, sentAtMs, status, packet } = answer;
  return hmacSha256(
    privateKey,
    lengthPrefixed(label, 'answer', requestNonce, nonce, timeBytes(sentAtMs), String(status), packet),
  );
}

/** What the header holds; `name` in requests alone. */
export interface MacFields {
  readonly name?: string | undefined;
  readonly nonce: Uint8Array;
  readonly sentAtMs: number;
  readonly mac: Uint8Array;
}

export function formatMacFields({ name, nonce, sentAtMs, mac }: MacFields): string {
  return formatDictionary([
    ...(name === undefined ? [] : [['name', name] as const]),
    ['nonce', nonce],
    ['sent', sentAtMs],
    ['mac', mac],
  ]);
}

/** The members of a header; `undefined` unless they are just these, nonce and MAC with 32 bytes, and the name there as `of` needs it. */
export function readMacFields(text: string, of: 'request' | 'answer'): MacFields | undefined {
  let members: ReturnType<typeof parseDictionary>;
  try {
    members = parseDictionary(text);
  } catch {
    return undefined;
  }
  const [name, nonce, sentAtMs, mac] = ['name', 'nonce', 'sent', 'mac'].map((member) => members.get(member));
  if (members.size !== (of === 'request' ? 4 : 3) || typeof sentAtMs !== 'number' || !Number.isSafeInteger(sentAtMs))
    return undefined;
  if (!isKeyBytes(nonce) || !isKeyBytes(mac) || sentAtMs < 0) return undefined;
  if (of === 'answer') return { nonce, sentAtMs, mac };
  return typeof name === 'string' ? { name, nonce, sentAtMs, mac } : undefined;
}

function isKeyBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === macKeyBytes;
}

/** Whether `text` is base64url of 32 bytes, as keys, nonces and MACs are written where they do not stand in a header. */
export function isMacKeyText(text: string): boolean {
  try {
    return text.length === 43 && decodeBase64url(text).length === macKeyBytes;
  } catch {
    return false;
  }
}

/** 8 bytes, big-endian. */
function timeBytes(timeMs: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(timeMs));
  return bytes;
}
