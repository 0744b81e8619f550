/** What a genuine token's identifier must say for the request at hand, in the order in which it is checked. */

import type { RequestContext } from '../caveats/caveat-type.js';
import { isCanonicalPath } from '../caveats/path.js';
import { formatRfc3339, isRfc3339Time } from '../caveats/rfc3339.js';
import { type IdentifierFacts, someCoverAction } from '../core/index.js';
import type { AudienceKey, DenialCode } from './result.js';

/** How far the issuer's clock may be ahead of ours. */
const maxIssuedAheadMs = 60_000;

/** What the checks look at, for their texts. */
export interface FactInput {
  readonly facts: IdentifierFacts;
  readonly entry: AudienceKey;
  readonly audience: string;
  readonly context: RequestContext;
}

/** One check: `holds` decides, the texts are for people and made when they are needed. */
export interface FactCheck {
  readonly name: string;
  readonly code: DenialCode;
  holds(facts: IdentifierFacts, context: RequestContext, audience: string, entry: AudienceKey): boolean;
  /** Why it holds. */
  describe(input: FactInput): string;
  /** Why it does not. */
  explain(input: FactInput): string;
}

type Holds = FactCheck['holds'];

const isForAudience: Holds = (facts, _context, audience) => facts.audience === audience;
const isOfKeyOwner: Holds = (facts, _context, _audience, entry) => facts.client === entry.client;
const isBeforeExpiry: Holds = (facts, context) => context.nowMs < facts.expiresAtMs;
const isAfterIssue: Holds = (facts, context) => facts.issuedAtMs <= context.nowMs + maxIssuedAheadMs;
const isGranted: Holds = (facts, context) => someCoverAction(facts.actions, context.action);
const hasCanonicalPath: Holds = (_facts, context) => context.path === undefined || isCanonicalPath(context.path);

/** Whether every one of `factChecks` holds. Called by name, as a call through a list costs more than most of the checks. */
export const allFactsHold: Holds = (facts, context, audience, entry) =>
  isForAudience(facts, context, audience, entry) &&
  isOfKeyOwner(facts, context, audience, entry) &&
  isBeforeExpiry(facts, context, audience, entry) &&
  isAfterIssue(facts, context, audience, entry) &&
  isGranted(facts, context, audience, entry) &&
  hasCanonicalPath(facts, context, audience, entry);

export const factChecks: readonly FactCheck[] = [
  {
    name: 'audience',
    code: 'ERR_TOKEN_AUDIENCE',
    holds: isForAudience,
    describe: ({ facts }) => facts.audience,
    explain: ({ facts, audience }) => `the token is for ${facts.audience}, not for ${audience}`,
  },
  {
    name: 'client',
    code: 'ERR_TOKEN_CLIENT',
    holds: isOfKeyOwner,
    describe: ({ facts }) => `${facts.client}, who owns the root key`,
    explain: ({ facts }) => `the token names the client ${facts.client}, but its root key belongs to another`,
  },
  {
    name: 'expiry',
    code: 'ERR_TOKEN_EXPIRED',
    holds: isBeforeExpiry,
    describe: ({ facts }) => `holds until ${timeText(facts.expiresAtMs)}`,
    explain: ({ facts }) => `the token expired at ${timeText(facts.expiresAtMs)}`,
  },
  {
    name: 'issue time',
    code: 'ERR_TOKEN_NOT_YET',
    holds: isAfterIssue,
    describe: ({ facts }) => `issued at ${timeText(facts.issuedAtMs)}`,
    explain: ({ facts }) => `the token was issued in the future, at ${timeText(facts.issuedAtMs)}: check the clocks`,
  },
  {
    name: 'action',
    code: 'ERR_ACTION_NOT_GRANTED',
    holds: isGranted,
    describe: ({ facts, context }) => `${context.action} is covered by ${facts.actions.join(', ')}`,
    explain: ({ facts, context }) => `the token is for ${facts.actions.join(', ')}, which does not cover ${context.action}`,
  },
  {
    name: 'request path',
    code: 'ERR_REQUEST_PATH',
    holds: hasCanonicalPath,
    describe: ({ context }) => (context.path === undefined ? 'not told' : 'canonical'),
    explain: () => 'the path of the request is not canonical: no "//", "." or "..", no needless or lower-case percent-encoding',
  },
];

/** `timeMs` as RFC 3339; a time that has no such spelling as milliseconds. */
function timeText(timeMs: number): string {
  return isRfc3339Time(timeMs) ? formatRfc3339(timeMs) : `${timeMs} ms`;
}
