/** Genuine tokens to mutate, and what tells a token that somebody signed from one that nobody did. */
import { crc32 } from 'node:zlib';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  createUuidV7,
  encodeBase64url,
  encodeIdentifier,
  type IdentifierParts,
  type Macaroon,
  MacaroonKey,
  mint,
  type UnverifiedMacaroon,
} from '../../src/core/index.js';
import type { Random } from './mutate.js';

/** Time of issue of the tokens here at the earliest; the latest is eleven days later. */
const issuedFromMs = 1_700_000_000_000;

/** An identifier of random facts, less those of `parts`. */
export function randomIdentifier(random: Random, parts: Partial<IdentifierParts> = {}): Uint8Array {
  const timeMs = issuedFromMs + random.below(1e9);
  return encodeIdentifier({
    rootKeyId: random.bytes(16),
    generation: random.below(5),
    tokenId: createUuidV7(timeMs, random.bytes),
    expiresAtMs: timeMs + 3_600_000,
    audience: random.pick(['invoice', 'a', 'x'.repeat(64)]),
    client: random.pick(['mail', 'b.c-d_e']),
    authMethods: random.pick([['ip'], ['client_secret_basic', 'ip']]),
    actions: random.pick([['invoices:read'], ['a', 'b:*'], ['invoices:*', 'x:y:z']]),
    ...parts,
  });
}

/** A token under `key` with up to ten of `conditions`, up to two third-party caveats among them, and their bound discharges. */
export function randomToken(
  random: Random,
  key: MacaroonKey,
  identifier: Uint8Array,
  conditions: readonly string[],
): UnverifiedMacaroon {
  const attenuate = (macaroon: Macaroon) => {
    let narrower = macaroon;
    for (let left = random.below(6); left > 0; left--) narrower = addFirstPartyCaveat(narrower, random.pick(conditions));
    return narrower;
  };
  let root = attenuate(mint(key, identifier, random.pick(['', 'https://a.example/'])));
  const parties = Array.from({ length: random.below(3) }, () => ({
    key: new MacaroonKey(random.bytes(32)),
    identifier: random.bytes(1 + random.below(40)),
    location: random.pick(['', 'b']),
  }));
  for (const party of parties) root = addThirdPartyCaveat(root, party, random.bytes);
  root = attenuate(root);
  const discharges = parties.map((party) => bindForRequest(root, attenuate(mint(party.key, party.identifier, party.location))));
  return { root, discharges };
}

/**
 * All that the signatures of a token cover, as one text. Locations are hints that nobody signs, and the order of discharges carries no
 * meaning, so neither is in it: whatever verifies must have the signed parts of a genuine token.
 */
export function signedParts({ root, discharges }: UnverifiedMacaroon): string {
  const partsOf = ({ identifier, caveats, signature }: Macaroon) =>
    [
      identifier,
      ...caveats.flatMap((caveat) =>
        caveat.kind === 'first-party' ? [caveat.condition] : [caveat.identifier, caveat.verificationId],
      ),
      signature,
    ]
      .map(encodeBase64url)
      .join();
  return [partsOf(root), ...discharges.map(partsOf).toSorted()].join(';');
}

/** The text of a token that consists of `bytes`, whatever they are: its checksum is right, so that they are read. */
export function textOfBytes(bytes: Uint8Array): string {
  const payload = encodeBase64url(bytes);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(payload));
  return `mcr_${payload}.${encodeBase64url(checksum)}`;
}
