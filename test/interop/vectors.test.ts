/** Tokens that other implementations wrote or judged, and tokens made by hand that must be refused: read, verified, compared. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeUtf8,
  decodeV2Json,
  encodeUtf8,
  encodeV2Token,
  exportV2Json,
  hmacSha256,
  importToken,
  MacaroonError,
  MacaroonKey,
  verifySignature,
} from '../../src/core/index.js';
import { fromHex, toHex } from '../unit/core/samples.js';

interface VectorFile<Vector> {
  readonly source: string;
  readonly made: string;
  readonly vectors: readonly Vector[];
}

interface TokenVector {
  readonly about: string;
  readonly format?: string;
  readonly key: string;
  readonly token: string;
  /** `verified`, or the code of the refusal. */
  readonly expected: string;
  /** The verdict of the implementation that made it. */
  readonly theirs?: string;
  /** Hex of the conditions that the other implementation collected. */
  readonly conditions?: readonly string[];
}

function load<Vector>(name: string): VectorFile<Vector> {
  const file: VectorFile<Vector> = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
  if (file.source === '' || file.made === '' || file.vectors.length === 0) throw new Error(`${name} says not where it is from`);
  return file;
}

interface Verdict {
  readonly outcome: string;
  readonly offset?: number | undefined;
  readonly conditions: readonly Uint8Array[];
}

function judge(input: string | Uint8Array, key: string): Verdict {
  try {
    const result = verifySignature(importToken(input), new MacaroonKey(encodeUtf8(key)));
    return result.ok
      ? { outcome: 'verified', conditions: result.conditions.map(({ condition }) => condition) }
      : { outcome: result.code, conditions: [] };
  } catch (error) {
    if (!(error instanceof MacaroonError)) throw error;
    return { outcome: error.code, offset: error.offset, conditions: [] };
  }
}

describe.each(['go-macaroon', 'go-macaroon-json', 'js-macaroon', 'pymacaroons'])('vectors of %s', (name) => {
  const { vectors } = load<TokenVector>(name);

  it.each(vectors.map((vector) => [`${vector.about}, ${vector.format ?? 'as written'}`, vector] as const))('%s', (_, vector) => {
    const { outcome, conditions } = judge(vector.token, vector.key);
    expect(outcome).toBe(vector.expected);
    if (vector.theirs === 'refused') expect(outcome).not.toBe('verified');
    if (vector.theirs === 'accepted' && vector.conditions !== undefined) {
      expect(conditions.map(toHex).toSorted()).toEqual(vector.conditions.toSorted());
    }
  });

  it('gives the same token in every form that we write', () => {
    for (const { token } of vectors) {
      let read: ReturnType<typeof importToken>;
      try {
        read = importToken(token);
      } catch {
        continue;
      }
      expect(importToken(encodeV2Token(read))).toEqual(read);
      expect(decodeV2Json(JSON.stringify([read.root, ...read.discharges].map(exportV2Json)))).toEqual(read);
    }
  });
});

describe('vectors of libmacaroons', () => {
  interface VerifierVector {
    readonly about: string;
    readonly key: string;
    readonly exact: readonly string[];
    readonly token: string;
    readonly authorized: boolean;
    readonly doubleBase64?: boolean;
  }

  it.each(load<VerifierVector>('libmacaroons').vectors.map((vector) => [vector.about, vector] as const))('%s', (_, vector) => {
    const token = vector.doubleBase64 ? Buffer.from(vector.token, 'base64').toString('latin1') : vector.token;
    const { outcome, conditions } = judge(token, vector.key);
    const cleared = conditions.every((condition) => vector.exact.includes(decodeUtf8(condition)));
    expect(outcome === 'verified' && cleared).toBe(vector.authorized);
  });
});

describe('tokens that must be refused', () => {
  interface NegativeVector {
    readonly about: string;
    readonly expected: string;
    readonly offset?: number;
    readonly hex?: string;
    readonly text?: string;
  }
  const key = 'root key';

  it.each(load<NegativeVector>('negative').vectors.map((vector) => [vector.about, vector] as const))('%s', (_, vector) => {
    const input = vector.hex === undefined ? (vector.text ?? '') : fromHex(vector.hex);
    const { outcome, offset } = judge(input, key);
    expect(outcome).toBe(vector.expected);
    if (vector.offset !== undefined) expect(offset).toBe(vector.offset);
  });
});

describe('HMAC-SHA-256 of Wycheproof', () => {
  interface MacVector {
    readonly tcId: number;
    readonly key: string;
    readonly msg: string;
    readonly tag: string;
    readonly result: 'valid' | 'invalid';
  }

  it.each(load<MacVector>('wycheproof-hmac-sha256').vectors)('test $tcId: $result', ({ key, msg, tag, result }) => {
    expect(toHex(hmacSha256(fromHex(key), fromHex(msg))) === tag).toBe(result === 'valid');
  });
});
