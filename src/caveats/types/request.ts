/**
 * `request <METHOD> <authority> <target> <digest> <sent_ms> <nonce>`: the token serves this one request. Only the last caveat of the root macaroon
 * may be one. That its nonce is new is for the verifier to see to, once everything else holds.
 */

import { isCanonicalAuthority } from '../authority.js';
import { type CaveatSetting, type CaveatType, type CheckResult, holds, type RequestContext } from '../caveat-type.js';
import { isCanonicalTarget } from '../path.js';
import { isDigest } from './cnf.js';
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

const expected =
  'expected METHOD, authority, target, digest, time of sending in Unix milliseconds and nonce, one space between them';
const timePattern = /^(?:0|[1-9][0-9]{0,14})$/;

export const request: CaveatType<Seal> = Object.freeze<CaveatType<Seal>>({
  name: 'request',
  parse(argument) {
    const [method = '', authority = '', target = '', digest = '', sent = '', nonce = '', ...more] = argument.split(' ');
    const isSeal = isMethod(method) && isCanonicalAuthority(authority) && isCanonicalTarget(target);
    if (!isSeal || !isDigest(digest) || !timePattern.test(sent) || !isDigest(nonce) || more.length > 0) {
      return { ok: false, message: expected };
    }
    return { ok: true, value: Object.freeze({ method, authority, target, digest, sentAtMs: Number(sent), nonce }) };
  },
  format: ({ method, authority, target, digest, sentAtMs, nonce }) =>
    `${method} ${authority} ${target} ${digest} ${sentAtMs} ${nonce}`,
  check: (seal, context, setting) => checkPlace(setting) ?? checkParts(seal, context) ?? checkTime(seal, context),
  describe: ({ method, authority, target }) => `only for one request: ${method} ${authority}${target}`,
  narrows: () => ({ kind: 'contradiction' }),
});

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
