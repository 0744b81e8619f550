import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { problems } from '../../../../src/protocol/problem.js';
import { accessInWords } from '../../../../src/server/http/openapi.js';
import { routes } from '../../../../src/server/http/route-table.js';
import { createTestApp } from './test-app.js';

interface Operation {
  readonly security: readonly unknown[];
  readonly description: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>>; readonly securitySchemes: unknown };
}

async function readDocument(): Promise<Document> {
  const answer = await createTestApp().call('GET', '/v1/openapi.json');
  expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  return JSON.parse(answer.text);
}

const guide = readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8');

describe('the OpenAPI document', () => {
  it('is version 3.1 and describes every route, and no other', async () => {
    const document = await readDocument();
    expect(document.openapi).toMatch(/^3\.1\./);
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('tells the access rule, the parameters and the answers of each', async () => {
    const { paths } = await readDocument();
    for (const { method, path, access, status } of routes) {
      const operation = paths[path]?.[method];
      expect(operation?.description).toBe(accessInWords(access));
      expect(operation?.security?.length === 0, path).toBe(access.by === 'anyone');
      expect(Object.keys(operation?.responses ?? {})).toContain(String(status));
      const named = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
      const parameters = operation?.parameters?.filter((one) => one.in === 'path').map((one) => one.name) ?? [];
      expect(parameters).toEqual(named);
    }
    expect(paths['/v1/tokens']?.['post']?.requestBody?.required).toBe(true);
    expect(paths['/v1/audiences/{audience}/rotate']?.['post']?.requestBody?.required).toBe(false);
    expect(paths['/v1/clients/{client}/root-keys']?.['post']?.requestBody).toBeUndefined();
  });

  it('is made once, however often it is asked for', async () => {
    const { call } = createTestApp();
    const first = await call('GET', '/v1/openapi.json');
    const stringify = vi.spyOn(JSON, 'stringify');
    const second = await call('GET', '/v1/openapi.json');
    const made = stringify.mock.calls.filter(([value]) => typeof value === 'object' && value !== null && 'openapi' in value);
    stringify.mockRestore();
    expect(made).toEqual([]);
    expect(second.text).toBe(first.text);
    expect(second.headers.get('content-type')).toBe('application/json');
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
  });

  it('resolves every reference', async () => {
    const document = await readDocument();
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (match) => match[1],
    );
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) expect(document.components.schemas).toHaveProperty(String(reference));
  });
});

describe('discovery', () => {
  it('tells where things are, and what is spoken here', async () => {
    const answer = await createTestApp().call('GET', '/.well-known/macaroond');
    expect(answer.json).toMatchObject({
      issuer: 'https://issuer.test',
      auth_methods: [
        'client_secret_basic',
        'http_sig',
        'challenge_response',
        'encrypted_time',
        'shared_key_hmac',
        'tls_client_auth',
        'self_signed_tls_client_auth',
        'ip',
      ],
      jwks: {
        keys: [
          { use: 'sig', alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519' },
          { use: 'enc', alg: 'RSA-OAEP-256', kty: 'RSA', e: 'AQAB' },
        ],
      },
      caveats: ['time-before', 'time-after', 'action', 'ip', 'method', 'path', 'cnf', 'request-required', 'request'],
      limits: { max_token_length: 7168, max_caveats: 64, max_body_bytes: 65536 },
      endpoints: { tokens: 'https://issuer.test/v1/tokens', openapi: 'https://issuer.test/v1/openapi.json' },
    });
  });
});

describe('the guide', () => {
  it('lists every route with who may call it, and no other', () => {
    const listed = [...guide.matchAll(/^\| `(GET|POST|PUT|DELETE) ([^`]+)` \| (.+?) \|/gm)].map(
      ([, method, path, who]) => `${method} ${path}: ${who}`,
    );
    const expected = routes.map(({ method, path, access }) => `${method.toUpperCase()} ${path}: ${accessInWords(access)}`);
    expect(listed.sort()).toEqual(expected.sort());
  });

  it('lists every problem code with its status and title, and no other', () => {
    const listed = [...guide.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \|/gm)].map(([, code, status, title]) => [
      code,
      status,
      title,
    ]);
    const expected = Object.entries(problems).map(([code, { status, title }]) => [code, String(status), title]);
    expect(listed.sort()).toEqual(expected.sort());
  });
});
