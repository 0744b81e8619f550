import { describe, expect, it } from 'vitest';
import { readClientCertField } from '../../../src/protocol/client-cert-field.js';
import { headerFields } from '../../../src/protocol/header-fields.js';

const read = (value: string): Uint8Array | undefined => readClientCertField(headerFields([['Client-Cert', value]]));

describe('Client-Cert header', () => {
  it('gives the DER of one byte sequence', () => {
    const der = new Uint8Array(700).map((_, i) => i);
    expect(read(`:${Buffer.from(der).toString('base64')}:`)).toEqual(der);
    expect(read(':AA==:')).toEqual(new Uint8Array(1));
  });

  it.each([
    '',
    ':',
    '::',
    'AA==',
    ':AA==',
    ':AA:',
    ':AB==:',
    ':AA==: ',
    ' :AA==:',
    ':AA==:;a=1',
    ':AA==:, :AA==:',
    ':AA-_:',
    ':AA\n==:',
  ])('refuses %j', (value) => {
    expect(read(value)).toBeUndefined();
  });

  it('refuses what no header should hold', () => {
    expect(read(`:${'A'.repeat(22_000)}:`)).toBeUndefined();
  });

  it('refuses a field that came twice, and none', () => {
    expect(
      readClientCertField(
        headerFields([
          ['Client-Cert', ':AA==:'],
          ['client-cert', ':AA==:'],
        ]),
      ),
    ).toBeUndefined();
    expect(readClientCertField(new Map())).toBeUndefined();
  });
});
