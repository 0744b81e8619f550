/** Keys, identifiers and tokens of macaroond, which npm `macaroon` reads as well. */
import { randomBytes } from 'node:crypto';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  createUuidV7,
  decode,
  encode,
  encodeIdentifier,
  formatUuid,
  MacaroonKey,
  mint,
  textPrefix,
} from '../../../dist/core/index.js';
import { conditionsOf } from './conditions.mjs';

const randomly = (length) => new Uint8Array(randomBytes(length));

/** Whose tokens are made: a client, the id of its root key, and the key of the audience that comes from it (32 bytes, random when absent). */
export function newHolder(client, rootKeyId = randomly(16), keyBytes = randomly(32), generation = 1) {
  return { client, rootKeyId, generation, keyBytes, key: new MacaroonKey(keyBytes) };
}

/** Of every bench that needs one alone. */
export const mail = newHolder('mail');

/** The id of a token, as text. */
export function newTokenId() {
  return formatUuid(createUuidV7(Date.now(), randomly));
}

/** A new identifier, as the issuer makes them. */
export function newIdentifier({ rootKeyId, generation, client } = mail) {
  const nowMs = Date.now();
  return encodeIdentifier({
    rootKeyId,
    generation,
    tokenId: createUuidV7(nowMs, randomly),
    expiresAtMs: nowMs + 3_600_000,
    audience: 'invoice',
    client,
    authMethods: ['client_secret_basic'],
    actions: ['invoices:read', 'invoices:pay'],
  });
}

/** A new macaroon with the first `count` conditions. */
export function newMacaroon(count, holder = mail) {
  const minted = mint(holder.key, newIdentifier(holder));
  return conditionsOf(count).reduce((macaroon, condition) => addFirstPartyCaveat(macaroon, condition), minted);
}

export function textOf(root, discharges = []) {
  return encode({ root, discharges });
}

/** The first `count - 1` conditions and a third-party caveat, with its discharge. */
export function newDischarged(count) {
  const caveatKey = new MacaroonKey(randomly(32));
  const identifier = randomly(24);
  const root = addThirdPartyCaveat(newMacaroon(count - 1), { key: caveatKey, identifier }, randomly);
  return { root, discharges: [bindForRequest(root, mint(caveatKey, identifier))] };
}

/** `text` with one bit of its signature changed, and a checksum that is right. */
export function forge(text) {
  const { root, discharges } = decode(text);
  return textOf({ ...root, signature: root.signature.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) }, discharges);
}

/** New strings that are made at once: more would be out of the processor's caches again before they are shown, which the text of a header is not. */
const stringsAtOnce = 500;

/**
 * A contender that is shown the text of `wires`, one after the other, as new strings: whoever reads a header makes one, whatever comes after, so that is
 * outside of what is measured.
 */
export function showing(wires, run, holds) {
  let texts = [];
  return {
    prepare: (count) => {
      const length = Math.min(count, Math.max(wires.length, stringsAtOnce));
      texts = Array.from({ length }, (_, i) => wires[i % wires.length].latin1Slice());
    },
    run: (i) => run(texts[i % texts.length]),
    holds,
  };
}

export const wireOf = (text) => Buffer.from(text, 'latin1');

/** What is in `text` for a library that knows nothing of prefix and checksum. */
export function payloadOf(text) {
  return text.slice(textPrefix.length, text.lastIndexOf('.'));
}
