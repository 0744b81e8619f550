/** Decoders of core on random and mutated input: nothing but `MacaroonError`, and no forged token verifies. */
import { describe, expect, it } from 'vitest';
import {
  concatBytes,
  decode,
  decodeIdentifier,
  decodeV2Token,
  encode,
  encodeBase64url,
  encodeIdentifier,
  encodeUtf8,
  encodeV2Token,
  exportV2Json,
  type IdentifierFacts,
  importToken,
  MacaroonError,
  MacaroonKey,
  type UnverifiedMacaroon,
  verifySignature,
} from '../../src/core/index.js';
import { randomIdentifier, randomToken, signedParts } from './corpus.js';
import { campaignSize, fuzzSeed, mutateBytes, mutateText, runCases, seededRandom } from './mutate.js';

/** Binary and the other forms together are the campaign of the decoder, identifiers one of their own. */
const binaryCases = campaignSize(60_000, 6_000_000);
const importCases = campaignSize(40_000, 4_000_000);
const identifierCases = campaignSize(100_000, 10_000_000);
const corpusSize = 200;

const key = new MacaroonKey(seededRandom(1).bytes(32));
const conditions = ['action invoices:read', 'ip 10.0.0.0/8', 'method GET', 'time-before 2026-11-21T22:21:00Z', 'é'];
const textAlphabet = 'ABCxyz019-_.=+/ mcr\n\u00e9{}[]":,\\ivls64';

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
const tokens = Array.from({ length: corpusSize }, () =>
  randomToken(corpusRandom, key, randomIdentifier(corpusRandom), conditions),
);
const binaries = tokens.map(encodeV2Token);
/** What the issuer and the third parties signed. */
const genuine = new Set(tokens.map(signedParts));

/** Reads `input` by `decoder`; throws for any error but ours, and for a token that verifies and that nobody signed. */
function attempt<Input>(
  decoder: (input: Input) => UnverifiedMacaroon,
  input: Input,
): { readonly token: UnverifiedMacaroon; readonly verified: boolean } | undefined {
  let token: UnverifiedMacaroon;
  try {
    token = decoder(input);
  } catch (error) {
    if (error instanceof MacaroonError && /^ERR_(FORMAT|LIMIT)_/.test(error.code)) return undefined;
    throw new Error(`not an error of ours: ${shown(input)}`, { cause: error });
  }
  const verified = verifySignature(token, key).ok;
  if (verified && !genuine.has(signedParts(token))) throw new Error(`forged: ${shown(input)}`);
  return { token, verified };
}

function shown(input: unknown): string {
  return input instanceof Uint8Array ? Buffer.from(input).toString('hex') : JSON.stringify(input);
}

describe(`fuzz of core, seed ${fuzzSeed}`, () => {
  it('verifies its own corpus, so that a forgery could be seen', () => {
    expect(tokens.every((token) => verifySignature(token, key).ok)).toBe(true);
    expect(genuine.size).toBe(corpusSize);
  });

  it(`V2 binary: ${binaryCases} cases`, async () => {
    let verified = 0;
    const read = await runCases(binaryCases, 1, (random) => {
      const input = random.chance(0.1)
        ? random.bytes(1 + random.below(200)).with(0, 2)
        : mutateBytes(random, random.pick(binaries), random.pick(binaries));
      const found = attempt(decodeV2Token, input);
      if (found === undefined) return false;
      if (Buffer.compare(encodeV2Token(found.token), input) !== 0) throw new Error(`two spellings of one token: ${shown(input)}`);
      if (found.verified) verified++;
      return true;
    });
    // Mutations that the decoder accepts are what tests the signature.
    expect(read).toBeGreaterThan(binaryCases / 100);
    expect(verified).toBeGreaterThan(0);
  });

  it(`text, JSON, V1 and base64: ${importCases} cases`, async () => {
    let verified = 0;
    const v1 = tokens.map(v1Of);
    const texts = tokens.flatMap((token) => [
      encode(token),
      encodeBase64url(encodeV2Token(token)),
      JSON.stringify([token.root, ...token.discharges].map(exportV2Json)),
      Buffer.from(v1Of(token)).toString('base64'),
    ]);
    const read = await runCases(importCases, 2, (random) => {
      const readers = [
        () => attempt(importToken, mutateBytes(random, random.pick(v1), random.pick(v1))),
        () => attempt(importToken, Buffer.from(mutateBytes(random, random.pick(binaries))).toString('base64url')),
        () => attempt(decode, mutateText(random, random.pick(texts), textAlphabet, random.pick(texts))),
        () => attempt(importToken, mutateText(random, random.pick(texts), textAlphabet, random.pick(texts))),
      ];
      const found = random.pick(readers)();
      if (found?.verified) verified++;
      return found !== undefined;
    });
    expect(read).toBeGreaterThan(importCases / 100);
    expect(verified).toBeGreaterThan(0);
  });

  it(`identifier: ${identifierCases} cases`, async () => {
    const random = seededRandom(fuzzSeed + 3);
    const identifiers = Array.from({ length: corpusSize }, () => randomIdentifier(random));
    const read = await runCases(identifierCases, 3, (random) => {
      const input = random.chance(0.1)
        ? random.bytes(1 + random.below(120)).with(0, 1)
        : mutateBytes(random, random.pick(identifiers), random.pick(identifiers));
      let facts: IdentifierFacts;
      try {
        facts = decodeIdentifier(input);
      } catch (error) {
        if (error instanceof MacaroonError && error.code === 'ERR_FORMAT_IDENTIFIER') return false;
        throw new Error(`not an error of ours: ${shown(input)}`, { cause: error });
      }
      const rootKeyId = Buffer.from(facts.rootKeyId, 'base64url');
      const tokenId = Buffer.from(facts.tokenId.replaceAll('-', ''), 'hex');
      if (Buffer.compare(encodeIdentifier({ ...facts, rootKeyId, tokenId }), input) !== 0) {
        throw new Error(`two spellings of one identifier: ${shown(input)}`);
      }
      return true;
    });
    expect(read).toBeGreaterThan(identifierCases / 100);
  });
});
