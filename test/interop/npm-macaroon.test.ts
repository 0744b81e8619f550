/**
 * npm `macaroon` 3.0.4 both ways, on random macaroons. Its checker accepts on any falsy answer, so every check here answers with a
 * text when it refuses; its `exportBinary` allocates gigabytes, so nothing here calls it.
 */
import { importMacaroon, newMacaroon, type Macaroon as TheirMacaroon } from 'macaroon';
import { describe, expect, it } from 'vitest';
import { fromMacaroon, toMacaroon } from '../../src/client/npm-macaroon.js';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  decode,
  encode,
  limits,
  type Macaroon,
  MacaroonKey,
  mint,
  type UnverifiedMacaroon,
  verifySignature,
} from '../../src/core/index.js';
import { campaignSize, fuzzSeed, mutateBytes, type Random, seededRandom } from '../fuzz/mutate.js';
import { errorOf, toHex } from '../unit/core/samples.js';

const theirs = { importMacaroon, newMacaroon };
const plainRounds = campaignSize(1000, 50_000);
const dischargeRounds = campaignSize(1000, 20_000);

/** A random plan of a token, carried out by either side. */
interface Plan {
  readonly key: Uint8Array;
  readonly identifier: Uint8Array;
  readonly location: string;
  readonly conditions: readonly string[];
  readonly parties: readonly Plan[];
}

const words = ['action invoices:read', 'ip 10.0.0.0/8', 'method GET', 'path /naïve/☃', 'x "quoted" \\ text', 'y \u{1f600}'];

function randomPlan(random: Random, parties: number, depth = 0): Plan {
  // A first byte of 1, as ours have, keeps clear of a byte order mark, which npm `macaroon` would drop.
  const identifier = random.bytes(9 + random.below(120)).with(0, 1);
  const conditions = Array.from({ length: random.below(7) }, () => `${random.pick(words)} ${random.below(1e6)}`);
  return {
    key: random.bytes(1 + random.below(64)),
    identifier,
    location: random.pick(['', 'https://a.example/', 'ö']),
    conditions,
    parties: Array.from({ length: parties }, () =>
      randomPlan(random, depth < limits.maxDischargeDepth - 1 && random.chance(0.3) ? 1 : 0, depth + 1),
    ),
  };
}

function ourRoot(plan: Plan, random: Random): Macaroon {
  const start = plan.conditions.reduce(addFirstPartyCaveat, mint(new MacaroonKey(plan.key), plan.identifier, plan.location));
  return plan.parties.reduce((macaroon, { key, identifier, location }) => {
    return addThirdPartyCaveat(macaroon, { key: new MacaroonKey(key), identifier, location }, random.bytes);
  }, start);
}

function theirRoot(plan: Plan): TheirMacaroon {
  const macaroon = theirs.newMacaroon({ rootKey: plan.key, identifier: plan.identifier, location: plan.location });
  for (const condition of plan.conditions) macaroon.addFirstPartyCaveat(condition);
  for (const { key, identifier, location } of plan.parties) macaroon.addThirdPartyCaveat(key, identifier, location);
  return macaroon;
}

function everyParty(plan: Plan): readonly Plan[] {
  return plan.parties.flatMap((party) => [party, ...everyParty(party)]);
}

function everyCondition(plan: Plan): readonly string[] {
  return [plan, ...everyParty(plan)].flatMap(({ conditions }) => conditions).toSorted();
}

function weAccept(token: UnverifiedMacaroon, key: Uint8Array): readonly string[] | undefined {
  const result = verifySignature(token, new MacaroonKey(key));
  return result.ok ? result.conditions.map(({ condition }) => new TextDecoder().decode(condition)).toSorted() : undefined;
}

function theyAccept(root: TheirMacaroon, discharges: readonly TheirMacaroon[], key: Uint8Array): readonly string[] | undefined {
  const conditions: string[] = [];
  const check = (condition: string) => {
    conditions.push(condition);
    return null;
  };
  try {
    root.verify(key, check, discharges);
  } catch {
    return undefined;
  }
  return conditions.toSorted();
}

/** Runs `act` on random plans with `parties` third parties at most; a failure tells the seed. */
function onRandomPlans(parties: number, act: (plan: Plan, random: Random) => void): void {
  const rounds = parties === 0 ? plainRounds : dischargeRounds;
  for (let round = 0; round < rounds; round++) {
    const seed = (fuzzSeed + round) >>> 0;
    const random = seededRandom(seed);
    try {
      act(randomPlan(random, random.below(parties + 1)), random);
    } catch (cause) {
      throw new Error(`MACAROOND_TEST_SEED=${seed}`, { cause });
    }
  }
}

describe('npm macaroon', () => {
  it('verifies what we make, and we what it makes, with the same conditions', () => {
    onRandomPlans(0, (plan, random) => {
      const ours = ourRoot(plan, random);
      const text = encode({ root: ours, discharges: [] });
      expect(theyAccept(toMacaroon(text, theirs).root, [], plan.key)).toEqual(everyCondition(plan));
      expect(fromMacaroon(theirRoot(plan))).toBe(text);
      expect(weAccept(decode(fromMacaroon(theirRoot(plan))), plan.key)).toEqual(everyCondition(plan));
      const otherKey = random.bytes(32);
      expect(theyAccept(toMacaroon(text, theirs.importMacaroon).root, [], otherKey)).toBeUndefined();
      expect(weAccept(decode(text), otherKey)).toBeUndefined();
    });
  });

  it('reads our third-party caveats and bound discharges, nested ones too', () => {
    onRandomPlans(3, (plan, random) => {
      const root = ourRoot(plan, random);
      const discharges = everyParty(plan).map((party) => bindForRequest(root, ourRoot(party, random)));
      const text = encode({ root, discharges });
      const token = toMacaroon(text, theirs);
      expect(theyAccept(token.root, token.discharges, plan.key)).toEqual(everyCondition(plan));
      expect(weAccept(decode(text), plan.key)).toEqual(everyCondition(plan));
      expect(fromMacaroon(token.root, token.discharges)).toBe(text);
      if (discharges.length > 0) expect(theyAccept(token.root, token.discharges.slice(1), plan.key)).toBeUndefined();
    });
  });

  it('writes third-party caveats and bound discharges that we verify, nested ones too', () => {
    onRandomPlans(3, (plan) => {
      const root = theirRoot(plan);
      const discharges = everyParty(plan).map((party) => {
        const discharge = theirRoot(party);
        discharge.bindToRoot(root.signature);
        return discharge;
      });
      const text = fromMacaroon(root, discharges);
      expect(weAccept(decode(text), plan.key)).toEqual(everyCondition(plan));
      if (discharges.length > 0) expect(weAccept(decode(fromMacaroon(root, discharges.slice(1))), plan.key)).toBeUndefined();
    });
  });

  it('attenuates our token and we its, and the discharges of either side hold', () => {
    onRandomPlans(2, (plan, random) => {
      const text = encode({ root: ourRoot(plan, random), discharges: [] });
      const narrower = toMacaroon(text, theirs).root;
      narrower.addFirstPartyCaveat('added by them');
      const again = addFirstPartyCaveat(decode(fromMacaroon(narrower)).root, 'added by us');
      const ours = everyParty(plan).map((party) => bindForRequest(again, ourRoot(party, random)));
      const expected = [...everyCondition(plan), 'added by them', 'added by us'].toSorted();
      expect(weAccept({ root: again, discharges: ours }, plan.key)).toEqual(expected);
      const their = toMacaroon(encode({ root: again, discharges: [] }), theirs).root;
      const discharges = everyParty(plan).map((party) => {
        const discharge = theirRoot(party);
        discharge.bindToRoot(their.signature);
        return discharge;
      });
      expect(theyAccept(their, discharges, plan.key)).toEqual(expected);
      expect(weAccept(decode(fromMacaroon(their, discharges)), plan.key)).toEqual(expected);
      expect(toHex(again.signature)).toBe(toHex(their.signature));
    });
  });

  it('accepts nothing that was changed on the way which we accept', () => {
    onRandomPlans(1, (plan, random) => {
      const root = ourRoot(plan, random);
      const discharges = everyParty(plan).map((party) => bindForRequest(root, ourRoot(party, random)));
      const payload = Buffer.from(encode({ root, discharges }).slice(4, -7), 'base64url');
      let changed: UnverifiedMacaroon;
      try {
        changed = decode(Buffer.from(mutateBytes(random, payload)).toString('base64url'));
      } catch {
        return;
      }
      const token = toMacaroon(encode(changed), theirs);
      const we = weAccept(changed, plan.key);
      if (we !== undefined) expect(theyAccept(token.root, token.discharges, plan.key)).toEqual(we);
    });
  });
});

describe('bridge to npm macaroon', () => {
  it('refuses a version 1 macaroon and what is no macaroon', () => {
    const parts = { rootKey: Uint8Array.of(1), identifier: Uint8Array.of(0x61) };
    expect(errorOf(() => fromMacaroon(theirs.newMacaroon({ ...parts, version: 1 }))).code).toBe('ERR_FORMAT_VERSION');
    for (const json of [undefined, null, 'text', 7, []]) {
      expect(errorOf(() => fromMacaroon({ exportJSON: () => json })).code).toBe('ERR_ARGUMENT');
    }
    expect(errorOf(() => fromMacaroon({ exportJSON: () => ({ v: 2 }) })).code).toBe('ERR_FORMAT_FIELD');
    expect(errorOf(() => toMacaroon('mcr_', theirs)).code).toBe('ERR_FORMAT_CHECKSUM');
  });
});
