import { describe, expect, it } from 'vitest';
import type { CaveatType } from '../../../src/caveats/caveat-type.js';
import { createCaveatRegistry, reservedNames } from '../../../src/caveats/registry.js';
import { standardCaveats, standardRegistry } from '../../../src/caveats/standard.js';
import { encodeUtf8 } from '../../../src/core/index.js';

/** A type that takes every argument, with `changes`. */
function typeWith(changes: Readonly<Record<string, unknown>>): CaveatType<unknown> {
  const type: CaveatType<string> = {
    name: 'anything',
    parse: (argument) => ({ ok: true, value: argument }),
    format: (value) => value,
    check: () => ({ holds: true }),
    describe: (value) => value,
    narrows: () => ({ kind: 'no-op' }),
  };
  return { ...type, ...changes };
}

const malformed = expect.objectContaining({ ok: false, code: 'ERR_CAVEAT_MALFORMED' });
const unknown = expect.objectContaining({ ok: false, code: 'ERR_CAVEAT_UNKNOWN' });
const argumentFault = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'types' });

describe('createCaveatRegistry', () => {
  it('knows the standard types', () => {
    const limiting = ['time-before', 'time-after', 'action', 'ip', 'method', 'path'];
    expect(standardRegistry.names).toEqual([...limiting, 'cnf', 'request-required', 'request']);
  });

  it('takes the types of a service beside the standard ones', () => {
    const registry = createCaveatRegistry([...standardCaveats, typeWith({ name: 'account' })]);
    expect(registry.parse('account 42').ok).toBe(true);
    expect(registry.parse('method GET').ok).toBe(true);
    expect(standardRegistry.parse('account 42')).toEqual(unknown);
  });

  it('refuses a name twice', () => {
    expect(() => createCaveatRegistry([...standardCaveats, typeWith({ name: 'action' })])).toThrow(argumentFault);
  });

  it.each(reservedNames)('refuses the reserved name %s', (name) => {
    expect(() => createCaveatRegistry([typeWith({ name })])).toThrow(argumentFault);
  });

  it.each(['', 'Account', '1account', 'an account', 'account_id', 'äccount', 'account\n'])('refuses the name %j', (name) => {
    expect(() => createCaveatRegistry([typeWith({ name })])).toThrow(argumentFault);
  });
});

describe('a condition', () => {
  it.each([['method GET'], ['time-before 2026-11-21T22:21:00Z']])('is read from text and from bytes: %s', (text) => {
    const fromText = standardRegistry.parse(text);
    expect(fromText).toMatchObject({ ok: true, caveat: { text } });
    expect(standardRegistry.parse(encodeUtf8(text))).toEqual(fromText);
  });

  it.each(['account 42', 'account', 'times-before 2026-11-21T22:21:00Z', 'methods GET', 'constructor x'])(
    'of a name nobody registered is unknown: %s',
    (text) => {
      expect(standardRegistry.parse(text)).toEqual(unknown);
    },
  );

  it.each([
    ['', 'empty'],
    [' method GET', 'a space before'],
    ['method', 'no argument'],
    ['method ', 'an empty argument'],
    ['method  GET', 'two spaces'],
    ['method GET ', 'a space after'],
    ['method\tGET', 'a tab'],
    ['Method GET', 'an upper-case name'],
    ['method=GET', 'an equals sign'],
    ['method: GET', 'a colon'],
    ['method GET\n', 'a line feed'],
    ['method GET\u0000', 'a NUL'],
    ['method GET\u0085', 'a C1 control character'],
    ['account 4\u001b[2J2', 'an escape sequence under an unknown name'],
    ['__proto__ x', 'a name out of the grammar'],
    ['\ufeffmethod GET', 'a byte order mark'],
    ['request-required ', 'a space after a name that stands alone'],
    ['request-required yes', 'an argument where there is none'],
    ['request', 'a request without its parts'],
    ['cnf', 'no argument'],
  ])('is malformed: %j, %s', (text) => {
    expect(standardRegistry.parse(text)).toEqual(malformed);
    expect(standardRegistry.parse(encodeUtf8(text))).toEqual(malformed);
  });

  it.each([[[0xff]], [[0xc0, 0xaf]], [[0x6d, 0x80]], [[0xed, 0xa0, 0x80]]])('that is not UTF-8 is malformed: %s', (bytes) => {
    expect(standardRegistry.parse(Uint8Array.from(bytes))).toEqual(malformed);
  });

  it('keeps its message free of what the token holds', () => {
    const result = standardRegistry.parse('method canary-text');
    expect(result.ok ? '' : result.message).not.toContain('canary');
  });
});

describe('a type that breaks its promise', () => {
  it.each([
    [
      'throws at parse',
      {
        parse: () => {
          throw new Error('broken');
        },
      },
    ],
    [
      'throws at format',
      {
        format: () => {
          throw new Error('broken');
        },
      },
    ],
    ['prints another text', { format: () => 'other' }],
    ['answers nothing', { parse: () => undefined }],
    ['answers null', { parse: () => null }],
    ['answers true', { parse: () => true }],
    ['answers a promise', { parse: async () => ({ ok: true, value: 1 }) }],
    ['answers a truthy word', { parse: (argument: string) => ({ ok: 'yes', value: argument }) }],
    ['gives a message that is no text', { parse: () => ({ ok: false, message: Symbol('broken') }) }],
    ['has no parse', { parse: undefined }],
  ])('makes its conditions malformed when it %s', (_, changes) => {
    expect(createCaveatRegistry([typeWith(changes)]).parse('anything x')).toEqual(malformed);
  });

  it.each(['parse', 'format'])(
    'makes its conditions malformed, and ends no process, when its %s is async and rejects',
    async (name) => {
      const registry = createCaveatRegistry([typeWith({ [name]: async () => Promise.reject(new Error('late')) })]);
      expect(registry.parse('anything x')).toMatchObject({
        code: 'ERR_CAVEAT_MALFORMED',
        message: expect.stringContaining('async'),
      });
      // A rejection that nobody caught would make the test run fail.
      await new Promise((resolve) => setImmediate(resolve));
    },
  );
});

describe('the readings that a registry keeps', () => {
  function counting(): { readonly parse: (text: string) => boolean; readonly count: () => number } {
    let count = 0;
    const parse = (argument: string) => {
      count++;
      return argument === 'bad' ? { ok: false, message: 'bad' } : { ok: true, value: argument };
    };
    const registry = createCaveatRegistry([typeWith({ parse })]);
    return { parse: (text) => registry.parse(encodeUtf8(text)).ok, count: () => count };
  }

  it('spare a second reading', () => {
    const { parse, count } = counting();
    expect([parse('anything a'), parse('anything a'), parse('anything b')]).toEqual([true, true, true]);
    expect(count()).toBe(2);
  });

  it('are not changed by who changes the bytes afterwards', () => {
    const condition = encodeUtf8('method GET');
    expect(standardRegistry.parse(condition)).toMatchObject({ caveat: { text: 'method GET' } });
    condition.set(encodeUtf8('PUT'), 7);
    expect(standardRegistry.parse(condition)).toMatchObject({ caveat: { text: 'method PUT' } });
    expect(standardRegistry.parse(encodeUtf8('method GET'))).toMatchObject({ caveat: { text: 'method GET' } });
  });

  it('cannot be changed by who gets them', () => {
    const lists = ['action a', 'ip 10.0.0.0/8', 'method GET', 'path /a'].map((text) => standardRegistry.parse(encodeUtf8(text)));
    expect(lists.map((result) => result.ok && Object.isFrozen(result.caveat) && Object.isFrozen(result.caveat.value))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('are of what could be read only', () => {
    const { parse, count } = counting();
    expect([parse('anything bad'), parse('anything bad')]).toEqual([false, false]);
    expect(count()).toBe(2);
  });

  it('are bounded: an old one is read again', () => {
    const { parse, count } = counting();
    parse('anything a');
    for (let i = 0; i < 1_500; i++) parse(`anything ${i}`);
    parse('anything a');
    expect(count()).toBe(1_502);
  });

  it('outlive many others when they are in use', () => {
    const { parse, count } = counting();
    for (let i = 0; i < 1_500; i++) {
      parse('anything a');
      parse(`anything ${i}`);
    }
    expect(count()).toBe(1_501);
  });
});
