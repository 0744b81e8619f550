import { describe, expect, it } from 'vitest';
import { fromMacaroon, type NpmMacaroon, toMacaroon } from '../../../src/client/index.js';
import { exportV2Json, type V2Json } from '../../../src/core/index.js';
import { errorOf, macaroonWith } from '../core/samples.js';
import { mintedAnswer } from './minted-answer.js';

const { token } = mintedAnswer();
const importer = (json: V2Json): V2Json => json;

describe('toMacaroon', () => {
  it('takes a function, or a module that holds it', () => {
    const expected = toMacaroon(token, importer);
    expect(expected.root).toMatchObject({ v: 2 });
    expect(toMacaroon(token, { importMacaroon: importer })).toEqual(expected);
  });

  it.each<[string, unknown, unknown]>([
    ['text', undefined, importer],
    ['text', null, importer],
    ['text', 7, importer],
    ['importer', token, undefined],
    ['importer', token, null],
    ['importer', token, {}],
    ['importer', token, { importMacaroon: 'x' }],
  ])('names the wrong %s %j', (argument, text, making) => {
    const error = errorOf(() => toMacaroon(text as string, making as typeof importer));
    expect(error).toMatchObject({ code: 'ERR_ARGUMENT', argument });
  });
});

describe('fromMacaroon', () => {
  const theirs: NpmMacaroon = { exportJSON: () => exportV2Json(macaroonWith()) };

  it.each<[string, unknown, unknown]>([
    ['macaroon', undefined, []],
    ['macaroon', null, []],
    ['macaroon', token, []],
    ['macaroon', { exportJSON: () => 'x' }, []],
    ['macaroon', theirs, [undefined]],
    ['discharges', theirs, null],
    ['discharges', theirs, theirs],
  ])('names the wrong %s', (argument, root, discharges) => {
    const error = errorOf(() => fromMacaroon(root as NpmMacaroon, discharges as NpmMacaroon[]));
    expect(error).toMatchObject({ code: 'ERR_ARGUMENT', argument });
  });
});
