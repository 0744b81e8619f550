import { describe, expect, it } from 'vitest';
import { basic, certificateThumbprint } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

describe('the list of revoked certificates', () => {
  it.each([
    ['', {}, 'application/pkix-crl', '0\0'],
    ['?format=der', { accept: 'application/x-pem-file' }, 'application/pkix-crl', '0\0'],
    ['?format=pem', {}, 'application/x-pem-file', 'PEM of the list'],
    ['', { accept: 'text/html, application/x-pem-file;q=0.9' }, 'application/x-pem-file', 'PEM of the list'],
    ['', { accept: '*/*' }, 'application/pkix-crl', '0\0'],
  ])('is %s %j as %s', async (query, headers, type, text) => {
    const answer = await createTestApp().call('GET', `/v1/ca/crl${query}`, { headers });
    expect([answer.status, answer.headers.get('content-type'), answer.text]).toEqual([200, type, text]);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('comes in no other format', async () => {
    expect((await createTestApp().call('GET', '/v1/ca/crl?format=xml')).json).toMatchObject({ code: 'invalid_request' });
  });
});

describe('certificates of the CA', () => {
  it('are PEM', async () => {
    const answer = await createTestApp().call('GET', '/v1/ca');
    expect([answer.headers.get('content-type'), answer.text]).toEqual(['application/pem-certificate-chain', 'PEM of the CA']);
  });

  it('are in discovery', async () => {
    const answer = await createTestApp().call('GET', '/.well-known/macaroond');
    expect(answer.json).toMatchObject({ endpoints: { ca: 'https://issuer.test/v1/ca', crl: 'https://issuer.test/v1/ca/crl' } });
  });
});

describe('a certificate', () => {
  it.each([
    {},
    { csr: '' },
    { csr: 'x', days: 0 },
    { csr: 'x', days: 366 },
    { csr: 'x', days: 1.5 },
    { csr: 'x', subject: 'CN=a' },
  ])('is not asked for with %j', async (body) => {
    const { call, issuer } = createTestApp();
    const answer = await call('POST', '/v1/ca/certificates', { authorization: basic('mail'), body });
    expect([answer.json['code'], issuer.calls]).toEqual(['invalid_request', []]);
  });

  it.each(['', 'A', `${certificateThumbprint}A`, `${'A'.repeat(42)}B`])('is not revoked by the thumbprint "%s"', async (text) => {
    const { call, issuer } = createTestApp();
    const answer = await call('POST', `/v1/ca/certificates/${text}/revoke`, { authorization: basic('mail') });
    expect([answer.status >= 400, issuer.calls]).toEqual([true, []]);
  });
});
