import { describe, expect, it } from 'vitest';
import { type InspectOptions, inspect } from '../../../src/caveats/inspect.js';
import { inspectToWire } from '../../../src/caveats/inspection-json.js';
import {
  addFirstPartyCaveat,
  encode,
  encodeIdentifier,
  encodeUtf8,
  exportV2Json,
  limits,
  mint,
} from '../../../src/core/index.js';
import {
  asking,
  boundToken,
  dischargeBy,
  errorOf,
  identifierParts,
  issuedAtMs,
  key,
  macaroonWith,
  tokenOf,
} from '../core/samples.js';
import { registry } from './samples.js';

const nowMs = issuedAtMs + 60_000;
const inspected = (...conditions: readonly string[]) =>
  inspect(encode(tokenOf(macaroonWith(...conditions))), { nowMs, registry });

describe('inspect', () => {
  it('tells identifier, caveats in words, and limits, and that nothing is verified', () => {
    const inspection = inspected('action invoices:read', 'ip 10.0.0.0/8', 'time-before 2026-11-21T22:31:00Z');
    expect(inspection).toMatchObject({
      verified: false,
      identifier: { readable: true, facts: { client: 'mail', audience: 'invoice', actions: ['invoices:read', 'invoices:list'] } },
      caveats: [
        { condition: 'action invoices:read', party: 'first', known: true, description: 'only for invoices:read', caveatIndex: 0 },
        { condition: 'ip 10.0.0.0/8', known: true, description: 'only from 10.0.0.0/8', caveatIndex: 1 },
        { condition: 'time-before 2026-11-21T22:31:00Z', known: true, caveatIndex: 2 },
      ],
      effective: { expiresAtMs: issuedAtMs + 600_000, actions: ['invoices:read'], ips: ['10.0.0.0/8'], canHold: true },
      discharges: [],
      findings: [],
      warnings: [],
    });
    expect(inspection.textLength).toBe(
      encode(tokenOf(macaroonWith('action invoices:read', 'ip 10.0.0.0/8', 'time-before 2026-11-21T22:31:00Z'))).length,
    );
  });

  it('tells which caveats are unknown, malformed or of no use', () => {
    const { caveats, findings } = inspected('tenant 7', 'method get', 'account 42', 'account 42,43');
    expect(caveats.map(({ known }) => known)).toEqual([false, false, true, true]);
    expect(findings.map(({ kind, caveatIndex }) => `${kind}@${caveatIndex}`)).toEqual(['unknown@0', 'malformed@1', 'no-op@3']);
  });

  it('knows the standard types when it is given none', () => {
    const { caveats } = inspect(encode(tokenOf(macaroonWith('account 42', 'method GET'))), { nowMs });
    expect(caveats.map(({ known }) => known)).toEqual([false, true]);
  });

  it('shows third-party caveats and the discharges, and places findings in them', () => {
    const root = addFirstPartyCaveat(asking(macaroonWith(), 'directory'), 'method GET');
    const text = encode(boundToken(root, [dischargeBy('directory', 'path /a', 'method GET')]));
    const inspection = inspect(text, { nowMs });
    expect(inspection.caveats).toMatchObject([
      { party: 'third', condition: 'YXNrIGRpcmVjdG9yeQ', description: expect.stringContaining('https://directory.example/') },
      { party: 'first', condition: 'method GET', caveatIndex: 1 },
    ]);
    expect(inspection.discharges).toMatchObject([
      { identifier: 'YXNrIGRpcmVjdG9yeQ', caveats: [{ condition: 'path /a', dischargeIndex: 0 }, { condition: 'method GET' }] },
    ]);
    expect(inspection.findings).toMatchObject([{ kind: 'no-op', caveatIndex: 1, dischargeIndex: 0 }]);
    expect(inspection.effective.paths).toEqual(['/a']);
    expect(inspection.warnings).toEqual([]);
  });

  it('places a finding behind a third-party caveat where it stands', () => {
    const root = addFirstPartyCaveat(asking(macaroonWith(), 'directory'), 'tenant 7');
    const { findings, warnings } = inspect(encode(tokenOf(root)), { nowMs });
    expect(findings).toMatchObject([{ kind: 'unknown', caveatIndex: 1 }]);
    expect(warnings).toEqual([expect.stringContaining('third-party')]);
  });

  it('reads a token whose identifier is of another system', () => {
    const text = encode(tokenOf(addFirstPartyCaveat(mint(key, encodeUtf8('other'), 'https://x.example/'), 'method GET')));
    const inspection = inspect(text, { nowMs });
    expect(inspection).toMatchObject({
      identifier: { readable: false, code: 'ERR_FORMAT_IDENTIFIER', bytes: 'b3RoZXI' },
      location: 'https://x.example/',
      effective: { expiresAtMs: undefined, actions: undefined, methods: ['GET'] },
    });
    expect(inspection.warnings).toHaveLength(1);
    expect(inspectToWire(inspection)).toMatchObject({
      identifier_error: { code: 'ERR_FORMAT_IDENTIFIER', identifier: 'b3RoZXI' },
    });
    expect(inspectToWire(inspection)).not.toHaveProperty('client');
  });

  it('reads foreign forms', () => {
    const macaroon = macaroonWith('method GET');
    const json = JSON.stringify(exportV2Json(macaroon));
    expect(inspect(json, { nowMs }).caveats).toEqual(inspected('method GET').caveats);
  });

  it.each([
    ['expired', issuedAtMs + 3_600_000, [], 'expired'],
    ['expired by a caveat', nowMs, ['time-before 2026-11-21T22:22:00Z'], 'expired'],
    ['not valid yet', issuedAtMs - 1, [], 'yet'],
    ['not valid yet by a caveat', nowMs, ['time-after 2026-11-21T22:23:00Z'], 'yet'],
    ['impossible', nowMs, ['method GET', 'method HEAD'], 'exclude'],
  ])('warns of a token that is %s', (_, atMs, conditions, word) => {
    const { warnings } = inspect(encode(tokenOf(macaroonWith(...conditions))), { nowMs: atMs });
    expect(warnings).toEqual([expect.stringContaining(word)]);
  });

  it('warns of a text that proxies may refuse', () => {
    const conditions = Array.from({ length: 4 }, (_, i) => `tenant ${i}${'x'.repeat(800)}`);
    const { warnings, textLength } = inspected(...conditions);
    expect(textLength).toBeGreaterThan(limits.warnTextLength);
    expect(warnings).toEqual([expect.stringContaining(String(limits.warnTextLength))]);
  });

  it('lets nothing in a token steer a terminal', () => {
    const root = addFirstPartyCaveat(mint(key, encodeUtf8('x'), 'a\u001b[2J'), 'method \u001b[2J\u202e');
    const third = asking(root, 'x\u001b[2J');
    const shown = JSON.stringify(inspect(encode(tokenOf(third)), { nowMs })).replaceAll('\\\\u{', '');
    expect(shown).not.toMatch(/\\u001b|\u202e/);
  });

  it.each<[string, unknown, unknown]>([
    ['input', undefined, { nowMs }],
    ['nowMs', 'AAAA', undefined],
    ['nowMs', 'AAAA', {}],
    ['nowMs', 'AAAA', { nowMs: Number.NaN }],
  ])('throws ERR_ARGUMENT that names %s', (argument, text, options) => {
    expect(errorOf(() => inspect(text as string, options as InspectOptions))).toMatchObject({ code: 'ERR_ARGUMENT', argument });
  });

  it.each([
    ['', 'ERR_FORMAT_EMPTY'],
    ['mcr_AAAA', 'ERR_FORMAT_CHECKSUM'],
    ['{', 'ERR_FORMAT_JSON'],
  ])('throws for %j, which is no token', (text, code) => {
    expect(errorOf(() => inspect(text, { nowMs })).code).toBe(code);
  });
});

describe('inspectToWire', () => {
  it('uses the names of the HTTP API', () => {
    const wire = inspectToWire(inspected('action invoices:read', 'time-after 2026-11-21T22:22:00Z', 'tenant 7'));
    expect(wire).toEqual({
      verified: false,
      token_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      root_key_id: expect.any(String),
      generation: 3,
      client: 'mail',
      audience: 'invoice',
      auth_methods: ['client_secret_basic', 'ip'],
      actions: ['invoices:read', 'invoices:list'],
      issued_at: '2026-11-21T22:21:00Z',
      expires_at: '2026-11-21T23:21:00Z',
      location: '',
      caveats: ['action invoices:read', 'time-after 2026-11-21T22:22:00Z', 'tenant 7'],
      caveat_details: [
        expect.objectContaining({ condition: 'action invoices:read', party: 'first', known: true, caveat_index: 0 }),
        expect.objectContaining({ known: true, caveat_index: 1 }),
        expect.objectContaining({ known: false, caveat_index: 2 }),
      ],
      discharges: [],
      effective: {
        expires_at: '2026-11-21T23:21:00Z',
        not_before: '2026-11-21T22:22:00Z',
        actions: ['invoices:read'],
        others: [],
        can_hold: true,
      },
      findings: [{ kind: 'unknown', caveat_index: 2, message: expect.any(String) }],
      text_length: expect.any(Number),
      warnings: [],
    });
  });

  it('names every limit, and the place in a discharge', () => {
    const root = asking(macaroonWith('ip 10.0.0.0/8', 'method GET', 'path /a'), 'directory');
    const text = encode(boundToken(root, [dischargeBy('directory', 'tenant 7')]));
    const wire = inspectToWire(inspect(text, { nowMs, registry }));
    expect(wire.effective).toMatchObject({ ips: ['10.0.0.0/8'], methods: ['GET'], paths: ['/a'] });
    expect(wire.caveats).toEqual(['ip 10.0.0.0/8', 'method GET', 'path /a']);
    expect(wire.findings).toMatchObject([{ kind: 'unknown', caveat_index: 0, discharge_index: 0 }]);
    expect(wire.discharges).toMatchObject([{ caveat_details: [{ condition: 'tenant 7', caveat_index: 0, discharge_index: 0 }] }]);
  });

  it('shows a time that a forged identifier sets beyond the year 9999', () => {
    const identifier = encodeIdentifier({ ...identifierParts, expiresAtMs: 2 ** 48 - 1 });
    const wire = inspectToWire(inspect(encode(tokenOf(mint(key, identifier))), { nowMs }));
    expect(wire.expires_at).toBe('+010889-08-02T05:31:50.655Z');
    expect(wire.effective.expires_at).toBe(wire.expires_at);
  });
});
