/**
 * Text to verified signature, whole verification, minting and attenuating: ours against npm `macaroon`, against the same chain with one
 * `createHmac` a caveat, and with @noble/hashes. The last two read the token with the least care that works, so what they are
 * spared in strictness is in their favour.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import npmMacaroon from 'macaroon';
import * as core from '../../dist/core/index.js';
import { createVerifier, staticKeys } from '../../dist/verifier/index.js';
import { measure } from './slices.mjs';

const ours = 'macaroond';
const caveatCounts = [1, 3, 5, 10];
/** More tokens than the cache of verified signatures holds, so that going round them never hits it. */
const unseenTokens = 12_000;
const keyBytes = new Uint8Array(randomBytes(32));
const key = new core.MacaroonKey(keyBytes);
const rootKeyId = new Uint8Array(randomBytes(16));
const nowMs = Date.now();
const conditions = [
  `time-before ${new Date(nowMs + 1_800_000).toISOString()}`,
  'action invoices:read',
  'ip 10.0.0.0/8',
  'method GET,HEAD',
  'path /invoices',
];

function newIdentifier() {
  return core.encodeIdentifier({
    rootKeyId,
    generation: 1,
    tokenId: core.createUuidV7(nowMs, (length) => new Uint8Array(randomBytes(length))),
    expiresAtMs: nowMs + 3_600_000,
    audience: 'invoice',
    client: 'mail',
    authMethods: ['client_secret_basic'],
    actions: ['invoices:read', 'invoices:list'],
  });
}

const identifier = newIdentifier();
const conditionsOf = (count) => Array.from({ length: count }, (_, i) => conditions[i % conditions.length]);
const macaroonOf = (count, id = identifier) =>
  conditionsOf(count).reduce((macaroon, condition) => core.addFirstPartyCaveat(macaroon, condition), core.mint(key, id));
const textOf = (macaroon) => core.encode({ root: macaroon, discharges: [] });

/** Figures by operation and contender, over `rounds` rounds each. */
export async function benchVerify(rounds) {
  const results = {};
  for (const count of caveatCounts) {
    const text = textOf(macaroonOf(count));
    for (const [name, verify] of Object.entries(verifiers)) checkVerifier(name, verify, text);
    const contenders = Object.entries(verifiers).map(([name, verify]) => [name, withNewText(verify, text)]);
    results[`text to signature, ${count} caveats`] = await measure(Object.fromEntries(contenders), ours, rounds);
  }
  results['whole verification, 5 caveats'] = await measure(wholeVerification(), 'signature alone', rounds);
  results['mint, 5 caveats'] = await measure({ [ours]: () => textOf(macaroonOf(5)), 'npm macaroon': mintByNpm }, ours, rounds);
  results['attenuate, 5 caveats and one more'] = await measure(attenuators(), ours, rounds);
  return results;
}

/** Ways from a token's text to whether its signature holds. */
const verifiers = {
  [ours]: (text) => core.verifySignature(core.decode(text), key).ok,
  'npm macaroon': (text) => {
    try {
      npmMacaroon.importMacaroon(payloadOf(text)).verify(keyBytes, () => null);
      return true;
    } catch {
      return false;
    }
  },
  'createHmac a caveat': chainedBy((state, message) => createHmac('sha256', state).update(message).digest()),
  '@noble/hashes a caveat': chainedBy((state, message) => hmac(sha256, state, message)),
};

function chainedBy(step) {
  const derivedKey = createHmac('sha256', 'macaroons-key-generator').update(keyBytes).digest();
  return (text) => {
    const { messages, signature } = readLoosely(payloadOf(text));
    let state = derivedKey;
    for (const message of messages) state = step(state, message);
    return signature.equals(state);
  };
}

/** A request brings its text as new bytes each time. */
function withNewText(verify, text) {
  const wire = Buffer.from(text, 'latin1');
  return () => verify(wire.latin1Slice());
}

/** A contender that accepts anything, or nothing, is not measured. */
function checkVerifier(name, verify, text) {
  const { root } = core.decode(text);
  const forged = textOf({ ...root, signature: root.signature.map((byte) => byte ^ 1) });
  if (!verify(text) || verify(forged)) throw new Error(`${name} does not verify`);
}

function wholeVerification() {
  const verifier = createVerifier({
    audience: 'invoice',
    keys: staticKeys([{ rootKeyId: core.encodeBase64url(rootKeyId), generation: 1, client: 'mail', key: keyBytes }]),
  });
  const context = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/7' };
  const texts = Array.from({ length: unseenTokens }, () => Buffer.from(textOf(macaroonOf(5, newIdentifier())), 'latin1'));
  let next = 0;
  const unseen = () => {
    next = (next + 1) % texts.length;
    return texts[next].latin1Slice();
  };
  const verify = async (text) => {
    const result = await verifier.verify(text, context);
    if (!result.ok) throw new Error(result.code);
  };
  const text = textOf(macaroonOf(5));
  return {
    'signature alone': () => verifiers[ours](unseen()),
    'token not seen before': () => verify(unseen()),
    'token seen before': withNewText(verify, text),
  };
}

function mintByNpm() {
  const macaroon = npmMacaroon.newMacaroon({ identifier, rootKey: keyBytes });
  for (const condition of conditionsOf(5)) macaroon.addFirstPartyCaveat(condition);
  return JSON.stringify(macaroon.exportJSON());
}

function attenuators() {
  const text = textOf(macaroonOf(5));
  const json = JSON.stringify(core.exportV2Json(macaroonOf(5)));
  return {
    [ours]: () => textOf(core.addFirstPartyCaveat(core.decode(text).root, 'method GET')),
    'npm macaroon': () => {
      const macaroon = npmMacaroon.importMacaroon(JSON.parse(json));
      macaroon.addFirstPartyCaveat('method GET');
      return JSON.stringify(macaroon.exportJSON());
    },
  };
}

function payloadOf(text) {
  return text.slice(core.textPrefix.length, text.lastIndexOf('.'));
}

/** Identifiers and signature of a V2 token with first-party caveats and lengths of one or two bytes; nothing is checked. */
function readLoosely(payload) {
  const bytes = Buffer.from(payload, 'base64url');
  const messages = [];
  let signature = bytes;
  for (let at = 1; at < bytes.length; ) {
    const type = bytes[at++];
    if (type === 0) continue;
    let length = bytes[at++];
    if (length > 127) length = (length & 127) | (bytes[at++] << 7);
    const data = bytes.subarray(at, at + length);
    at += length;
    if (type === 2) messages.push(data);
    else if (type === 6) signature = data;
  }
  return { messages, signature };
}
