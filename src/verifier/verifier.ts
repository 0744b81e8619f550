/**
 * The verifier that a service imports: one `verify` in front of keys at hand or an issuer that is asked. A fault of the presented token
 * is a value with its exact code; a fault of our caller and broken machinery throw.
 *
 * Imports no key source, so that it runs where those do not.
 */
import type { CaveatRegistry } from '../caveats/registry.js';
import { standardRegistry } from '../caveats/standard.js';
import { type Clock, isPromise, requireKnownNames, requireName } from '../core/index.js';
import { memoryReplayStore } from '../protocol/memory-replay-store.js';
import { type ReplayStore, requireReplayStore } from '../protocol/replay-store.js';
import { explanationOf } from './explanation.js';
import { decodeToken } from './genuine-token.js';
import { LocalVerification } from './local-verification.js';
import { readClock } from './read-clock.js';
import { RemoteVerification } from './remote-verification.js';
import { RequestProofs, type RequestSetup } from './request-proofs.js';
import type { Denial, Explanation, KeySource, RemoteSource, VerifyContext, VerifyResult } from './result.js';
import { parseOrigins } from './sent-request.js';
import { badArgument, readFacts, type ToldFacts, toldContext } from './told-facts.js';
import { warmUpOnce } from './warm-up.js';

export interface VerifierOptions {
  /** Name of the service that the tokens must be for, e.g. `invoice`. */
  readonly audience: string;
  /** `issuerKeys(…)`, `staticKeys(…)` or `remoteVerification(…)`; the verifier closes it. */
  readonly keys: KeySource | RemoteSource;
  /** Caveat types to know; the standard ones when absent. Not for a remote source, where the issuer clears the caveats. */
  readonly caveats?: CaveatRegistry | undefined;
  /** Time; the machine's when absent. Not for a remote source, where the issuer's counts. */
  readonly clock?: Clock | undefined;
  /** URLs that clients reach the service by, such as `https://invoice.example`. Without them it takes no token that is bound to a request. */
  readonly origins?: readonly string[] | undefined;
  /** Where the nonces of sealed and signed requests are kept: one for all processes of the service. In memory when absent; one that is given is not closed. */
  readonly replayStore?: ReplayStore | undefined;
  /** How far the time of a sealed request may lie from ours, 1 to 300,000 ms; 5,000 when absent. Not for a remote source. */
  readonly requestWindowMs?: number | undefined;
  /**
   * How many tokens, and how many beginnings of tokens, are remembered at most, so that those which come again are not hashed again: 0 (none) to 1,000,000;
   * 10,000 when absent. What else bounds their memory grows and shrinks with it. Not for a remote source, which remembers none here.
   */
  readonly rememberedTokens?: number | undefined;
}

export interface Verifier {
  readonly audience: string;
  /**
   * Whether the token in `text` allows the request that `context` describes by its own properties. Throws `ERR_ARGUMENT` for a wrong
   * context or a key source that answers what it must not, and `ERR_SOURCE_*`, `ERR_ISSUER_*` or what a key source of your own throws; nothing for any text.
   */
  verify(text: string, context: VerifyContext): Promise<VerifyResult>;
  /**
   * The same without a promise where nothing has to be waited for, which is nearly always so with keys at hand: waiting for one takes as long as verifying a
   * token that was seen before. Throws at once what can be told at once.
   */
  verifyNow(text: string, context: VerifyContext): VerifyResult | Promise<VerifyResult>;
  /** The same with every step and every caveat, for people. Throws as `verify` does. */
  explain(text: string, context: VerifyContext): Promise<Explanation>;
  /** Ends the polling and the connections of the key source. */
  close(): Promise<void>;
}

const optionNames: readonly string[] = [
  'audience',
  'keys',
  'caveats',
  'clock',
  'origins',
  'replayStore',
  'requestWindowMs',
  'rememberedTokens',
];
const defaultWindowMs = 5_000;
/** The client's nonces would have to be kept too long beyond it. */
const maxWindowMs = 300_000;
const defaultRememberedTokens = 10_000;
const maxRememberedTokens = 1_000_000;

/** A verifier for one audience. Throws `ERR_ARGUMENT` for an unknown, missing or unfitting option. */
export function createVerifier(options: VerifierOptions): Verifier {
  requireKnownNames(options, optionNames, 'options');
  const { keys } = options;
  const audience = requireName(options.audience, 'audience');
  if (keys?.kind === 'keys') return localVerifier(audience, keys, options);
  if (keys?.kind !== 'remote') throw badArgument('keys', 'must be a key source such as issuerKeys(…)');
  if (options.caveats !== undefined) throw badArgument('caveats', 'is of no use with a remote source: the issuer clears them');
  if (options.clock !== undefined) throw badArgument('clock', "is of no use with a remote source: the issuer's counts");
  if (options.requestWindowMs !== undefined) {
    throw badArgument('requestWindowMs', "is of no use with a remote source: the issuer's counts");
  }
  if (options.rememberedTokens !== undefined) {
    throw badArgument('rememberedTokens', 'is of no use with a remote source: the issuer remembers them');
  }
  return remoteVerifier(audience, keys, options);
}

/** What a verifier is, as far as requests are concerned, and the store of their nonces. */
interface RequestOptions {
  readonly setup: RequestSetup;
  readonly replayStore: ReplayStore | undefined;
  close(): Promise<void>;
}

function requestOptions(options: VerifierOptions, clock: Clock): RequestOptions {
  const origins = options.origins === undefined ? [] : parseOrigins(options.origins);
  const windowMs = options.requestWindowMs ?? defaultWindowMs;
  if (!Number.isSafeInteger(windowMs) || windowMs < 1 || windowMs > maxWindowMs) {
    throw badArgument('requestWindowMs', `must be whole milliseconds from 1 to ${maxWindowMs}`);
  }
  if (options.replayStore !== undefined) requireReplayStore(options.replayStore);
  // Made now: it refuses what was sent before it was there.
  const ownStore = options.replayStore === undefined && origins.length > 0 ? memoryReplayStore({ clock }) : undefined;
  return {
    setup: { origins, windowMs, clock },
    replayStore: options.replayStore ?? ownStore,
    close: async () => ownStore?.close(),
  };
}

function localVerifier(audience: string, keys: KeySource, options: VerifierOptions): Verifier {
  const { caveats: registry = standardRegistry, clock = Date.now, rememberedTokens = defaultRememberedTokens } = options;
  if (!Number.isSafeInteger(rememberedTokens) || rememberedTokens < 0 || rememberedTokens > maxRememberedTokens) {
    throw badArgument('rememberedTokens', `must be a whole number from 0 to ${maxRememberedTokens}`);
  }
  const { setup, replayStore, close } = requestOptions(options, () => readClock(clock));
  warmUpOnce();
  const { windowMs } = setup;
  const local = new LocalVerification({ audience, keys, registry, replayStore, windowMs, rememberedTokens });
  const noProofs = new RequestProofs('', undefined, '', setup);
  const read = (text: string, context: VerifyContext): ToldFacts => {
    const facts = readFacts(text, context);
    facts.nowMs = readClock(clock);
    return facts;
  };
  const proofsOf = (text: string, { told, method }: ToldFacts): RequestProofs =>
    told === undefined ? noProofs : new RequestProofs(text, told, method, setup);
  const verifyNow = (text: string, context: VerifyContext): VerifyResult | Promise<VerifyResult> => {
    const facts = read(text, context);
    const proofs = proofsOf(text, facts);
    const result = local.verify(text, facts, proofs);
    // Where no request was told there is no answer to sign.
    if (proofs === noProofs) return result;
    return isPromise(result) ? result.then((late) => proofs.finish(late)) : proofs.finish(result);
  };
  return Object.freeze({
    audience,
    verifyNow,
    verify: (text: string, context: VerifyContext) => {
      try {
        return Promise.resolve(verifyNow(text, context));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    explain: async (text: string, context: VerifyContext) => {
      const facts = read(text, context);
      return local.explain(text, facts, proofsOf(text, facts));
    },
    close: async () => {
      await local.close();
      await close();
    },
  });
}

/** What is no token at all is denied here: it need not go over the network. */
function remoteVerifier(audience: string, source: RemoteSource, options: VerifierOptions): Verifier {
  const { setup, replayStore, close } = requestOptions(options, Date.now);
  const remote = new RemoteVerification({ audience, source, setup, replayStore });
  const verify = async (text: string, context: VerifyContext): Promise<VerifyResult> => {
    const facts = toldContext(readFacts(text, context));
    return formatFault(text) ?? (await remote.verify(text, facts));
  };
  return Object.freeze({
    audience,
    verify,
    verifyNow: verify,
    explain: async (text: string, context: VerifyContext) => {
      const facts = toldContext(readFacts(text, context));
      const fault = formatFault(text);
      if (fault === undefined) return remote.explain(text, facts);
      return explanationOf(fault, [], () => [{ holds: false, text: `decode: ${fault.message}` }]);
    },
    close: async () => {
      await source.close();
      await close();
    },
  });
}

function formatFault(text: string): Denial | undefined {
  const decoded = decodeToken(text);
  return 'token' in decoded ? undefined : decoded;
}
