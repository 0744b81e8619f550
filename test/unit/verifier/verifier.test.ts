import { afterEach, describe, expect, it } from 'vitest';
import type { CaveatType, RequestContext } from '../../../src/caveats/caveat-type.js';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats } from '../../../src/caveats/standard.js';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  encodeUtf8,
  type Macaroon,
  MacaroonError,
  MacaroonKey,
  mint,
} from '../../../src/core/index.js';
import {
  createVerifier,
  type KeySource,
  type Revocation,
  staticKeys,
  type VerifierOptions,
  type VerifyContext,
} from '../../../src/verifier/index.js';
import { seededRandom } from '../../fuzz/mutate.js';
import {
  audience,
  audienceKey,
  client,
  forgedKey,
  generation,
  macaroonOf,
  nowMs,
  rootKeyId,
  staticKey,
  textOf,
  tokenId,
  tokenOf,
} from './samples.js';

const context: VerifyContext = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/1' };

function verifierOf(options: Partial<VerifierOptions> = {}, revocations: readonly Revocation[] = []) {
  return createVerifier({ audience, keys: staticKeys([staticKey], { revocations }), clock: () => nowMs, ...options });
}

function sourceOf(parts: Partial<KeySource>): KeySource {
  return { ...staticKeys([staticKey]), ...parts };
}

const discharging = new MacaroonKey(encodeUtf8('a third party'));

/** A token with a third-party caveat, and its discharge with `conditions`, not bound. */
function withDischarge(...conditions: readonly string[]): { readonly root: Macaroon; readonly discharge: Macaroon } {
  const identifier = encodeUtf8('ask');
  const root = addThirdPartyCaveat(macaroonOf(), { key: discharging, identifier }, seededRandom(5).bytes);
  const discharge = conditions.reduce(
    (macaroon, condition) => addFirstPartyCaveat(macaroon, condition),
    mint(discharging, identifier),
  );
  return { root, discharge };
}

describe('verifyNow', () => {
  it('throws for a wrong argument where verify rejects', async () => {
    const verifier = verifierOf();
    const wrong = { action: 'invoices:*' };
    expect(() => verifier.verifyNow(tokenOf(), wrong)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    await expect(verifier.verify(tokenOf(), wrong)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  it('gives a promise, which allows nothing, where a key or a revocation has to be waited for', async () => {
    const keys = staticKeys([staticKey]);
    for (const late of [
      sourceOf({ find: async (...asked) => keys.find(...asked) }),
      sourceOf({ revocationOf: async () => undefined }),
    ]) {
      const pending = verifierOf({ keys: late }).verifyNow(tokenOf(), context);
      expect(pending).toBeInstanceOf(Promise);
      expect(pending).not.toHaveProperty('ok');
      expect(await pending).toMatchObject({ ok: true, client });
    }
  });

  it('throws what a key source throws', () => {
    const broken = new Error('the disk is gone');
    const find = () => {
      throw broken;
    };
    expect(() => verifierOf({ keys: sourceOf({ find }) }).verifyNow(tokenOf(), context)).toThrow(broken);
  });
});

describe('verify', () => {
  it('tells who, for what and until when, narrowed by the caveats', async () => {
    const until = '2026-11-21T22:31:00Z';
    const conditions = [`time-before ${until}`, 'action invoices:read', 'ip 10.0.0.0/8', 'method GET', 'path /invoices'];
    const result = await verifierOf().verify(tokenOf({ conditions }), context);
    expect(result).toEqual({
      ok: true,
      client,
      audience,
      tokenId,
      rootKeyId,
      authMethods: ['client_secret_basic'],
      actions: ['invoices:read'],
      issuedAtMs: nowMs - 1000,
      expiresAtMs: Date.parse(until),
      caveats: conditions,
    });
  });

  it('keeps what the identifier says where no caveat narrows it', async () => {
    const result = await verifierOf().verify(tokenOf(), context);
    expect(result).toMatchObject({
      ok: true,
      actions: ['invoices:read', 'invoices:list'],
      expiresAtMs: nowMs + 3_600_000,
      caveats: [],
    });
  });

  it('freezes what it returns', async () => {
    const verifier = verifierOf();
    const allowed = await verifier.verify(tokenOf({ conditions: ['method GET'] }), context);
    if (!allowed.ok) throw new Error(allowed.code);
    expect([allowed, allowed.actions, allowed.authMethods, allowed.caveats].every(Object.isFrozen)).toBe(true);
    for (const text of ['', tokenOf({ conditions: ['method POST'] }), tokenOf({ key: forgedKey })]) {
      const denied = await verifier.verify(text, context);
      expect([denied.ok, Object.isFrozen(denied)]).toEqual([false, true]);
    }
  });

  it.each<[string, string, string]>([
    ['no text', '', 'ERR_FORMAT_EMPTY'],
    ['a cut text', tokenOf().slice(0, -3), 'ERR_FORMAT_CHECKSUM'],
    ['a text with a foreign character', 'äöüß', 'ERR_FORMAT_TEXT'],
    ['a text that is too long', 'A'.repeat(8000), 'ERR_LIMIT_TEXT'],
    ['a macaroon of another issuer', textOf(mint(forgedKey, encodeUtf8('who knows'))), 'ERR_FORMAT_IDENTIFIER'],
    ['a key of another generation', tokenOf({ generation: 2 }), 'ERR_KEY_UNKNOWN'],
    ['an unknown root key', tokenOf({ rootKeyId: new Uint8Array(16) }), 'ERR_KEY_UNKNOWN'],
    ['a forged token', tokenOf({ key: forgedKey }), 'ERR_SIGNATURE_MISMATCH'],
    ['a token of another audience', tokenOf({ audience: 'mail', key: audienceKey(1, 'mail') }), 'ERR_SIGNATURE_MISMATCH'],
    ['a token of another audience under our key', tokenOf({ audience: 'mail' }), 'ERR_TOKEN_AUDIENCE'],
    ["a token of a client under another client's key", tokenOf({ client: 'chat' }), 'ERR_TOKEN_CLIENT'],
    ['an expired token', tokenOf({ expiresAtMs: nowMs }), 'ERR_TOKEN_EXPIRED'],
    ['a token of the future', tokenOf({ issuedAtMs: nowMs + 60_001 }), 'ERR_TOKEN_NOT_YET'],
    ['an action that was not granted', tokenOf({ actions: ['invoices:list'] }), 'ERR_ACTION_NOT_GRANTED'],
  ])('denies %s', async (_, text, code) => {
    expect(await verifierOf().verify(text, context)).toMatchObject({ ok: false, code });
  });

  it('holds to the last millisecond, and allows for a clock that is behind the issuer', async () => {
    const verifier = verifierOf();
    expect(await verifier.verify(tokenOf({ expiresAtMs: nowMs + 1 }), context)).toMatchObject({ ok: true });
    expect(await verifier.verify(tokenOf({ issuedAtMs: nowMs + 60_000 }), context)).toMatchObject({ ok: true });
  });

  it.each<[string, string, string]>([
    ['an unknown caveat', 'account 42', 'ERR_CAVEAT_UNKNOWN'],
    ['a caveat that asks for the request', 'request-required', 'ERR_CAVEAT_CONTEXT'],
    ['a malformed caveat', 'ip 10.0.0.1/8', 'ERR_CAVEAT_MALFORMED'],
    ['another address', 'ip 192.168.0.0/16', 'ERR_CAVEAT_DENIED'],
    ['a time that has passed', 'time-before 2026-11-21T22:21:00Z', 'ERR_CAVEAT_DENIED'],
  ])('denies %s and says which', async (_, condition, code) => {
    const text = tokenOf({ conditions: ['method GET', condition] });
    expect(await verifierOf().verify(text, context)).toMatchObject({ ok: false, code, caveatIndex: 1 });
  });

  it.each(['ip 10.0.0.0/8', 'method GET', 'path /invoices'])('denies %s when it was not told', async (condition) => {
    const result = await verifierOf().verify(tokenOf({ conditions: [condition] }), { action: 'invoices:read' });
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_CONTEXT', caveatIndex: 0 });
  });

  it('denies a path that is not canonical, whatever the caveats', async () => {
    const result = await verifierOf().verify(tokenOf(), { ...context, path: '/a/../invoices' });
    expect(result).toMatchObject({ ok: false, code: 'ERR_REQUEST_PATH' });
  });

  it('takes a discharge with its conditions, and says in which one a condition fails', async () => {
    const verifier = verifierOf();
    for (const [condition, expected] of [
      ['method GET', { ok: true, caveats: ['method GET'] }],
      ['method POST', { ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0, dischargeIndex: 0 }],
    ] as const) {
      const { root, discharge } = withDischarge(condition);
      expect(await verifier.verify(textOf(root, [bindForRequest(root, discharge)]), context)).toMatchObject(expected);
    }
    const { root, discharge } = withDischarge();
    expect(await verifier.verify(textOf(root), context)).toMatchObject({ code: 'ERR_DISCHARGE_MISSING' });
    expect(await verifier.verify(textOf(root, [discharge]), context)).toMatchObject({ code: 'ERR_DISCHARGE_MISMATCH' });
  });

  it("knows a service's own caveats", async () => {
    const account = {
      name: 'account',
      parse: (argument: string) => ({ ok: true as const, value: argument }),
      format: (value: unknown) => String(value),
      check: (value: unknown, { account: actual }: Readonly<Record<string, unknown>>) =>
        value === actual
          ? { holds: true as const }
          : { holds: false as const, reason: 'denied' as const, expected: String(value), actual: String(actual) },
      describe: (value: unknown) => `only account ${value}`,
      narrows: (inForce: unknown, added: unknown) =>
        inForce === added ? { kind: 'no-op' as const } : { kind: 'contradiction' as const },
    };
    const verifier = verifierOf({ caveats: createCaveatRegistry([...standardCaveats, account]) });
    const text = tokenOf({ conditions: ['account 42'] });
    expect(await verifier.verify(text, { ...context, account: '42' })).toMatchObject({ ok: true });
    expect(await verifier.verify(text, { ...context, account: '43' })).toMatchObject({ code: 'ERR_CAVEAT_DENIED' });
  });
});

const revocations: readonly (readonly [string, Revocation])[] = [
  ['ERR_REVOKED_TOKEN', { kind: 'token', tokenId }],
  ['ERR_REVOKED_CLIENT', { kind: 'client', client, beforeMs: nowMs - 1000 }],
  ['ERR_REVOKED_ROOT_KEY', { kind: 'root_key', rootKeyId }],
  ['ERR_REVOKED_AUDIENCE_KEY', { kind: 'audience_key', audience, generation }],
];

describe('a revoked token', () => {
  it.each(revocations)('is denied with %s', async (code, revocation) => {
    expect(await verifierOf({}, [revocation]).verify(tokenOf(), context)).toMatchObject({ ok: false, code });
  });

  it.each<[string, Revocation]>([
    ['of an earlier time', { kind: 'client', client, beforeMs: nowMs - 1001 }],
    ['of another client', { kind: 'client', client: 'chat', beforeMs: nowMs }],
    ['of another generation', { kind: 'audience_key', audience, generation: 2 }],
    ['of another audience', { kind: 'audience_key', audience: 'mail', generation }],
  ])('is not one by a revocation %s', async (_, revocation) => {
    expect(await verifierOf({}, [revocation]).verify(tokenOf(), context)).toMatchObject({ ok: true });
  });

  it('is denied even after its signature was cached', async () => {
    const revoked = new Set<string>();
    const keys = sourceOf({
      revocationOf: (subject) => (revoked.has(subject.tokenId) ? 'ERR_REVOKED_TOKEN' : undefined),
    });
    const verifier = verifierOf({ keys });
    expect(await verifier.verify(tokenOf(), context)).toMatchObject({ ok: true });
    revoked.add(tokenId);
    expect(await verifier.verify(tokenOf(), context)).toMatchObject({ code: 'ERR_REVOKED_TOKEN' });
  });
});

describe('the order', () => {
  const everythingWrong = {
    audience: 'mail',
    client: 'chat',
    expiresAtMs: nowMs - 1,
    issuedAtMs: nowMs + 120_000,
    actions: ['other:thing'],
    conditions: ['account 42'],
  };
  const revokedClient: Revocation = { kind: 'client', client: 'chat', beforeMs: nowMs + 200_000 };

  it('is signature, revocation, facts, path, caveats', async () => {
    const at = { ...context, path: '/a//b' };
    const { audience: _a, ...rightAudience } = everythingWrong;
    const { client: _c, ...rightClient } = rightAudience;
    const { expiresAtMs: _e, ...alive } = rightClient;
    const { issuedAtMs: _i, ...issued } = alive;
    const { actions: _n, ...granted } = issued;
    const codes: string[] = [];
    for (const [parts, revoked] of [
      [{ ...everythingWrong, key: forgedKey }, [revokedClient]],
      [everythingWrong, [revokedClient]],
      [everythingWrong, []],
      [rightAudience, []],
      [rightClient, []],
      [alive, []],
      [issued, []],
      [granted, []],
    ] as const) {
      const result = await verifierOf({}, revoked).verify(tokenOf(parts), at);
      codes.push(result.ok ? 'ok' : result.code);
    }
    const last = await verifierOf().verify(tokenOf(granted), context);
    codes.push(last.ok ? 'ok' : last.code);
    expect(codes).toEqual([
      'ERR_SIGNATURE_MISMATCH',
      'ERR_REVOKED_CLIENT',
      'ERR_TOKEN_AUDIENCE',
      'ERR_TOKEN_CLIENT',
      'ERR_TOKEN_EXPIRED',
      'ERR_TOKEN_NOT_YET',
      'ERR_ACTION_NOT_GRANTED',
      'ERR_REQUEST_PATH',
      'ERR_CAVEAT_UNKNOWN',
    ]);
  });

  it('asks for no revocation and checks no caveat before the signature holds', async () => {
    const touched: string[] = [];
    const keys = sourceOf({
      revocationOf: () => {
        touched.push('revocation');
        return undefined;
      },
    });
    const verifier = verifierOf({ keys });
    for (const action of ['verify', 'explain'] as const) {
      await verifier[action](tokenOf({ key: forgedKey, conditions: ['account 42'] }), context);
    }
    expect(touched).toEqual([]);
  });

  it('quotes nothing of a token whose signature does not hold', async () => {
    const text = tokenOf({ key: forgedKey, client: 'canary-client', conditions: ['canary-caveat 1'] });
    const { text: printed, result } = await verifierOf().explain(text, context);
    expect(printed + JSON.stringify(result)).not.toContain('canary');
    expect(printed).not.toContain(rootKeyId);
  });
});

describe('the facts that caveats see', () => {
  const seen: unknown[] = [];
  const spy = (name: string, check: (context: RequestContext) => void): CaveatType<unknown> => ({
    name,
    parse: (argument) => ({ ok: true, value: argument }),
    format: String,
    check: (_, facts) => {
      check(facts);
      return { holds: true };
    },
    describe: String,
    narrows: () => ({ kind: 'no-op' }),
  });
  const look = spy('look', (facts) => seen.push(facts['account'], facts.ip));
  const meddle = spy('meddle', (facts) => Object.assign(facts, { account: 'other', ip: '10.9.9.9' }));
  const verifier = verifierOf({ caveats: createCaveatRegistry([...standardCaveats, look, meddle]) });

  afterEach(() => {
    seen.length = 0;
  });

  it('are those that the context itself has: none that it inherits, nor all objects have', async () => {
    class Request {
      readonly [fact: string]: unknown;
      readonly action = 'invoices:read';
      get ip() {
        return '10.1.2.3';
      }
    }
    const text = tokenOf({ conditions: ['look x', 'ip 10.0.0.0/8'] });
    expect(await verifier.verify(text, new Request() as VerifyContext)).toMatchObject({ code: 'ERR_CAVEAT_CONTEXT' });
    const inherited = Object.assign(Object.create({ ip: '10.1.2.3', account: '42' }), { action: 'invoices:read' });
    expect(await verifier.verify(text, inherited)).toMatchObject({ code: 'ERR_CAVEAT_CONTEXT' });
    for (const enumerable of [false, true]) {
      Object.defineProperty(Object.prototype, 'account', { value: '42', configurable: true, enumerable });
      try {
        await verifier.verify(text, { action: 'invoices:read' });
        await verifier.explain(text, { action: 'invoices:read' });
      } finally {
        Reflect.deleteProperty(Object.prototype, 'account');
      }
    }
    expect(seen.length).toBeGreaterThanOrEqual(12);
    expect(seen.filter((fact) => fact !== undefined)).toEqual([]);
  });

  it('cannot be changed by a caveat type for those after it', async () => {
    const text = tokenOf({ conditions: ['meddle x', 'look x'] });
    for (const action of ['verify', 'explain'] as const) await verifier[action](text, { ...context, account: '42' });
    expect(seen.every((fact) => fact !== 'other' && fact !== '10.9.9.9')).toBe(true);
    expect(await verifier.verify(text, context)).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
  });

  it('count whether somebody has a member called hasOwnProperty or not, and those that nobody can list do not', async () => {
    const text = tokenOf({ conditions: ['ip 10.0.0.0/8'] });
    const odd = { action: 'invoices:read', ip: '10.1.2.3', hasOwnProperty: () => false };
    expect(await verifier.verify(text, odd)).toMatchObject({ ok: true });
    expect(await verifier.verify(text, Object.assign(Object.create(null), context))).toMatchObject({ ok: true });
    const hidden = Object.defineProperty({ action: 'invoices:read' }, 'ip', { value: '10.1.2.3', enumerable: false });
    expect(await verifier.verify(text, hidden)).toMatchObject({ code: 'ERR_CAVEAT_CONTEXT' });
  });

  it('are read once', async () => {
    let reads = 0;
    const changing = {
      get action() {
        reads++;
        return 'invoices:read';
      },
    };
    await verifier.verify(tokenOf(), changing);
    expect(reads).toBe(1);
  });
});

describe('machinery that is broken', () => {
  it('throws, and allows nothing', async () => {
    const stale = new MacaroonError('ERR_SOURCE_STALE', 'stale');
    const keys = sourceOf({ revocationOf: () => Promise.reject(stale) });
    await expect(verifierOf({ keys }).verify(tokenOf(), context)).rejects.toBe(stale);
    const unreachable = new MacaroonError('ERR_ISSUER_UNREACHABLE', 'gone');
    const source = sourceOf({
      find: () => {
        throw unreachable;
      },
    });
    await expect(verifierOf({ keys: source }).verify(tokenOf(), context)).rejects.toBe(unreachable);
  });

  it('throws for a clock that tells no time, which would make every token immortal', async () => {
    const verifier = verifierOf({ clock: () => Number.NaN });
    await expect(verifier.verify(tokenOf(), context)).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'clock' });
  });

  it('closes the key source with the verifier', async () => {
    let closed = 0;
    const keys = sourceOf({
      close: async () => {
        closed++;
      },
    });
    await verifierOf({ keys }).close();
    expect(closed).toBe(1);
  });
});

describe('a wrong argument', () => {
  const wrongContexts: readonly (readonly [string, unknown])[] = [
    ['action', {}],
    ['action', { action: 'invoices:*' }],
    ['action', { action: '' }],
    ['ip', { action: 'a', ip: 1 }],
    ['method', { action: 'a', method: null }],
    ['path', { action: 'a', path: ['/'] }],
    ['nowMs', { action: 'a', nowMs: 1 }],
    ['at', { action: 'a', at: '2020-01-01T00:00:00Z' }],
    ['action', Object.create({ action: 'a' })],
    ['context', undefined],
  ];

  it.each(wrongContexts)('throws ERR_ARGUMENT that names %s: %j', async (argument, wrong) => {
    const verifier = verifierOf();
    await expect(verifier.verify(tokenOf(), wrong as VerifyContext)).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument });
    await expect(verifier.explain(tokenOf(), wrong as VerifyContext)).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument });
  });

  it('throws ERR_ARGUMENT for a text that is none', async () => {
    const text: unknown = undefined;
    await expect(verifierOf().verify(text as string, context)).rejects.toMatchObject({ argument: 'text' });
  });

  it('throws ERR_ARGUMENT for options that are none', () => {
    const options: unknown = undefined;
    expect(() => createVerifier(options as VerifierOptions)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  });

  const wrongOptions: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['audience', { audience: 'In voice' }],
    ['audience', { audience: undefined }],
    ['keys', { keys: {} }],
    ['keys', { keys: undefined }],
    ['maxStalenessMs', { maxStalenessMs: 5000 }],
  ];

  it.each(wrongOptions)('makes createVerifier throw ERR_ARGUMENT that names %s', (argument, wrong) => {
    const options = { audience, keys: staticKeys([staticKey]), ...wrong } as VerifierOptions;
    expect(() => createVerifier(options)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
  });
});

describe('explain', () => {
  it('shows every step and every caveat, not the first failure alone', async () => {
    const conditions = ['method GET', 'ip 192.168.0.0/16', 'account 42'];
    const { result, steps, text } = await verifierOf().explain(tokenOf({ conditions, expiresAtMs: nowMs }), context);
    expect(result).toMatchObject({ ok: false, code: 'ERR_TOKEN_EXPIRED' });
    expect(steps.map(({ holds, caveatIndex, condition }) => [holds, caveatIndex, condition])).toEqual([
      ...[true, true, true, true, true, true, false, true, true, true].map((holds) => [holds, undefined, undefined]),
      [true, 0, 'method GET'],
      [false, 1, 'ip 192.168.0.0/16'],
      [false, 2, 'account 42'],
    ]);
    const lines = text.split('\n');
    expect(lines).toHaveLength(steps.length + 1);
    expect(lines.filter((line) => line.startsWith('✗'))).toHaveLength(3);
    expect(lines.at(-1)).toBe('denied: ERR_TOKEN_EXPIRED');
  });

  it('agrees with itself when a caveat changes its mind: each is checked once', async () => {
    let asked = 0;
    const fickle: CaveatType<string> = {
      name: 'fickle',
      parse: (argument) => ({ ok: true, value: argument }),
      format: (value) => value,
      check: () => (++asked === 1 ? { holds: false, reason: 'denied', expected: 'a second time', actual: 'x' } : { holds: true }),
      describe: (value) => value,
      narrows: () => ({ kind: 'no-op' }),
    };
    const verifier = verifierOf({ caveats: createCaveatRegistry([fickle as CaveatType<unknown>]) });
    const { result, steps } = await verifier.explain(tokenOf({ conditions: ['fickle x'] }), context);
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(steps.at(-1)).toMatchObject({ holds: false, caveatIndex: 0 });
    expect(asked).toBe(1);
  });

  it('agrees with verify', async () => {
    const verifier = verifierOf({}, [{ kind: 'token', tokenId }]);
    const others = verifierOf();
    for (const [one, text] of [
      [verifier, tokenOf()],
      [others, tokenOf({ conditions: ['method GET'] })],
      [others, tokenOf({ conditions: ['method POST', 'account 1'] })],
      [others, tokenOf({ key: forgedKey })],
      [others, tokenOf({ actions: ['other:thing'] })],
      [others, 'mcr_'],
    ] as const) {
      expect((await one.explain(text, context)).result).toEqual(await one.verify(text, context));
    }
  });

  it.each<[string, string, number]>([
    ['decoding', 'mcr_x', 1],
    ['the key', tokenOf({ generation: 9 }), 2],
    ['the signature', tokenOf({ key: forgedKey, conditions: ['method GET'] }), 3],
  ])('ends at %s when that fails', async (_, text, count) => {
    const { steps } = await verifierOf().explain(text, context);
    expect(steps.map(({ holds }) => holds)).toEqual([...Array(count - 1).fill(true), false]);
  });

  it('is frozen, has no getters of its own, which each would have a shape made for it, and is whole as JSON', async () => {
    const explanation = await verifierOf().explain(tokenOf(), context);
    const { steps, text, caveats, result } = explanation;
    expect(Object.isFrozen(explanation)).toBe(true);
    expect(Object.values(Object.getOwnPropertyDescriptors(explanation)).filter(({ get }) => get !== undefined)).toEqual([]);
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(JSON.parse(JSON.stringify({ result, caveats, steps, text })));
  });

  it('prints a condition of a stranger so that it cannot steer a terminal', async () => {
    const { text } = await verifierOf().explain(tokenOf({ conditions: ['evil \u001b[2J\n✓ all is well'] }), context);
    expect(text).not.toContain('\u001b');
    expect(text.split('\n').filter((line) => line.startsWith('✓ all'))).toEqual([]);
  });
});
