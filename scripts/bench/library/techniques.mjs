/**
 * Other ways to run the chain of a macaroon, from its text to whether its signature holds. They read the token with the least care that works, so
 * what they are spared in strictness is in their favour.
 */
import { createHmac } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { decode, verifySignature } from '../../../dist/core/index.js';
import { mail, newMacaroon, payloadOf, textOf } from './tokens.mjs';

const derivedKey = createHmac('sha256', 'macaroons-key-generator').update(mail.keyBytes).digest();

/** By name; each takes the text of a token of first-party caveats. */
const techniques = {
  macaroond: (text) => verifySignature(decode(text), mail.key).ok,
  'create-hmac': chainedBy((state, message) => createHmac('sha256', state).update(message).digest()),
  'noble-hashes': chainedBy((state, message) => hmac(sha256, state, message)),
};

/** Contenders by name, for a token of `count` caveats. */
export function chains(count) {
  const wire = Buffer.from(textOf(newMacaroon(count)), 'latin1');
  const contenders = Object.entries(techniques).map(([name, verify]) => [
    name,
    { run: () => verify(wire.latin1Slice()), holds: (result) => result },
  ]);
  return Object.fromEntries(contenders);
}

function chainedBy(step) {
  return (text) => {
    const { messages, signature } = readLoosely(payloadOf(text));
    let state = derivedKey;
    for (const message of messages) state = step(state, message);
    return signature.equals(state);
  };
}

/** Identifiers and signature of a V2 token whose lengths take one or two bytes; nothing is checked. */
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
