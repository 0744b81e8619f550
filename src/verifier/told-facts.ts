/**
 * What a service told of the request at hand, read once. Caveat types of this project look at it as it is; types of a service's own get a frozen copy,
 * made only for them, so that none can change what the next one sees.
 */
import type { RequestContext, RequestFacts } from '../caveats/caveat-type.js';
import { isAction, MacaroonError } from '../core/index.js';
import type { VerifyContext } from './result.js';

const { hasOwnProperty: hasOwn } = Object.prototype;

/** The facts that `context` itself had: what it inherits was not told, and nothing is inherited here. */
export class ToldFacts implements RequestContext {
  readonly [fact: string]: unknown;
  action = '';
  nowMs = 0;
  ip: string | undefined = undefined;
  method: string | undefined = undefined;
  path: string | undefined = undefined;
  certificateThumbprint: string | undefined = undefined;
  keyThumbprint: string | undefined = undefined;
  /** Read out of `told` where a caveat asks for it: see `local-verification.ts`. */
  request: RequestFacts | undefined = undefined;
  /** The request as the service told it. */
  told: VerifyContext['request'] = undefined;
  /** Facts that this project does not know. */
  others: Record<string, unknown> | undefined = undefined;
}
Object.setPrototypeOf(ToldFacts.prototype, null);
Object.freeze(ToldFacts.prototype);

/**
 * The facts that `context` itself has, each read once: what it inherits, or what every object has because somebody changed
 * `Object.prototype`, was not told. Throws `ERR_ARGUMENT` for a wrong context, and for a `text` that is none.
 */
export function readFacts(text: string, context: VerifyContext): ToldFacts {
  if (typeof text !== 'string') throw badArgument('text', 'must be the text of a token');
  if (typeof context !== 'object' || context === null) throw badArgument('context', 'must say at least the action');
  const facts = new ToldFacts();
  let action: unknown;
  // In a loop of this kind the engine reads members by their places, which takes a fifth of what it does by a list of their names.
  for (const name in context) {
    if (!hasOwn.call(context, name)) continue;
    const value = context[name];
    if (name === 'action') action = value;
    else if (name === 'ip') facts.ip = textOrNothing(name, value);
    else if (name === 'method') facts.method = textOrNothing(name, value);
    else if (name === 'path') facts.path = textOrNothing(name, value);
    else if (name === 'certificateThumbprint') facts.certificateThumbprint = textOrNothing(name, value);
    else if (name === 'keyThumbprint') facts.keyThumbprint = textOrNothing(name, value);
    else if (name === 'request') facts.told = value as VerifyContext['request'];
    else facts.others = withOther(facts.others, name, value);
  }
  if (typeof action !== 'string' || !isAction(action)) {
    throw badArgument('action', 'must be an action such as invoices:read, without "*"');
  }
  facts.action = action;
  return facts;
}

/** `facts` as an object of its own that inherits nothing, and not the request as it was told. Frozen, with all that is in it. */
export function wholeContext(facts: ToldFacts): RequestContext {
  Object.freeze(facts.request);
  const whole: Record<string, unknown> = Object.assign({ __proto__: null }, facts.others);
  for (const name of ['ip', 'method', 'path', 'certificateThumbprint', 'keyThumbprint', 'request'] as const) {
    if (facts[name] !== undefined) whole[name] = facts[name];
  }
  return Object.freeze(Object.assign(whole, { action: facts.action, nowMs: facts.nowMs }));
}

/** `facts` as they were told, without a time. */
export function toldContext(facts: ToldFacts): VerifyContext {
  const { nowMs: _nowMs, ...told } = wholeContext(facts);
  return { ...told, action: facts.action, request: facts.told };
}

function textOrNothing(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw badArgument(name, 'must be text when it is known');
}

function withOther(others: ToldFacts['others'], name: string, value: unknown): Record<string, unknown> {
  if ((name === 'nowMs' || name === 'at') && value !== undefined) {
    throw badArgument(name, "cannot be told: the time is the verifier's own, or the issuer's");
  }
  const all = others ?? Object.assign({ __proto__: null });
  all[name] = value;
  return all;
}

export function badArgument(argument: string, fault: string): MacaroonError {
  return new MacaroonError('ERR_ARGUMENT', `${argument} ${fault}`, { argument });
}
