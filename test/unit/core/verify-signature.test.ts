/** Every token here is verified as values and by offsets. */
import { describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  type Caveat,
  concatBytes,
  decode,
  decodeUtf8,
  decodeV2Token,
  encode,
  encodeUtf8,
  encodeV2Token,
  hmacSha256,
  limits,
  type Macaroon,
  MacaroonKey,
  mint,
  type SignatureResult,
  toSignature,
  type UnverifiedMacaroon,
} from '../../../src/core/index.js';
import { type Random, runCases } from '../../fuzz/mutate.js';
import { verifyBothWays } from './both-ways.js';
import {
  asking,
  boundToken,
  dischargeBy,
  errorOf,
  key,
  macaroonWith,
  otherKey,
  testRandomBytes,
  thirdParty,
  toHex,
  tokenOf,
} from './samples.js';

const bound = (root: Macaroon, ...discharges: readonly Macaroon[]) => verifyBothWays(boundToken(root, discharges), key);
const denied = (code: string) => ({ ok: false, code });

/** Conditions of a result as `where: text`. */
function conditionsOf(result: SignatureResult): readonly string[] {
  if (!result.ok) throw new Error(`denied: ${result.code}`);
  return result.conditions.map(
    ({ condition, caveatIndex, dischargeIndex }) => `${dischargeIndex ?? 'root'}/${caveatIndex}: ${decodeUtf8(condition)}`,
  );
}

describe('a token with discharges', () => {
  const root = asking(macaroonWith('action a'), 'auth');

  it('holds with its discharge bound, and collects the conditions of both with their places', () => {
    expect(conditionsOf(bound(addFirstPartyCaveat(root, 'ip 10.0.0.0/8'), dischargeBy('auth', 'method GET', 'path /x')))).toEqual(
      ['root/0: action a', 'root/2: ip 10.0.0.0/8', '0/0: method GET', '0/1: path /x'],
    );
  });

  it('tells its conditions as often as it is asked, in a list that nobody can change', () => {
    const result = bound(root, dischargeBy('auth', 'method GET'));
    if (!result.ok) throw new Error(`denied: ${result.code}`);
    expect(result.conditions).toBe(result.conditions);
    expect(Object.isFrozen(result.conditions)).toBe(true);
  });

  it('tells the conditions that were verified, also when the list of them is changed afterwards', () => {
    const root = macaroonWith('method GET');
    const caveats = [...root.caveats];
    const result = verifyBothWays({ root: { ...root, caveats }, discharges: [] }, key);
    caveats.length = 0;
    expect(result.ok && result.conditions.map(({ condition }) => decodeUtf8(condition))).toEqual(['method GET']);
  });

  it('does not hold without the discharge (jmacaroons#1: third-party caveats are not optional)', () => {
    expect(bound(root)).toEqual(denied('ERR_DISCHARGE_MISSING'));
    expect(bound(root, dischargeBy('time'))).toEqual(denied('ERR_DISCHARGE_MISSING'));
  });

  it('does not hold with a discharge that is not bound, bound twice, or bound to another root', () => {
    const discharge = dischargeBy('auth');
    const other = addFirstPartyCaveat(root, 'path /x');
    for (const wrong of [discharge, bindForRequest(root, bindForRequest(root, discharge)), bindForRequest(other, discharge)]) {
      expect(verifyBothWays(tokenOf(root, [wrong]), key)).toEqual(denied('ERR_DISCHARGE_MISMATCH'));
    }
  });

  it('does not hold with discharges bound before the root was attenuated', () => {
    const discharge = bindForRequest(root, dischargeBy('auth'));
    expect(verifyBothWays(tokenOf(addFirstPartyCaveat(root, 'path /x'), [discharge]), key)).toEqual(
      denied('ERR_DISCHARGE_MISMATCH'),
    );
  });

  it('does not hold with a discharge under another key', () => {
    expect(bound(root, mint(otherKey, thirdParty('auth').identifier))).toEqual(denied('ERR_DISCHARGE_MISMATCH'));
  });

  it('does not hold with a discharge that lost, changed or gained a caveat', () => {
    const discharge = bindForRequest(root, dischargeBy('auth', 'method GET', 'path /x'));
    const altered = [
      discharge.caveats.slice(1),
      discharge.caveats.toReversed(),
      [...discharge.caveats, { kind: 'first-party', condition: encodeUtf8('a b') }],
      discharge.caveats.with(0, { kind: 'first-party', condition: encodeUtf8('method PUT') }),
    ] satisfies (readonly Caveat[])[];
    for (const caveats of altered) {
      expect(verifyBothWays(tokenOf(root, [{ ...discharge, caveats }]), key)).toEqual(denied('ERR_DISCHARGE_MISMATCH'));
    }
  });

  it('checks the root before it opens any verification id', () => {
    const forged = { ...root, signature: toSignature(new Uint8Array(32)) };
    expect(bound(forged, dischargeBy('auth'))).toEqual(denied('ERR_SIGNATURE_MISMATCH'));
    expect(verifyBothWays(boundToken(root, [dischargeBy('auth')]), otherKey)).toEqual(denied('ERR_SIGNATURE_MISMATCH'));
  });

  it('does not hold with a discharge that nobody asked for (go-macaroon#4)', () => {
    expect(bound(macaroonWith('action a'), dischargeBy('auth'))).toEqual(denied('ERR_DISCHARGE_UNUSED'));
    expect(bound(root, dischargeBy('auth'), dischargeBy('time'))).toEqual(denied('ERR_DISCHARGE_UNUSED'));
    expect(bound(root, dischargeBy('time'), dischargeBy('auth'))).toEqual(denied('ERR_DISCHARGE_UNUSED'));
  });

  it('does not hold with two discharges of one identifier, of which one would go unchecked (libmacaroons#48)', () => {
    expect(bound(root, dischargeBy('auth', 'splendid'), dischargeBy('auth', 'top of the world'))).toEqual(
      denied('ERR_DISCHARGE_DUPLICATE'),
    );
    expect(bound(asking(root, 'auth'), dischargeBy('auth'), dischargeBy('auth'))).toEqual(denied('ERR_DISCHARGE_DUPLICATE'));
  });

  it('uses a discharge once only, though two caveats ask for it (go-macaroon#4)', () => {
    expect(bound(asking(root, 'auth'), dischargeBy('auth'))).toEqual(denied('ERR_DISCHARGE_REUSED'));
    const nested = asking(macaroonWith(), 'time', 'auth');
    expect(bound(nested, asking(dischargeBy('time'), 'auth'), dischargeBy('auth'))).toEqual(denied('ERR_DISCHARGE_REUSED'));
  });

  it('ends for discharges that ask for themselves or for each other (go-macaroon#4)', () => {
    expect(bound(root, asking(dischargeBy('auth'), 'auth'))).toEqual(denied('ERR_DISCHARGE_REUSED'));
    const three = asking(macaroonWith(), 'a1');
    expect(
      bound(three, asking(dischargeBy('a1'), 'b22'), asking(dischargeBy('b22'), 'c333'), asking(dischargeBy('c333'), 'a1')),
    ).toEqual(denied('ERR_DISCHARGE_REUSED'));
  });

  it('does not hold with a verification id that was changed, cut, empty or moved from another caveat (go-macaroon#30)', () => {
    const withVid = (verificationId: Uint8Array): Macaroon => {
      // Whoever holds a signature can append such a caveat: the chain holds, the verification id does not open.
      const before = macaroonWith('action a');
      const hash = (message: Uint8Array) => hmacSha256(before.signature, message);
      const { identifier: id } = thirdParty('auth');
      const caveat: Caveat = { kind: 'third-party', identifier: id, verificationId, location: '' };
      return {
        ...before,
        caveats: [...before.caveats, caveat],
        signature: toSignature(hash(concatBytes(hash(verificationId), hash(id)))),
      };
    };
    const [, caveat] = root.caveats;
    if (caveat?.kind !== 'third-party') throw new Error('the second caveat is a third-party one');
    expect(verifyBothWays(boundToken(withVid(caveat.verificationId), [dischargeBy('auth')]), key).ok).toBe(true);
    const elsewhere = asking(macaroonWith('action b'), 'auth').caveats[1];
    if (elsewhere?.kind !== 'third-party') throw new Error('the second caveat is a third-party one');
    for (const wrong of [
      new Uint8Array(0),
      new Uint8Array(72),
      caveat.verificationId.with(0, (caveat.verificationId[0] ?? 0) ^ 1),
      caveat.verificationId.with(71, (caveat.verificationId[71] ?? 0) ^ 1),
      caveat.verificationId.subarray(0, 71),
      concatBytes(caveat.verificationId, Uint8Array.of(0)),
      elsewhere.verificationId,
    ]) {
      expect(bound(withVid(wrong), dischargeBy('auth'))).toEqual(denied('ERR_SIGNATURE_VERIFICATION_ID'));
    }
  });

  it('does not confuse caveats of two third parties whose texts are joined alike', () => {
    expect(bound(asking(macaroonWith(), 'auth', 'time'), dischargeBy('time', 'a b'), dischargeBy('auth', 'c d'))).toMatchObject({
      ok: true,
    });
    expect(bound(asking(macaroonWith(), 'auth', 'time'), dischargeBy('auth'))).toEqual(denied('ERR_DISCHARGE_MISSING'));
  });
});

describe('nested discharges', () => {
  it('are each bound to the root macaroon, not to the discharge that asked (pymacaroons#37)', () => {
    const root = asking(macaroonWith('action a'), 'auth');
    const outer = asking(dischargeBy('auth', 'method GET'), 'time');
    const inner = dischargeBy('time', 'path /x');
    expect(conditionsOf(bound(root, outer, inner))).toEqual(['root/0: action a', '0/0: method GET', '1/0: path /x']);
    expect(conditionsOf(bound(root, inner, outer))).toEqual(['root/0: action a', '1/0: method GET', '0/0: path /x']);
    const toOuter = [bindForRequest(root, outer), bindForRequest(outer, inner)];
    const toBoundOuter = [bindForRequest(root, outer), bindForRequest(bindForRequest(root, outer), inner)];
    for (const discharges of [toOuter, toBoundOuter]) {
      expect(verifyBothWays(tokenOf(root, discharges), key)).toEqual(denied('ERR_DISCHARGE_MISMATCH'));
    }
  });

  it('go as deep as the limit and not one deeper', () => {
    const names = Array.from({ length: limits.maxDischargeDepth + 1 }, (_, i) => 'n'.repeat(i + 1));
    const chain = (depth: number) => {
      const used = names.slice(0, depth);
      const discharges = used.map((name, i) => asking(dischargeBy(name), ...used.slice(i + 1, i + 2)));
      return bound(asking(macaroonWith(), ...used.slice(0, 1)), ...discharges);
    };
    expect(chain(limits.maxDischargeDepth).ok).toBe(true);
    expect(chain(limits.maxDischargeDepth + 1)).toEqual(denied('ERR_LIMIT_DEPTH'));
  });

  it('are as many as the limit and not one more', () => {
    const names = Array.from({ length: limits.maxDischarges + 1 }, (_, i) => `p${String(i).padStart(i + 1, 'x')}`);
    const wide = (count: number) => {
      const used = names.slice(0, count);
      return boundToken(
        asking(macaroonWith(), ...used),
        used.map((name) => dischargeBy(name)),
      );
    };
    const most = wide(limits.maxDischarges);
    expect(verifyBothWays(most, key).ok).toBe(true);
    expect(verifyBothWays(decode(encode(most)), key).ok).toBe(true);
    expect(verifyBothWays(wide(limits.maxDischarges + 1), key)).toEqual(denied('ERR_LIMIT_DISCHARGES'));
    expect(errorOf(() => encode(wide(limits.maxDischarges + 1))).code).toBe('ERR_LIMIT_DISCHARGES');
  });
});

describe('tokens of third parties that ask for each other at random', () => {
  const names = ['a', 'bb', 'ccc', 'dddd', 'eeeee'];
  const cases = process.env['MACAROOND_TEST_LONG'] ? 100_000 : 3000;

  it('get one verdict in both ways, whatever is missing, left over, repeated, too deep, altered or bound to another', async () => {
    const codes = new Set<string>();
    await runCases(cases, 31, (random) => {
      const some = () => names.filter(() => random.chance(0.25));
      const conditions = () => ['method GET', 'path /x', 'ip 10.0.0.0/8'].filter(() => random.chance(0.3));
      const root = conditions().reduce<Macaroon>(addFirstPartyCaveat, asking(macaroonWith(...conditions()), ...some()));
      const boundTo = random.chance(0.05) ? macaroonWith() : root;
      const answered = random.chance(0.7) ? names : some();
      const discharges = answered
        .map((name, i) => asking(dischargeBy(name, ...conditions()), ...names.slice(i + 1).filter(() => random.chance(0.4))))
        .map((discharge) => (random.chance(0.03) ? asking(discharge, random.pick(names)) : discharge))
        .map((discharge) => (random.chance(0.02) ? discharge : bindForRequest(boundTo, discharge)))
        .filter(() => random.chance(0.95));
      if (random.chance(0.05)) discharges.push(...discharges.slice(0, 1));
      const asked = new Set([root, ...discharges].flatMap(({ caveats }) => caveats.map(namesIn)));
      const wanted = random.chance(0.8) ? discharges.filter(({ identifier: id }) => asked.has(decodeUtf8(id))) : discharges;
      const result = verifyBothWays(random.chance(0.1) ? altered(root, wanted, random) : { root, discharges: wanted }, key);
      codes.add(result.ok ? `ok ${wanted.length}` : result.code);
      return result.ok;
    });
    expect([...codes]).toEqual(
      expect.arrayContaining([
        'ok 0',
        'ok 1',
        'ok 2',
        'ok 3',
        'ERR_SIGNATURE_MISMATCH',
        'ERR_SIGNATURE_VERIFICATION_ID',
        'ERR_DISCHARGE_MISSING',
        'ERR_DISCHARGE_REUSED',
        'ERR_DISCHARGE_DUPLICATE',
        'ERR_DISCHARGE_UNUSED',
        'ERR_DISCHARGE_MISMATCH',
        'ERR_LIMIT_DEPTH',
      ]),
    );
  });

  function namesIn(caveat: Caveat): string {
    return caveat.kind === 'third-party' ? decodeUtf8(caveat.identifier) : '';
  }

  /** The token with one bit changed somewhere, and with a third-party caveat that anyone could add and nobody can open. */
  function altered(root: Macaroon, discharges: readonly Macaroon[], random: Random): UnverifiedMacaroon {
    if (random.chance(0.5)) {
      const verificationId = random.bytes(random.pick([1, 71, 72, 72, 72, 73]));
      const caveat: Caveat = { kind: 'third-party', identifier: encodeUtf8('ask a'), verificationId, location: '' };
      const hash = (message: Uint8Array) => hmacSha256(root.signature, message);
      const signature = toSignature(hash(concatBytes(hash(verificationId), hash(caveat.identifier))));
      const longer: Macaroon = { ...root, caveats: [...root.caveats, caveat], signature };
      return boundToken(longer, [dischargeBy('a')]);
    }
    const bytes = encodeV2Token({ root, discharges });
    const at = random.below(bytes.length);
    try {
      return decodeV2Token(bytes.with(at, (bytes[at] ?? 0) ^ (1 << random.below(8))));
    } catch {
      return { root, discharges };
    }
  }
});

describe('a known token', () => {
  it('ends in the signature of the libmacaroons README, whose nonce is all zero', () => {
    const secret = new MacaroonKey(encodeUtf8('this is a different super-secret key; never use the same secret twice'));
    const bank = addFirstPartyCaveat(
      mint(secret, encodeUtf8('we used our other secret key'), 'http://mybank/'),
      'account = 3735928559',
    );
    const parts = {
      key: new MacaroonKey(encodeUtf8('4; guaranteed random by a fair toss of the dice')),
      identifier: encodeUtf8('this was how we remind auth of key/pred'),
      location: 'http://auth.mybank/',
    };
    const asked = addThirdPartyCaveat(bank, parts, (length) => new Uint8Array(length));
    expect(toHex(asked.signature)).toBe('d27db2fd1f22760e4c3dae8137e2d8fc1df6c0741c18aed4b97256bf78d1f55c');
    const discharge = mint(parts.key, parts.identifier, parts.location);
    expect(verifyBothWays(boundToken(asked, [discharge]), secret).ok).toBe(true);
  });

  it('uses the nonce that it is given, so that the same input makes the same macaroon', () => {
    const make = () => addThirdPartyCaveat(macaroonWith(), thirdParty('auth'), testRandomBytes(9));
    expect(encode(tokenOf(make()))).toBe(encode(tokenOf(make())));
  });
});
