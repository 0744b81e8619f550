/**
 * `request <METHOD> <authority> <target> <digest> <sent_ms> <nonce>`: the token serves this one request. Only the last caveat of the root macaroon
 * may be one. That its nonce is new is for the verifier to see to, once everything else holds.
 *
 * Each sealed token brings one that was never read before, so it is read from the bytes of the token: first from its end, where the parts have known shapes.
 */

import {
  are32BytesAt,
  asciiAt,
  base64urlOf32,
  copyRange,
  decodeUtf8,
  encodeUtf8,
  internText,
  writeAscii,
} from '../../core/index.js';
import { isCanonicalAuthority } from '../authority.js';
import { type CaveatSetting, type CaveatType, type CheckResult, holds, type RequestContext } from '../caveat-type.js';
import { isCanonicalTargetAt } from '../path.js';
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
    const reading = writeAscii(argument, bytes) ? readSeal(bytes, new DataView(bytes.buffer), 0, bytes.length, 0) : undefined;
    return reading === undefined ? { ok: false, message: expected } : { ok: true, value: Object.freeze(reading.value) };
  },
  format: ({ method, authority, target, digest, sentAtMs, nonce }) =>
    `${method} ${authority} ${target} ${digest} ${sentAtMs} ${nonce}`,
  check: (seal, context, setting) => checkPlace(setting) ?? checkParts(seal, context) ?? checkTime(seal, context),
  describe: ({ method, authority, target }) => `only for one request: ${method} ${authority}${target}`,
  narrows: () => ({ kind: 'contradiction' }),
});

/** A space, then the nonce. */
const afterTimeLength = 1 + base64urlOf32;
/** Digits of a time of sending from 2001 to 2286. */
const usualTimeDigits = 13;

/**
 * The seal in `bytes`, of which `view` is one, from `start` to `end`; its argument begins at `argumentStart`: what stands before that is for the caller to
 * know. `undefined` for any argument but one in its one spelling. Keeps no bytes of time and nonce.
 */
export function readSeal(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  argumentStart: number,
): SealReading | undefined {
  const sentEnd = end - afterTimeLength;
  const usualStart = sentEnd - usualTimeDigits;
  const sentStart = bytes[usualStart - 1] === spaceCode ? usualStart : startOfDigits(bytes, argumentStart, sentEnd);
  const digestEnd = sentStart - 1;
  const digestStart = digestEnd - base64urlOf32;
  const targetEnd = digestStart - 1;
  const sentAtMs = timeAt(bytes, sentStart, sentEnd);
  if (sentAtMs < 0 || bytes[sentEnd] !== spaceCode || bytes[digestEnd] !== spaceCode || bytes[targetEnd] !== spaceCode)
    return undefined;
  if (!are32BytesAt(view, sentEnd + 1)) return undefined;
  const hasContent = !isSameAt(noContent, base64urlOf32, view, digestStart, digestEnd);
  if (hasContent && !are32BytesAt(view, digestStart)) return undefined;
  const service = readService(bytes, view, argumentStart, targetEnd);
  if (service === undefined) return undefined;
  const targetStart = argumentStart + service.length;
  if (!isCanonicalTargetAt(bytes, targetStart, targetEnd)) return undefined;
  // All of it is ASCII. What is taken out of it, the engine keeps as views.
  const text = asciiAt(bytes, start, end);
  const { method, authority } = service;
  const target = text.slice(targetStart - start, targetEnd - start);
  const digest = hasContent ? text.slice(digestStart - start, digestEnd - start) : noContentDigest;
  const nonce = text.slice(sentEnd + 1 - start);
  return { type: request, value: { method, authority, target, digest, sentAtMs, nonce }, text };
}

/** Digest of a request without content, as most are. */
const noContentDigest = 'r1Vw9aGBC3r3jK9LxwpmDw31HkK6-R1N5bIyjeDoPfw';
const noContent = new DataView(encodeUtf8(noContentDigest).buffer);

/** Where a request goes, and how a seal says it, with the space behind it. */
interface Service extends Pick<Seal, 'method' | 'authority'> {
  readonly view: DataView;
  readonly length: number;
}

/** The one that was read last: who calls often mostly calls the same. */
let lastService: Service | undefined;

/** The service in `bytes` from `start` on, before `end`. `undefined` for any but its one spelling. */
function readService(bytes: Uint8Array, view: DataView, start: number, end: number): Service | undefined {
  const last = lastService;
  if (last !== undefined && isSameAt(last.view, last.length, view, start, end)) return last;
  const methodEnd = endOfWord(bytes, start, end);
  const authorityEnd = endOfWord(bytes, methodEnd + 1, end);
  if (authorityEnd >= end || bytes[methodEnd] !== spaceCode || bytes[authorityEnd] !== spaceCode) return undefined;
  const method = internText(decodeUtf8(bytes.subarray(start, methodEnd)));
  const authority = internText(decodeUtf8(bytes.subarray(methodEnd + 1, authorityEnd)));
  if (!isMethod(method) || !isCanonicalAuthority(authority)) return undefined;
  const length = authorityEnd + 1 - start;
  lastService = { method, authority, view: new DataView(copyRange(bytes, start, start + length).buffer), length };
  return lastService;
}

/** Whether the `length` bytes of `known` (four or more) stand in `view` at `start`, before `end`. */
function isSameAt(known: DataView, length: number, view: DataView, start: number, end: number): boolean {
  const last = length - 4;
  if (start + last + 4 > end || view.getInt32(start + last) !== known.getInt32(last)) return false;
  for (let i = 0; i < last; i += 4) if (view.getInt32(start + i) !== known.getInt32(i)) return false;
  return true;
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
  // In two parts: numbers of up to nine digits the engine adds up by the machine's own.
  const middle = Math.max(start, end - 9);
  let high = 0;
  let low = 0;
  for (let i = start; i < middle; i++) {
    const digit = (bytes[i] as number) - zeroCode;
    if (digit < 0 || digit > 9) return -1;
    high = (high * 10 + digit) | 0;
  }
  for (let i = middle; i < end; i++) {
    const digit = (bytes[i] as number) - zeroCode;
    if (digit < 0 || digit > 9) return -1;
    low = (low * 10 + digit) | 0;
  }
  return high * 1e9 + low;
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
