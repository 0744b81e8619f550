import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketReader, PacketWriter } from '../../../src/core/format/packet.js';
import {
  createUuidV7,
  decodeIdentifier,
  encodeBase64url,
  encodeIdentifier,
  encodeUtf8,
  formatUuid,
  type IdentifierParts,
  isActionPattern,
  isName,
  knownIdentifierAt,
  limits,
  readKeyReference,
} from '../../../src/core/index.js';
import { asView, errorOf, faultOf, identifier, identifierParts, issuedAtMs, testRandomBytes } from './samples.js';

const headBytes = 21;
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/).filter(isName);
const action = fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}(:[A-Za-z0-9._~-]{1,8}){0,2}(:\*)?$/).filter(isActionPattern);
const parts: fc.Arbitrary<IdentifierParts> = fc.record({
  rootKeyId: bytes16,
  generation: fc.nat({ max: 0xffffffff }),
  tokenId: fc.tuple(time, bytes16).map(([ms, random]) => createUuidV7(ms, (length) => random.slice(0, length))),
  expiresAtMs: time,
  audience: name,
  client: name,
  authMethods: fc.uniqueArray(fc.stringMatching(/^[a-z0-9_]{1,10}$/), { minLength: 1, maxLength: 3 }),
  actions: fc.uniqueArray(action, { minLength: 1, maxLength: 8 }),
});

/** Packets of the sample identifier as [type, data]. */
function samplePackets(): (readonly [number, Uint8Array])[] {
  const reader = new PacketReader(identifier, headBytes);
  const packets: (readonly [number, Uint8Array])[] = [];
  while (!reader.atEnd) packets.push([reader.readByte(), reader.readData()]);
  return packets;
}

function identifierOf(packets: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new PacketWriter();
  writer.writeRaw(identifier.subarray(0, headBytes));
  for (const [type, data] of packets) writer.writePacket(type, data);
  return writer.written;
}

describe('identifier', () => {
  it('reads back what it wrote, also from the middle of a larger buffer', () => {
    fc.assert(
      fc.property(parts, (written) => {
        const bytes = encodeIdentifier(written);
        const facts = decodeIdentifier(asView(bytes));
        expect(facts).toEqual({
          rootKeyId: encodeBase64url(written.rootKeyId),
          generation: written.generation,
          tokenId: formatUuid(written.tokenId),
          issuedAtMs: Number.parseInt(formatUuid(written.tokenId).replaceAll('-', '').slice(0, 12), 16),
          expiresAtMs: written.expiresAtMs,
          audience: written.audience,
          client: written.client,
          authMethods: written.authMethods,
          actions: written.actions,
        });
        expect(readKeyReference(asView(bytes))).toEqual({ rootKeyId: facts.rootKeyId, generation: facts.generation });
      }),
    );
  });

  it('has the bytes that docs/format.md tells', () => {
    expect(identifier[0]).toBe(1);
    expect(identifier.subarray(1, 17)).toEqual(identifierParts.rootKeyId);
    expect([...identifier.subarray(17, 21)]).toEqual([0, 0, 0, 3]);
    expect(samplePackets().map(([type]) => type)).toEqual([1, 2, 3, 4, 5, 6, 6]);
    expect(decodeIdentifier(identifier).issuedAtMs).toBe(issuedAtMs);
  });

  it('has one list of actions for all clients that may do the same, and another for who may do more or less', () => {
    const actionsOf = (client: string, actions: readonly string[]) =>
      decodeIdentifier(encodeIdentifier({ ...identifierParts, client, actions })).actions;
    const both = ['shared:read', 'shared:pay'];
    const first = actionsOf('first', both);
    expect(actionsOf('second', both)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
    for (const actions of [['shared:read'], ['shared:pay'], [...both, 'shared:list'], both.toReversed(), both]) {
      for (const client of ['third', 'fourth']) expect(actionsOf(client, actions)).toEqual(actions);
    }
  });

  it('tells what each of many says, in any order, under any key and for any client', () => {
    const keyIds = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte));
    const clients = ['mail', 'mailer', 'mailbox'];
    const written = keyIds.flatMap((rootKeyId) => clients.map((client) => ({ ...identifierParts, rootKeyId, client })));
    const all = written.map((one) => ({ ...one, bytes: encodeIdentifier(one) }));
    for (const one of all) {
      for (const other of all) {
        for (const { bytes, rootKeyId, client } of [one, other, one]) {
          // Another key was asked for last.
          readKeyReference(other.bytes);
          expect(knownIdentifierAt(bytes, 0, bytes.length)).toMatchObject({ rootKeyId: encodeBase64url(rootKeyId), client });
          const reference = readKeyReference(bytes);
          readKeyReference(other.bytes);
          expect(knownIdentifierAt(bytes, 0, bytes.length, reference)).toMatchObject({ ...reference, client });
        }
      }
    }
  });

  it('refuses every cut, but after a whole action, where the bytes are another identifier', () => {
    const lastPacket = identifier.length - encodeUtf8('invoices:list').length - 2;
    for (let length = 0; length < identifier.length; length++) {
      const cut = identifier.subarray(0, length);
      if (length === lastPacket) expect(decodeIdentifier(cut).actions).toEqual(['invoices:read']);
      else expect(errorOf(() => decodeIdentifier(cut)).code, `cut at ${length}`).toBe('ERR_FORMAT_IDENTIFIER');
    }
  });

  it('refuses a packet that is missing, doubled, moved, empty or of an unknown type', () => {
    const packets = samplePackets();
    packets.forEach(([type, data], i) => {
      const without = packets.toSpliced(i, 1);
      const doubled = packets.toSpliced(i, 0, [type, data]);
      const emptied = packets.toSpliced(i, 1, [type, new Uint8Array(0)]);
      if (type !== 6) expect(errorOf(() => decodeIdentifier(identifierOf(without))).code).toBe('ERR_FORMAT_IDENTIFIER');
      expect(errorOf(() => decodeIdentifier(identifierOf(doubled))).code).toBe('ERR_FORMAT_IDENTIFIER');
      expect(errorOf(() => decodeIdentifier(identifierOf(emptied))).code).toBe('ERR_FORMAT_IDENTIFIER');
      for (const unknown of [0, 7, 127, 255]) {
        const retyped = identifierOf(packets.toSpliced(i, 1, [unknown, data]));
        expect(errorOf(() => decodeIdentifier(retyped)).code, `type ${unknown}`).toBe('ERR_FORMAT_IDENTIFIER');
        const extra = identifierOf(packets.toSpliced(i, 0, [unknown, data]));
        expect(errorOf(() => decodeIdentifier(extra)).code, `type ${unknown}`).toBe('ERR_FORMAT_IDENTIFIER');
      }
      for (let j = i + 1; j < packets.length; j++) {
        const other = packets[j];
        if (other === undefined || (type === 6 && other[0] === 6)) continue;
        const swapped = identifierOf(packets.with(i, other).with(j, [type, data]));
        expect(errorOf(() => decodeIdentifier(swapped)).code, `${i} for ${j}`).toBe('ERR_FORMAT_IDENTIFIER');
      }
    });
  });

  it('tells where the fault is', () => {
    const packets = samplePackets();
    const withName = (text: string) => identifierOf(packets.with(2, [3, encodeUtf8(text)]));
    const audienceOffset = headBytes + 18 + 8;
    expect(faultOf(() => decodeIdentifier(withName('Invoice')))).toEqual({
      code: 'ERR_FORMAT_IDENTIFIER',
      offset: audienceOffset,
    });
    expect(faultOf(() => decodeIdentifier(identifier.with(0, 2)))).toEqual({ code: 'ERR_FORMAT_IDENTIFIER', offset: 0 });
    const trailing = Uint8Array.from([...identifier, 0]);
    expect(faultOf(() => decodeIdentifier(trailing))).toEqual({ code: 'ERR_FORMAT_IDENTIFIER', offset: identifier.length });
  });

  it('refuses values that no issuer writes', () => {
    const packets = samplePackets();
    const fixedWrong = [
      [0, 1, testRandomBytes(1)(15)],
      [0, 1, testRandomBytes(1)(17)],
      [0, 1, new Uint8Array(16)],
      [1, 2, new Uint8Array(5)],
      [1, 2, new Uint8Array(7)],
      [2, 3, encodeUtf8('in voice')],
      [2, 3, encodeUtf8('a'.repeat(limits.maxNameLength + 1))],
      [3, 4, Uint8Array.from([0xff])],
      [3, 4, encodeUtf8('-mail')],
      [4, 5, encodeUtf8('ip,')],
      [4, 5, encodeUtf8('ip,,ip')],
      [5, 6, encodeUtf8('*')],
      [5, 6, encodeUtf8('invoices:*:read')],
      [5, 6, encodeUtf8('a'.repeat(limits.maxActionLength + 1))],
      [5, 6, encodeUtf8('invoices:list')],
    ] as const;
    for (const [i, type, data] of fixedWrong) {
      const wrong = identifierOf(packets.with(i, [type, data]));
      expect(errorOf(() => decodeIdentifier(wrong)).code, `${type}: ${String.fromCharCode(...data)}`).toBe(
        'ERR_FORMAT_IDENTIFIER',
      );
    }
  });

  it('refuses a packet length that is not minimal', () => {
    const at = headBytes + 1;
    const longer = Uint8Array.from([...identifier.subarray(0, at), 0x90, 0x00, ...identifier.subarray(at + 1)]);
    expect(errorOf(() => decodeIdentifier(longer)).code).toBe('ERR_FORMAT_IDENTIFIER');
  });

  it('holds as many and as long names and actions as the limits say, and not one more', () => {
    const actions = Array.from({ length: limits.maxActions }, (_, i) => `a${i}`);
    const most = { ...identifierParts, audience: 'a'.repeat(limits.maxNameLength), client: 'c'.repeat(limits.maxNameLength) };
    expect(decodeIdentifier(encodeIdentifier({ ...most, actions })).actions).toEqual(actions);
    expect(errorOf(() => encodeIdentifier({ ...most, actions: [...actions, 'more'] })).code).toBe('ERR_FORMAT_IDENTIFIER');
    expect(errorOf(() => encodeIdentifier({ ...most, audience: `${most.audience}a` })).code).toBe('ERR_FORMAT_IDENTIFIER');
    const long = 'x'.repeat(limits.maxActionLength);
    expect(decodeIdentifier(encodeIdentifier({ ...identifierParts, actions: [long] })).actions).toEqual([long]);
    expect(errorOf(() => encodeIdentifier({ ...identifierParts, actions: [`${long}x`] })).code).toBe('ERR_FORMAT_IDENTIFIER');
  });

  it('is as long as the limit and not longer', () => {
    const actions = (last: number) => [
      ...Array.from({ length: 7 }, (_, i) => `${i}${'x'.repeat(limits.maxActionLength - 1)}`),
      'y'.repeat(last),
    ];
    const length = (last: number) => encodeIdentifier({ ...identifierParts, actions: actions(last) }).length;
    const room = limits.maxIdentifierBytes - length(1) + 1;
    expect(room).toBeLessThan(limits.maxActionLength);
    expect(length(room)).toBe(limits.maxIdentifierBytes);
    expect(errorOf(() => length(room + 1))).toMatchObject({ code: 'ERR_LIMIT_IDENTIFIER', limit: limits.maxIdentifierBytes });
  });

  it.each([
    ['generation', { generation: 0x1_0000_0000 }],
    ['generation', { generation: -1 }],
    ['generation', { generation: 0.5 }],
    ['expiry', { expiresAtMs: 2 ** 48 }],
    ['expiry', { expiresAtMs: -1 }],
    ['expiry', { expiresAtMs: issuedAtMs + 0.5 }],
    ['expiry', { expiresAtMs: Number.NaN }],
    ['auth methods', { authMethods: ['ip,bearer'] }],
    ['auth methods', { authMethods: [] }],
    ['actions', { actions: [] }],
    ['actions', { actions: ['a', 'a'] }],
    ['root key id', { rootKeyId: new Uint8Array(15) }],
    ['token id', { tokenId: new Uint8Array(16) }],
  ] satisfies (readonly [string, Partial<IdentifierParts>])[])(
    'does not write a %s that would read back differently (%#)',
    (_, wrong) => {
      const { code } = errorOf(() => encodeIdentifier({ ...identifierParts, ...wrong }));
      expect(['ERR_FORMAT_IDENTIFIER', 'ERR_ARGUMENT']).toContain(code);
    },
  );
});

describe('key reference', () => {
  it('is read before the rest is looked at', () => {
    const head = identifier.subarray(0, headBytes);
    expect(readKeyReference(asView(head))).toEqual({ rootKeyId: encodeBase64url(identifierParts.rootKeyId), generation: 3 });
    expect(faultOf(() => readKeyReference(head.subarray(1)))).toEqual({ code: 'ERR_FORMAT_IDENTIFIER', offset: 0 });
    expect(faultOf(() => readKeyReference(head.subarray(0, 20)))).toEqual({ code: 'ERR_FORMAT_IDENTIFIER', offset: 0 });
  });
});
