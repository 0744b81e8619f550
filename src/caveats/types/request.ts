/**
 * `request <METHOD> <authority> <target> <digest> <sent_ms> <nonce>`: the token serves this one request. Only the last caveat of the root macaroon
 * may be one. That its nonce is new is for the verifier to see to, once everything else holds.
 *
 * Each sealed token brings one that was never read before, so it is read from the bytes of the token: first from its end, where the parts have known shapes.
 */

import { are32Bytes, asciiAt, base64urlOf32, decodeUtf8, limits, writeAscii } from '../../core/index.js';
import { isCanonicalAuthority } from '../authority.js';
import { type CaveatSetting, type CaveatType, type CheckResult, holds, type RequestContext } from '../caveat-type.js';
import { isCanonicalTarget } from '../path.js';
import { isMethod } from './method.js';

/** What a request is sealed to. */
export interface Seal {
  /** Upper case. */
  readonly method: string;
  /** `host[:port]` of the service's origin, as `authorityOf` spells it. */
  readonly authority: string;
  /** Raw canonical path and query. */
  readonly target: string;
  /** SHA-256 over the content, base64url. */
  readonly digest: string;
  /** When the request was sent, Unix milliseconds. */
  readonly sentAtMs: number;
  /** 32 random bytes, base64url. */
  readonly nonce: string;
}

/** A condition that is a seal, as a registry would read it. */
export interface SealReading {
  readonly type: CaveatType<unknown>;
  readonly value: Seal;
  readonly text: string;
}

const expected =
  'expected METHOD, authority, target, digest, time of sending in Unix milliseconds and nonce, one space between them';
const maxTimeDigits = 15;
const spaceCode = 0x20;
const zeroCode = 0x30;
const nineCode = 0x39;
/** The last printable one of ASCII. */
const tildeCode = 0x7e;

export const request: CaveatType<Seal> = Object.freeze<CaveatType<Seal>>({
  name: 'request',
  parse(argument) {
    const bytes = new Uint8Array(argument.length);
    const reading = writeAscii(argument, bytes) ? readSeal(bytes, 0, bytes.length, 0) : undefined;
    return reading === undefined ? { ok: false, message: expected } : { ok: true, value: Object.freeze(reading.value) };
  },
  format: ({ method, authority, target, digest, sentAtMs, nonce }) =>
    `${method} ${authority} ${target} ${digest} ${sentAtMs} ${nonce}`,
  check: (seal, context, setting) => checkPlace(setting) ?? checkParts(seal, context) ?? checkTime(seal, context),
  describe: ({ method, authority, target }) => `only for one request: ${method} ${authority}${target}`,
  narrows: () => ({ kind: 'contradiction' }),
});

/** What a seal says before its time of sending. */
export interface SealHead extends Pick<Seal, 'method' | 'authority' | 'target' | 'digest'> {
  /** As it is written, to where the time of sending begins. */
  readonly text: string;
}

/** Digits, as a rule thirteen, then a space and the nonce. */
const afterTimeLength = 1 + base64urlOf32;

/** The one that was read last, and its bytes: who calls often mostly asks for the same, and only time and nonce differ. */
let lastHead: SealHead | undefined;
let lastHeadLength = 0;
/** How many of its bytes come before the argument. */
let lastHeadBefore = 0;
const lastHeadBytes = new Uint8Array(limits.maxConditionBytes);

/**
 * The seal in `bytes` from `start` to `end`, whose argument begins at `argumentStart`: what stands before that is for the caller to know. `undefined` for
 * any argument but one in its one spelling. Keeps no bytes of time and nonce.
 */
export function readSeal(bytes: Uint8Array, start: number, end: number, argumentStart: number): SealReading | undefined {
  const sentStart = startOfDigits(bytes, argumentStart, end - afterTimeLength);
  const head = readSealHead(bytes, start, sentStart, argumentStart);
  return head && readSealAfter(head, bytes, sentStart, end);
}

/** The seal that begins with `head`, whose time of sending begins in `bytes` at `start`, and which ends at `end`. As `readSeal` otherwise. */
export function readSealAfter(head: SealHead, bytes: Uint8Array, start: number, end: number): SealReading | undefined {
  const sentEnd = end - afterTimeLength;
  const sentAtMs = timeAt(bytes, start, sentEnd);
  if (sentAtMs < 0 || bytes[sentEnd] !== spaceCode || !are32Bytes(bytes, sentEnd + 1)) return undefined;
  const { method, authority, target, digest } = head;
  const rest = asciiAt(bytes, start, end);
  const nonce = rest.slice(sentEnd + 1 - start);
  return { type: request, value: { method, authority, target, digest, sentAtMs, nonce }, text: head.text + rest };
}

/** How many bytes `seal` takes from its time of sending on. */
export function sealEndingLength({ sentAtMs }: Seal): number {
  return String(sentAtMs).length + afterTimeLength;
}

/**
 * What stands in `bytes` from `start` to `end`, where the time of sending begins; the argument begins at `argumentStart`. `undefined` for any but its one
 * spelling. The last one is kept.
 */
export function readSealHead(bytes: Uint8Array, start: number, end: number, argumentStart: number): SealHead | undefined {
  const isAlike = end - start === lastHeadLength && argumentStart - start === lastHeadBefore;
  const sameLength = isAlike ? sameAsLastHead(bytes, start) : 0;
  if (isAlike && sameLength === lastHeadLength) return lastHead;
  const digestStart = end - 1 - base64urlOf32;
  if (bytes[end - 1] !== spaceCode || !are32Bytes(bytes, digestStart)) return undefined;
  const isSamePlace = isAlike && sameLength >= digestStart - start;
  const place = isSamePlace ? lastHead : readPlace(bytes, argumentStart, digestStart - 1);
  if (place === undefined) return undefined;
  const { method, authority, target } = place;
  const digest = asciiAt(bytes, digestStart, end - 1);
  const head = { method, authority, target, digest, text: asciiAt(bytes, start, end) };
  if (end - start > lastHeadBytes.length) return head;
  for (let i = start + sameLength; i < end; i++) lastHeadBytes[i - start] = bytes[i] as number;
  lastHeadLength = end - start;
  lastHeadBefore = argumentStart - start;
  lastHead = head;
  return head;
}

/** How many bytes from `start` on are those of the last head. */
function sameAsLastHead(bytes: Uint8Array, start: number): number {
  let length = 0;
  while (length < lastHeadLength && bytes[start + length] === lastHeadBytes[length]) length++;
  return length;
}

/** Method, authority and target in `bytes` from `start` to `end`, where a space stands. `undefined` for any but their one spelling. */
function readPlace(bytes: Uint8Array, start: number, end: number): Pick<Seal, 'method' | 'authority' | 'target'> | undefined {
  const methodEnd = endOfWord(bytes, start, end);
  const authorityEnd = endOfWord(bytes, methodEnd + 1, end);
  if (endOfWord(bytes, authorityEnd + 1, end) !== end) return undefined;
  if (bytes[methodEnd] !== spaceCode || bytes[authorityEnd] !== spaceCode || bytes[end] !== spaceCode) return undefined;
  const method = decodeUtf8(bytes.subarray(start, methodEnd));
  const authority = decodeUtf8(bytes.subarray(methodEnd + 1, authorityEnd));
  const target = decodeUtf8(bytes.subarray(authorityEnd + 1, end));
  return isMethod(method) && isCanonicalAuthority(authority) && isCanonicalTarget(target)
    ? { method, authority, target }
    : undefined;
}

/** Where the printable ASCII without spaces ends that begins at `start`; `end` where all of it is, and `start` where that is beyond. */
function endOfWord(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) > spaceCode && (bytes[at] as number) <= tildeCode) at++;
  return at;
}

/** Where the digits begin that end at `end`, not before `start`. */
function startOfDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && (bytes[at - 1] as number) >= zeroCode && (bytes[at - 1] as number) <= nineCode) at--;
  return at;
}

/** Unix milliseconds in the digits from `start` to `end`; -1 for too many, for none, for what is no digit, and for a needless zero before them. */
function timeAt(bytes: Uint8Array, start: number, end: number): number {
  const count = end - start;
  if (count < 1 || count > maxTimeDigits || (count > 1 && bytes[start] === zeroCode)) return -1;
  let timeMs = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - zeroCode;
    if (digit < 0 || digit > 9) return -1;
    timeMs = timeMs * 10 + digit;
  }
  return timeMs;
}

function checkPlace(setting: CaveatSetting | undefined): CheckResult | undefined {
  if (setting?.isLast === true && setting.dischargeIndex === undefined) return undefined;
  return { holds: false, reason: 'denied', expected: 'the last place in the root macaroon', actual: 'another' };
}

function checkParts(seal: Seal, { method, request: facts }: RequestContext): CheckResult | undefined {
  if (facts === undefined) return { holds: false, reason: 'missing-context', needs: 'origin, target and content' };
  if (method === undefined) return { holds: false, reason: 'missing-context', needs: 'method' };
  if (facts.overridesMethod !== false) {
    return { holds: false, reason: 'denied', expected: 'no header that overrides the method', actual: 'one' };
  }
  const differs =
    wantedInstead(seal.method, method) ??
    wantedInstead(seal.authority, facts.authority) ??
    wantedInstead(seal.target, facts.target);
  if (differs !== undefined) return differs;
  if (seal.digest === facts.digest) return undefined;
  return { holds: false, reason: 'denied', expected: 'the content that it was sealed with', actual: 'another' };
}

function wantedInstead(wanted: string, actual: string): CheckResult | undefined {
  return wanted === actual ? undefined : { holds: false, reason: 'denied', expected: wanted, actual: String(actual) };
}

function checkTime(seal: Seal, { nowMs, request: facts }: RequestContext): CheckResult {
  const apartMs = Math.abs(nowMs - seal.sentAtMs);
  if (apartMs < (facts?.windowMs ?? 0)) return holds;
  const wanted = `a time of sending less than ${facts?.windowMs} ms from the verifier's`;
  return { holds: false, reason: 'stale', expected: wanted, actual: `${apartMs} ms: check the clocks` };
}
