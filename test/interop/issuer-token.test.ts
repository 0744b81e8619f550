/**
 * A token of the issuer at another macaroon library: npm `macaroon` verifies its signature under the K_a that the issuer serves, and what
 * that leaves open, and docs/interop.md tells to check, is in the identifier.
 */
import { importMacaroon, newMacaroon, type Macaroon as TheirMacaroon } from 'macaroon';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attenuateAt } from '../../src/caveats/attenuate.js';
import { fromMacaroon, toMacaroon } from '../../src/client/npm-macaroon.js';
import { decode, decodeIdentifier } from '../../src/core/index.js';
import type { MintResponse, WireAudienceKey } from '../../src/protocol/wire.js';
import type { ClientCaller } from '../../src/server/domain/issuer.js';
import { createVerifier, staticKeys } from '../../src/verifier/index.js';
import { type IssuerAtHand, issuerAtHand } from '../support/issuer-at-hand.js';

const theirs = { importMacaroon, newMacaroon };

describe('npm macaroon with the audience key that the issuer serves', () => {
  let at: IssuerAtHand;
  let mail: ClientCaller;
  let minted: MintResponse;

  beforeAll(async () => {
    at = await issuerAtHand();
    mail = await at.clientFor('invoice', 'mail');
    await at.clientFor('archive', 'other');
    await at.issuer.putGrant(at.admin(), 'mail', { audience: 'archive', actions: ['invoices:read'] });
    minted = await at.issuer.mint(mail, { audience: 'invoice', expires_in: 600, caveats: ['ip 10.0.0.0/8'] });
  });
  afterAll(() => at.close());

  /** The key that is served for the root key id and generation at bytes 1 to 20 of the identifier, which any library can read. */
  async function servedKey(token: string, audience = 'invoice'): Promise<WireAudienceKey | undefined> {
    const identifier = Buffer.from(decode(token).root.identifier);
    const rootKeyId = identifier.subarray(1, 17).toString('base64url');
    const generation = identifier.readUInt32BE(17);
    const { keys } = await at.issuer.audienceKeys(audience, 0);
    return keys.find((key) => key.root_key_id === rootKeyId && key.generation === generation);
  }

  async function bytesOfKey(token: string, audience = 'invoice'): Promise<Uint8Array> {
    const key = await servedKey(token, audience);
    if (key === undefined) throw new Error('no such key is served');
    return Buffer.from(key.key, 'base64url');
  }

  /** The conditions that `macaroon` holds, or nothing when it does not verify. */
  function conditionsOf(macaroon: TheirMacaroon, key: Uint8Array): readonly string[] | undefined {
    const conditions: string[] = [];
    try {
      macaroon.verify(key, (condition) => {
        conditions.push(condition);
        return null;
      });
    } catch {
      return undefined;
    }
    return conditions;
  }

  it('verifies a minted token', async () => {
    const { root } = toMacaroon(minted.token, theirs);
    expect(conditionsOf(root, await bytesOfKey(minted.token))).toEqual(['ip 10.0.0.0/8']);
  });

  it('verifies it after our attenuation and after its own', async () => {
    const key = await bytesOfKey(minted.token);
    const narrower = attenuateAt(minted.token, { methods: ['GET'] }, at.time.nowMs);
    const { root } = toMacaroon(narrower, theirs);
    root.addFirstPartyCaveat('path /invoices');
    expect(conditionsOf(root, key)).toEqual(['ip 10.0.0.0/8', 'method GET', 'path /invoices']);

    const served = await servedKey(minted.token);
    if (served === undefined) throw new Error('no such key is served');
    const keys = staticKeys([
      { rootKeyId: served.root_key_id, generation: served.generation, client: served.client, key: served.key },
    ]);
    const verifier = createVerifier({ audience: 'invoice', keys, clock: () => at.time.nowMs });
    const request = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/7' };
    expect(await verifier.verify(fromMacaroon(root), request)).toMatchObject({ ok: true, client: 'mail' });
    expect(await verifier.verify(fromMacaroon(root), { ...request, path: '/' })).toMatchObject({ code: 'ERR_CAVEAT_DENIED' });
  });

  it('refuses it under the key of another audience or another generation', async () => {
    const { root } = toMacaroon(minted.token, theirs);
    const generation = decodeIdentifier(decode(minted.token).root.identifier).generation;
    expect(conditionsOf(root, await bytesOfKey(minted.token, 'archive'))).toBeUndefined();

    await at.issuer.rotateAudience(at.admin(), 'invoice', true);
    const { keys } = await at.issuer.audienceKeys('invoice', 0);
    const next = keys.find((key) => key.client === 'mail' && key.generation === generation + 1);
    expect(conditionsOf(root, Buffer.from(next?.key ?? '', 'base64url'))).toBeUndefined();
    expect(conditionsOf(root, await bytesOfKey(minted.token))).toEqual(['ip 10.0.0.0/8']);
  });

  it('accepts the signature of an expired token, so the facts of the identifier must be checked as well', async () => {
    const old = await at.issuer.mint(mail, { audience: 'invoice', expires_in: 1, actions: ['invoices:list'] });
    at.time.nowMs += 2000;
    const { root } = toMacaroon(old.token, theirs);
    expect(conditionsOf(root, await bytesOfKey(old.token))).toEqual([]);
    const facts = decodeIdentifier(decode(old.token).root.identifier);
    expect(facts).toMatchObject({ audience: 'invoice', client: 'mail', actions: ['invoices:list'] });
    expect(facts.expiresAtMs).toBe(Date.parse(old.expires_at));
    expect(facts.expiresAtMs).toBeLessThan(at.time.nowMs);
    expect((await servedKey(old.token))?.client).toBe(facts.client);
  });
});
