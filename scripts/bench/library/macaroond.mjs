/** macaroond itself: the functions that its users call, on texts that come as new strings, as those of a header do. */
import { lintConditions } from '../../../dist/caveats/lint.js';
import { standardRegistry } from '../../../dist/caveats/standard.js';
import { attenuate } from '../../../dist/client/index.js';
import { decode, encodeBase64url, mint } from '../../../dist/core/index.js';
import { memoryReplayStore } from '../../../dist/protocol/memory-replay-store.js';
import { requestDigest, sealRequest } from '../../../dist/protocol/sealed-request.js';
import { createVerifier, staticKeys } from '../../../dist/verifier/index.js';
import { conditionsOf, context } from './conditions.mjs';
import { mail, newDischarged, newHolder, newIdentifier, newMacaroon, newTokenId, showing, textOf, wireOf } from './tokens.mjs';

const authority = 'invoice.example';
const windowMs = 60_000;
/** So far ahead is the clock when tokens are verified: a store of nonces refuses what was sent before it was there. */
const aheadMs = windowMs + 1000;
const clock = () => Date.now() + aheadMs;

/** A hundred of each kind, of others: where there are none, nothing is looked up. */
export const usualRevocations = Array.from({ length: 100 }, (_, i) => [
  { kind: 'token', tokenId: newTokenId() },
  { kind: 'client', client: `gone-${i}`, beforeMs: Date.now() },
  { kind: 'root_key', rootKeyId: encodeBase64url(newHolder('gone').rootKeyId) },
  { kind: 'audience_key', audience: 'invoice', generation: 1_000 + i },
]).flat();

/** A verifier that holds the keys of `holders` and knows `revocations`; `more` are further options of it. */
export function newVerifier(holders = [mail], revocations = usualRevocations, more = {}) {
  const keys = holders.map(({ rootKeyId, generation, client, keyBytes }) => ({
    rootKeyId: encodeBase64url(rootKeyId),
    generation,
    client,
    key: keyBytes,
  }));
  let storeClock = Date.now;
  const replayStore = memoryReplayStore({ clock: () => storeClock(), maxNonces: 10_000_000 });
  storeClock = clock;
  return createVerifier({
    audience: 'invoice',
    keys: staticKeys(keys, { revocations }),
    clock,
    origins: [`https://${authority}`],
    requestWindowMs: windowMs,
    replayStore,
    ...more,
  });
}

const isAllowed = (result) => result.ok;

/** For the test that every contender passes. */
export const subject = {
  name: 'macaroond',
  token: (count) => textOf(newMacaroon(count)),
  verify: async (text, request) => (await newVerifier().verify(text, request)).ok,
};

/** Each of the tokens that `newText` makes is verified once. */
export function verifyingOnce(newText, request = context, verifier = newVerifier()) {
  return verifyingEach(() => ({ text: newText(), request }), verifier);
}

/** Each text that `newCase` makes is verified once, for the request that comes with it. */
function verifyingEach(newCase, verifier = newVerifier()) {
  let texts;
  let requests;
  return {
    prepare: (count) => {
      const cases = Array.from({ length: count }, newCase);
      texts = cases.map(({ text }) => wireOf(text).latin1Slice());
      requests = cases.map(({ request }) => request);
    },
    run: (i) => verifier.verifyNow(texts[i], requests[i]),
    holds: isAllowed,
  };
}

export function verifyFresh(count) {
  return verifyingOnce(() => textOf(newMacaroon(count)));
}

export function verifyDischarge(count) {
  return verifyingOnce(() => {
    const { root, discharges } = newDischarged(count);
    return textOf(root, discharges);
  });
}

/** `hotTokens` tokens go round, each of which was verified before, by a verifier that knows `revocations`. */
export async function verifySeen(count, hotTokens, revocations = []) {
  const verifier = newVerifier([mail], revocations);
  const wires = Array.from({ length: hotTokens }, () => wireOf(textOf(newMacaroon(count))));
  for (const wire of wires) await verifier.verify(wire.latin1Slice(), context);
  return showing(wires, (text) => verifier.verifyNow(text, context), isAllowed);
}

/**
 * For each request a token of `count` caveats is sealed to it: always the same token, or, where it `isUnseen`, another; always to the same request, as who
 * polls does, or, where it `isElsewhere`, to one that was never asked before.
 */
export function verifyChild(count, { isUnseen = false, isElsewhere = false }) {
  const tools = { clock, randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)) };
  const parent = textOf(newMacaroon(count));
  const { method, path } = context;
  let requests = 0;
  return verifyingEach(() => {
    const target = isElsewhere ? `${path}?${(requests++).toString(36)}` : path;
    const sent = { method, authority, target, body: new Uint8Array(0) };
    const { text } = sealRequest(isUnseen ? textOf(newMacaroon(count)) : parent, sent, tools);
    // In one piece, as it stands in the first line of a request.
    const told = { authority, target: wireOf(target).latin1Slice(), digest: requestDigest(sent) };
    return { text, request: { ...context, request: told } };
  });
}

export function attenuating(count) {
  return showing([wireOf(textOf(newMacaroon(count)))], (text) => attenuate(text, { methods: ['GET'] }));
}

export function minting() {
  const identifier = newIdentifier();
  return { run: () => textOf(mint(mail.key, identifier)) };
}

export function decoding(count) {
  return showing([wireOf(textOf(newMacaroon(count)))], decode);
}

export function linting(count) {
  const conditions = conditionsOf(count);
  return { run: () => lintConditions(standardRegistry, conditions) };
}
