import { describe, expect, it } from 'vitest';
import type { CaveatType } from '../../../src/caveats/caveat-type.js';
import { checkCaveats, clearCaveats } from '../../../src/caveats/clear-caveats.js';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats, standardRegistry } from '../../../src/caveats/standard.js';
import { pending, request } from './samples.js';

const holding = ['action invoices:read', 'ip 10.0.0.0/8', 'time-before 2026-11-21T22:22:00Z'];

/** Lets every promise settle; one that was rejected and that nobody caught makes the test run fail. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A registry with a type `odd` whose check is `check`. */
function registryWith(check: unknown, describeIt: unknown = () => 'odd') {
  const type = {
    name: 'odd',
    parse: (argument: string) => ({ ok: true, value: argument }),
    format: (value: string) => value,
    check,
    describe: describeIt,
    narrows: () => ({ kind: 'no-op' }),
  };
  return createCaveatRegistry([...standardCaveats, type as CaveatType<unknown>]);
}

describe('clearCaveats', () => {
  it('clears conditions that all hold, in their order', () => {
    const result = clearCaveats(standardRegistry, pending(...holding), request);
    expect(result.ok && result.caveats.map(({ text }) => text)).toEqual(holding);
  });

  it('shows a type of a service what it read itself, and leaves what it read of its own types frozen', () => {
    const list = Object.freeze(['a', 'b']);
    const shown: unknown[] = [];
    const type = {
      ...standardCaveats.find(({ name }) => name === 'method'),
      name: 'mine',
      parse: () => ({ ok: true, value: list }),
      format: () => 'a,b',
      check: (value: unknown) => {
        shown.push(value);
        return { holds: true };
      },
    };
    const registry = createCaveatRegistry([...standardCaveats, type as CaveatType<unknown>]);
    const result = clearCaveats(registry, pending('mine a,b', 'method GET,HEAD'), request);
    expect(result.ok && result.caveats.map(({ value }) => Object.isFrozen(value))).toEqual([true, true]);
    expect(shown[0]).toBe(list);
  });

  it('clears a token without caveats', () => {
    expect(clearCaveats(standardRegistry, [], request)).toEqual({ ok: true, caveats: [] });
  });

  it.each([
    ['account 42', 'ERR_CAVEAT_UNKNOWN'],
    ['request-required', 'ERR_CAVEAT_CONTEXT'],
    ['method get', 'ERR_CAVEAT_MALFORMED'],
    ['method POST', 'ERR_CAVEAT_DENIED'],
    ['time-before 2026-11-21T22:21:00Z', 'ERR_CAVEAT_DENIED'],
  ])('denies %s with %s and tells where', (condition, code) => {
    const result = clearCaveats(standardRegistry, pending(...holding, condition), request);
    expect(result).toEqual({ ok: false, code, caveatIndex: 3, message: expect.any(String) });
  });

  it.each([
    ['ip 10.0.0.0/8', 'ip'],
    ['method GET', 'method'],
    ['path /invoices', 'path'],
  ])('denies %s for want of context, and names it', (condition, fact) => {
    const result = clearCaveats(standardRegistry, pending(condition), { action: request.action, nowMs: request.nowMs });
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_CONTEXT', message: expect.stringContaining(fact) });
  });

  it('tells the first of several faults, with its discharge', () => {
    const [one, other] = pending('method POST', 'path /admin');
    if (one === undefined || other === undefined) throw new Error('two conditions');
    const conditions = [{ ...one, caveatIndex: 5, dischargeIndex: 2 }, other];
    const result = clearCaveats(standardRegistry, conditions, request);
    expect(result).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 5, dischargeIndex: 2 });
  });

  it('tells what was needed and what came', () => {
    const result = clearCaveats(standardRegistry, pending('ip 10.0.0.0/8'), { ...request, ip: '192.0.2.1' });
    expect(result).toMatchObject({ message: 'ip: needs 10.0.0.0/8, got 192.0.2.1' });
  });

  it.each([
    ['ip', '10.1.2.3\u001b[2J'],
    ['path', '/a\u001b[2J'],
    ['method', 'GET\u001b[2J'],
    ['action', 'a\u001b[2J'],
  ])('does not repeat a fact that cannot be read: %s', (fact, actual) => {
    const conditions = pending('ip 10.0.0.0/8', 'path /a', 'method GET', 'action a');
    const context = { ...request, ip: '10.1.2.3', path: '/a', method: 'GET', action: 'a', [fact]: actual };
    const result = clearCaveats(standardRegistry, conditions, context);
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED' });
    expect(JSON.stringify(result)).not.toContain('[2J');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('canary');
      },
    ],
    [
      'throws undefined',
      () => {
        throw undefined;
      },
    ],
    ['answers true', () => true],
    ['answers undefined', () => undefined],
    ['answers null', () => null],
    ['answers an empty object', () => ({})],
    ['answers a truthy holds', () => ({ holds: 1 })],
    ['answers the word true', () => ({ holds: 'true' })],
    ['answers a promise', async () => ({ holds: true })],
    ['denies without a reason', () => ({ holds: false })],
    ['denies with texts that are none', () => ({ holds: false, reason: 'denied', expected: 1, actual: {} })],
    [
      'has a getter that throws',
      () => ({
        get holds() {
          throw new Error('canary');
        },
      }),
    ],
    ['is no function', 'yes'],
  ])('denies when a check %s', (_, check) => {
    const result = clearCaveats(registryWith(check), pending('odd x'), request);
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(JSON.stringify(result)).not.toContain('canary');
  });

  it('denies when a check answers a promise that rejects, which ends no process, and says why', async () => {
    const result = clearCaveats(
      registryWith(async () => Promise.reject(new Error('late'))),
      pending('odd x'),
      request,
    );
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', message: expect.stringContaining('async') });
    const holding = () => Object.assign(Promise.reject(new Error('late')), { holds: true });
    expect(clearCaveats(registryWith(holding), pending('odd x'), request)).toMatchObject({ ok: false });
    await settled();
  });

  it('asks a type again for each request', () => {
    const registry = registryWith((value: string, context: { account?: unknown }) =>
      context.account === value ? { holds: true } : { holds: false, reason: 'missing-context', needs: 'account' },
    );
    expect(clearCaveats(registry, pending('odd 42'), { ...request, account: '42' }).ok).toBe(true);
    expect(clearCaveats(registry, pending('odd 42'), { ...request, account: '43' }).ok).toBe(false);
  });
});

describe('checkCaveats', () => {
  it('tells every caveat, also after one that is denied', () => {
    const checked = checkCaveats(standardRegistry, pending('method POST', 'ip 10.0.0.0/8', 'account 42', 'path /a//b'), request);
    expect(checked).toEqual([
      { holds: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0, text: 'method POST', message: 'method: needs POST, got GET' },
      { holds: true, caveatIndex: 1, text: 'ip 10.0.0.0/8', message: 'only from 10.0.0.0/8', caveat: expect.anything() },
      {
        holds: false,
        code: 'ERR_CAVEAT_UNKNOWN',
        caveatIndex: 2,
        text: 'account 42',
        message: expect.stringContaining('account'),
      },
      { holds: false, code: 'ERR_CAVEAT_MALFORMED', caveatIndex: 3, text: 'path /a//b', message: expect.any(String) },
    ]);
  });

  it('makes text that steers a terminal, and bytes that are no text, visible', () => {
    const conditions = pending('odd a\u202eb', 'odd \u001b[2J', Uint8Array.of(0xff, 0x0a));
    const texts = checkCaveats(
      registryWith(() => ({ holds: true })),
      conditions,
      request,
    ).map(({ text }) => text);
    expect(texts).toEqual(['odd a\\u{202e}b', 'odd \\u{1b}[2J', '0xff0a']);
  });

  it('tells the condition when a type cannot describe it', () => {
    const fails = () => {
      throw new Error('broken');
    };
    const [checked] = checkCaveats(
      registryWith(() => ({ holds: true }), fails),
      pending('odd x'),
      request,
    );
    expect(checked).toMatchObject({ holds: true, message: 'odd x' });
  });

  it('tells the condition when a type describes it by a promise, though that rejects', async () => {
    const conditions = pending('odd x');
    const registry = registryWith(
      () => ({ holds: true }),
      async () => Promise.reject(new Error('late')),
    );
    expect(checkCaveats(registry, conditions, request)).toMatchObject([{ message: 'odd x' }]);
    await settled();
  });
});
