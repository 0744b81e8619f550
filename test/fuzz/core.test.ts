/** Decoders of core on random and mutated input: nothing but `MacaroonError`, and no forged token verifies. */
import { describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  concatBytes,
  createUuidV7,
  decode,
  decodeIdentifier,
  decodeV2Token,
  encode,
  encodeBase64url,
  encodeIdentifier,
  encodeUtf8,
  encodeV2Token,
  exportV2Json,
  importToken,
  type Macaroon,
  MacaroonError,
  MacaroonKey,
  mint,
  type UnverifiedMacaroon,
  verifySignature,
} from '../../src/core/index.js';
import { campaignSize, fuzzSeed, mutateBytes, mutateText, type Random, seededRandom } from './mutate.js';

/** Cases of each decoder; the three together are the campaign. */
const decoderCases = campaignSize(50_000, 5_000_000);
const importCases = campaignSize(25_000, 2_500_000);
const identifierCases = campaignSize(25_000, 2_500_000);
const corpusSize = 200;

const key = new MacaroonKey(seededRandom(1).bytes(32));
const textAlphabet = 'ABCxyz019-_.=+/ mcr\n\u00e9{}[]":,\\ivls64';

function randomIdentifier(random: Random): Uint8Array {
  const timeMs = 1_700_000_000_000 + random.below(1e9);
  return encodeIdentifier({
    rootKeyId: random.bytes(16),
    generation: random.below(5),
    tokenId: createUuidV7(timeMs, random.bytes),
    expiresAtMs: timeMs + 3_600_000,
    audience: random.pick(['invoice', 'a', 'x'.repeat(64)]),
    client: random.pick(['mail', 'b.c-d_e']),
    authMethods: random.pick([['ip'], ['client_secret_basic', 'ip']]),
    actions: random.pick([['invoices:read'], ['a', 'b:*'], ['invoices:*', 'x:y:z']]),
  });
}

function randomToken(random: Random): UnverifiedMacaroon {
  const conditions = ['action invoices:read', 'ip 10.0.0.0/8', 'method GET', 'time-before 2026-11-21T22:21:00Z', 'é'];
  const attenuate = (macaroon: Macaroon) => {
    let narrower = macaroon;
    for (let left = random.below(6); left > 0; left--) narrower = addFirstPartyCaveat(narrower, random.pick(conditions));
    return narrower;
  };
  let root = attenuate(mint(key, randomIdentifier(random), random.pick(['', 'https://a.example/'])));
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

/** V1 binary of `token`, which the project itself never writes. */
function v1Of({ root, discharges }: UnverifiedMacaroon): Uint8Array {
  const packet = (name: string, data: Uint8Array) => {
    const body = concatBytes(encodeUtf8(`${name} `), data, encodeUtf8('\n'));
    return concatBytes(encodeUtf8((body.length + 4).toString(16).padStart(4, '0')), body);
  };
  const packets = [root, ...discharges].flatMap(({ location, identifier, caveats, signature }) => [
    packet('location', encodeUtf8(location)),
    packet('identifier', identifier),
    ...caveats.flatMap((caveat) =>
      caveat.kind === 'first-party'
        ? [packet('cid', caveat.condition)]
        : [packet('cid', caveat.identifier), packet('vid', caveat.verificationId), packet('cl', encodeUtf8(caveat.location))],
    ),
    packet('signature', signature),
  ]);
  return concatBytes(...packets);
}

const corpusRandom = seededRandom(fuzzSeed);
const tokens = Array.from({ length: corpusSize }, () => randomToken(corpusRandom));
const binaries = tokens.map(encodeV2Token);
/** What the issuer and the third parties signed, without hints: whatever verifies must be in here. */
const genuine = new Set(tokens.map(signedParts));

/** All that signatures cover, as one text; the order of discharges carries no meaning. */
function signedParts({ root, discharges }: UnverifiedMacaroon): string {
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

interface Tally {
  read: number;
  verified: number;
}

/** Reads `input` by `decoder`; fails the test on any error but ours, and on a token that verifies and that nobody signed. */
function attempt<Input>(
  decoder: (input: Input) => UnverifiedMacaroon,
  input: Input,
  tally: Tally,
): UnverifiedMacaroon | undefined {
  let token: UnverifiedMacaroon;
  try {
    token = decoder(input);
  } catch (error) {
    if (error instanceof MacaroonError && /^ERR_(FORMAT|LIMIT)_/.test(error.code)) return undefined;
    throw new Error(`seed ${fuzzSeed}: ${shown(input)}`, { cause: error });
  }
  tally.read++;
  if (verifySignature(token, key).ok) {
    tally.verified++;
    if (!genuine.has(signedParts(token))) throw new Error(`forged, seed ${fuzzSeed}: ${shown(input)}`);
  }
  return token;
}

function shown(input: unknown): string {
  return input instanceof Uint8Array ? Buffer.from(input).toString('hex') : JSON.stringify(input);
}

describe('fuzz of core', () => {
  it('verifies its own corpus, so that a forgery could be seen', () => {
    expect(tokens.every((token) => verifySignature(token, key).ok)).toBe(true);
    expect(genuine.size).toBe(corpusSize);
  });

  it(`V2 binary: ${decoderCases} cases`, () => {
    const random = seededRandom(fuzzSeed + 1);
    const tally = { read: 0, verified: 0 };
    for (let i = 0; i < decoderCases; i++) {
      const input = random.chance(0.1)
        ? random.bytes(1 + random.below(200)).with(0, 2)
        : mutateBytes(random, random.pick(binaries), random.pick(binaries));
      const token = attempt(decodeV2Token, input, tally);
      if (token !== undefined && Buffer.compare(encodeV2Token(token), input) !== 0) {
        throw new Error(`two spellings of one token, seed ${fuzzSeed}: ${shown(input)}`);
      }
    }
    // Mutations that the decoder accepts are what tests the signature.
    expect(tally.read).toBeGreaterThan(decoderCases / 100);
    expect(tally.verified).toBeGreaterThan(0);
  });

  it(`text, JSON, V1 and base64: ${importCases} cases`, () => {
    const random = seededRandom(fuzzSeed + 2);
    const tally = { read: 0, verified: 0 };
    const texts = tokens.flatMap((token) => [
      encode(token),
      encodeBase64url(encodeV2Token(token)),
      JSON.stringify([token.root, ...token.discharges].map(exportV2Json)),
      Buffer.from(v1Of(token)).toString('base64'),
    ]);
    const v1 = tokens.map(v1Of);
    for (let i = 0; i < importCases; i++) {
      switch (random.below(4)) {
        case 0:
          attempt(importToken, mutateBytes(random, random.pick(v1), random.pick(v1)), tally);
          break;
        case 1:
          attempt(importToken, Buffer.from(mutateBytes(random, random.pick(binaries))).toString('base64url'), tally);
          break;
        case 2:
          attempt(decode, mutateText(random, random.pick(texts), textAlphabet, random.pick(texts)), tally);
          break;
        default:
          attempt(importToken, mutateText(random, random.pick(texts), textAlphabet, random.pick(texts)), tally);
      }
    }
    expect(tally.read).toBeGreaterThan(importCases / 100);
    expect(tally.verified).toBeGreaterThan(0);
  });

  it(`identifier: ${identifierCases} cases`, () => {
    const random = seededRandom(fuzzSeed + 3);
    const identifiers = Array.from({ length: corpusSize }, () => randomIdentifier(random));
    let read = 0;
    for (let i = 0; i < identifierCases; i++) {
      const input = random.chance(0.1)
        ? random.bytes(1 + random.below(120)).with(0, 1)
        : mutateBytes(random, random.pick(identifiers), random.pick(identifiers));
      try {
        decodeIdentifier(input);
        read++;
      } catch (error) {
        if (error instanceof MacaroonError && error.code === 'ERR_FORMAT_IDENTIFIER') continue;
        throw new Error(`seed ${fuzzSeed}: ${shown(input)}`, { cause: error });
      }
    }
    expect(read).toBeGreaterThan(identifierCases / 100);
  });
});
