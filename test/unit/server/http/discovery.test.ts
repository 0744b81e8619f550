/** What the discovery document tells: all that a client or an administrator needs to find its way. */
import { describe, expect, it } from 'vitest';
import { routes } from '../../../../src/server/http/route-table.js';
import { createTestApp } from './test-app.js';

const discover = async (options?: Parameters<typeof createTestApp>[0]) =>
  (await createTestApp(options).call('GET', '/.well-known/macaroond')).json;

describe('discovery', () => {
  it('names the places that clients and administrators need, and none that is not there', async () => {
    const { endpoints } = await discover();
    expect(endpoints).toMatchObject({
      tokens: 'https://issuer.test/v1/tokens',
      challenges: 'https://issuer.test/v1/challenges',
      enrolments: 'https://issuer.test/v1/enrolments',
      credentials: 'https://issuer.test/v1/clients/{client}/credentials',
      certificates: 'https://issuer.test/v1/ca/certificates',
      ca: 'https://issuer.test/v1/ca',
      crl: 'https://issuer.test/v1/ca/crl',
    });
    const served = routes.map(({ path }) => `https://issuer.test${path}`);
    for (const place of Object.values(endpoints as Record<string, string>)) expect(served).toContain(place);
  });

  it('names the algorithms of http_sig', async () => {
    const algorithms = ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'];
    expect([...((await discover())['http_sig_algorithms'] as string[])].sort()).toEqual(algorithms.sort());
  });

  it('names the listener for certificates alone where there is one', async () => {
    expect(await discover()).not.toHaveProperty('mtls_issuer');
    const mtlsUrl = () => 'https://issuer.test:8444';
    expect((await discover({ mtlsUrl }))['mtls_issuer']).toBe('https://issuer.test:8444');
  });
});
