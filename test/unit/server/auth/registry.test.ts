/** What the registry decides whatever the auth method: which proof counts, the policy, addresses, limits, and when a nonce is claimed. */
import { describe, expect, it } from 'vitest';
import { memoryReplayStore } from '../../../../src/protocol/memory-replay-store.js';
import type { AuthenticationRequest, ClientAuthenticator } from '../../../../src/server/auth/client-authenticator.js';
import type { AuthMethod } from '../../../../src/server/domain/records.js';
import {
  basic,
  type LoginBench,
  loginBench,
  requestOf,
  startMs,
  type TestClient,
  type TestCredential,
  type TestRequest,
} from './login-bench.js';

const one: TestCredential = { id: 'c1', authMethod: 'client_secret_basic', secret: 'one' };
const two: TestCredential = { id: 'c2', authMethod: 'client_secret_basic', secret: 'two' };
const mail: TestClient = { credentials: [one, two] };
const fenced: TestClient = {
  ...mail,
  authPolicy: [['client_secret_basic', 'ip']],
  ips: ['10.0.0.0/8', '2001:db8::/32'],
};
const refused = { ok: false, code: 'invalid_client' };

const by = (client: string, secret: string, more: TestRequest = {}) =>
  requestOf({ ...more, headers: { authorization: basic(client, secret), ...more.headers } });

describe('logging a client in', () => {
  it.each([
    ['one', 'c1'],
    ['two', 'c2'],
  ])('accepts either of two live credentials: %s', async (secret, credentialId) => {
    expect(await loginBench({ mail }).login(by('mail', secret))).toEqual({
      ok: true,
      caller: {
        kind: 'client',
        client: 'mail',
        credentialId,
        authMethods: ['client_secret_basic'],
        address: '192.0.2.1',
        requestId: 'r',
      },
    });
  });

  it.each([
    ['a wrong secret', 'mail', basic('mail', 'three'), 'secret_wrong'],
    ['a secret that was retired', 'rotated', basic('rotated', 'one'), 'secret_wrong'],
    ['an unknown client', 'nobody', basic('nobody', 'one'), 'client_unknown'],
    ['a name that is none', undefined, basic('NOBODY!', 'one'), 'client_unknown'],
    ['a disabled client', 'gone', basic('gone', 'one'), 'client_disabled'],
    ['a wrong address', 'fenced', basic('fenced', 'one'), 'address_denied'],
    ['a credential from elsewhere', 'bound', basic('bound', 'one'), 'address_denied'],
    ['a method that the policy does not name', 'other', basic('other', 'one'), 'auth_method_not_allowed'],
    ['a client without credentials', 'bare', basic('bare', ''), 'secret_wrong'],
    ['credentials that cannot be read', undefined, 'Basic ***', 'credentials_malformed'],
    ['no credentials', undefined, [], 'credentials_missing'],
    ['another scheme', undefined, 'Bearer abc', 'credentials_missing'],
  ])('answers alike, and notes exactly: %s', async (_, client, authorization, reason) => {
    const clients: Readonly<Record<string, TestClient>> = {
      mail,
      rotated: { credentials: [{ ...one, retiredAtMs: startMs - 1 }, two] },
      gone: { ...mail, state: 'disabled' },
      fenced,
      bound: { credentials: [{ ...one, ips: ['10.0.0.0/8'] }] },
      other: { ...mail, authPolicy: [['tls_client_auth']] },
      bare: { authPolicy: [['client_secret_basic']] },
    };
    for (const isAtHand of [true, false]) {
      const bench = loginBench(clients, { isAtHand });
      expect(await bench.login(requestOf({ headers: { authorization } }))).toEqual(refused);
      expect(bench.failures).toEqual([{ event: 'login.failed', client, reason, address: '192.0.2.1', requestId: 'r' }]);
    }
  });

  it('waits for nothing where the account is at hand, as long as nobody has failed', async () => {
    const bench = loginBench({ mail }, { isAtHand: true });
    expect(bench.loginNow(by('mail', 'one'))).toMatchObject({ ok: true, caller: { credentialId: 'c1' } });
    await bench.login(by('mail', 'three'));
    expect(await bench.login(by('mail', 'two'))).toMatchObject({ ok: true, caller: { credentialId: 'c2' } });
  });

  it('counts failures where the account is at hand, attempts in parallel included', async () => {
    const failureLimits = { perClientAndAddress: 2, perAddress: 100, windowSeconds: 60, maxKeys: 10 };
    const bench = loginBench({ mail }, { isAtHand: true, failureLimits });
    await Promise.all([by('mail', 'a'), by('mail', 'b')].map(bench.login));
    expect(await bench.login(by('mail', 'one'))).toMatchObject({ ok: false, code: 'rate_limited' });
    expect(bench.failures.map(({ reason }) => reason)).toEqual(['secret_wrong', 'secret_wrong', 'rate_limited']);
  });
});

describe('an address', () => {
  it('is held to the ranges of the client, IPv4-mapped ones included', async () => {
    const { login } = loginBench({ fenced });
    for (const address of ['10.9.8.7', '::ffff:10.9.8.7', '2001:db8::1']) {
      const authMethods = ['client_secret_basic', 'ip'];
      expect(await login(by('fenced', 'one', { address }))).toMatchObject({ ok: true, caller: { authMethods } });
    }
    for (const address of ['11.0.0.1', '2001:db9::1', 'nonsense', '010.0.0.1', '10.1', '0x0a000001', '10.0.0.1/8', '', null]) {
      expect(await login(by('fenced', 'one', { address }))).toEqual(refused);
    }
  });

  it('is held to the ranges of the credential besides, whatever the policy', async () => {
    const credentials = [{ ...one, ips: ['10.1.0.0/16'] }, two];
    const policies: TestClient[] = [{ credentials }, { ...fenced, credentials }];
    for (const client of policies) {
      const { login } = loginBench({ mail: client });
      expect(await login(by('mail', 'one', { address: '10.1.2.3' }))).toMatchObject({ ok: true });
      expect(await login(by('mail', 'one', { address: '10.2.2.3' }))).toEqual(refused);
      expect(await login(by('mail', 'one', { address: null }))).toEqual(refused);
      expect(await login(by('mail', 'two', { address: '10.2.2.3' }))).toMatchObject({ ok: true });
    }
  });

  it('proves nothing: a clause of conditions alone does not count', async () => {
    const { login } = loginBench({ odd: { ...fenced, authPolicy: [['ip'], ['client_secret_basic', 'ip']] } });
    expect(await login(by('odd', 'wrong', { address: '10.0.0.1' }))).toEqual(refused);
    expect(await login(by('odd', 'one', { address: '192.0.2.1' }))).toEqual(refused);
    expect(await login(requestOf({ address: '10.0.0.1' }))).toEqual(refused);
    expect(await login(by('odd', 'one', { address: '10.0.0.1' }))).toMatchObject({ ok: true });
  });

  it('that cannot be told lets a client in that is not asked for one', async () => {
    expect(await loginBench({ mail }).login(by('mail', 'one', { address: null }))).toMatchObject({ ok: true });
  });
});

/** A method whose proof is the text of a header: client, nonce or reason, by `;`. */
function spoken(
  method: AuthMethod,
  kind: ClientAuthenticator['kind'],
  accounts: LoginBench['tools']['issuer'],
): ClientAuthenticator {
  const header = `x-${method}`;
  const textOf = ({ headers }: AuthenticationRequest) => headers.get(header)?.[0] ?? '';
  return {
    method,
    kind,
    recognises: (request) => request.headers.has(header),
    authenticate: async (request) => {
      const [client = '', nonce = ''] = textOf(request).split(';');
      const account = await accounts.credentialsForLogin(client);
      const credential = account?.live.find(({ authMethod }) => authMethod === method);
      if (account === undefined || credential === undefined) throw new Error('no such client in this test');
      if (nonce === 'wrong') return { ok: false, client, reason: 'signature_wrong', account };
      const claim = { scope: credential.id, nonce, sentAtMs: startMs, windowMs: 0, staleAtMs: startMs + 1000 };
      return { ok: true, client, credential, account, claim: nonce === '' ? undefined : claim };
    },
  };
}

const methods = ['http_sig', 'encrypted_time', 'tls_client_auth'] as const;
const credentials = methods.map((authMethod) => ({ id: authMethod, authMethod }));
const withMethods = (clients: Readonly<Record<string, TestClient>>, options = {}) =>
  loginBench(clients, {
    ...options,
    authenticators: ({ issuer }) => [
      spoken('http_sig', 'header', issuer),
      spoken('encrypted_time', 'header', issuer),
      spoken('tls_client_auth', 'connection', issuer),
    ],
  });
const sig = (client: string, nonce = '') => ({ 'x-http_sig': `${client};${nonce}` });
const tls = (client: string, nonce = '') => ({ 'x-tls_client_auth': `${client};${nonce}` });

describe('a policy', () => {
  const both: TestClient = { credentials, authPolicy: [['http_sig', 'tls_client_auth']] };
  const either: TestClient = { credentials, authPolicy: [['tls_client_auth', 'ip'], ['http_sig']], ips: ['10.0.0.0/8'] };

  it('takes the first clause that holds, and tells the methods of that one', async () => {
    const open: TestClient = { ...fenced, authPolicy: [['client_secret_basic', 'ip'], ['client_secret_basic']] };
    const { login } = loginBench({ open });
    const methodsFrom = async (address: string) => {
      const result = await login(by('open', 'one', { address }));
      return result.ok ? result.caller.authMethods : result.code;
    };
    expect(await methodsFrom('10.0.0.1')).toEqual(['client_secret_basic', 'ip']);
    expect(await methodsFrom('192.0.2.1')).toEqual(['client_secret_basic']);
  });

  it.each<[string, TestClient, TestRequest, string]>([
    ['all of a clause', both, { headers: { ...sig('m'), ...tls('m') } }, 'ok'],
    ['the header alone, of both', both, { headers: sig('m') }, 'auth_method_not_allowed'],
    ['the certificate alone, of both', both, { headers: tls('m') }, 'auth_method_not_allowed'],
    [
      'another header than that of the clause',
      both,
      { headers: { 'x-encrypted_time': 'm', ...tls('m') } },
      'auth_method_not_allowed',
    ],
    ['any clause: the header', either, { headers: sig('m') }, 'ok'],
    ['any clause: the certificate from its place', either, { headers: tls('m'), address: '10.0.0.1' }, 'ok'],
    ['any clause: the certificate from elsewhere', either, { headers: tls('m') }, 'address_denied'],
    [
      'no fallback: a wrong header beside a certificate',
      either,
      { headers: { ...sig('m', 'wrong'), ...tls('m') }, address: '10.0.0.1' },
      'signature_wrong',
    ],
    ['both, the certificate wrong', both, { headers: { ...sig('m'), ...tls('m', 'wrong') } }, 'auth_method_not_allowed'],
    ['one of a clause that does not ask for the certificate', either, { headers: { ...sig('m'), ...tls('m', 'wrong') } }, 'ok'],
  ])('is asked for %s', async (_, client, request, outcome) => {
    expect(await withMethods({ m: client }).outcome(requestOf(request))).toBe(outcome);
  });

  it('records the certificate as a second credential where it counted, and only there', async () => {
    const bench = withMethods({ both, either });
    const callerOf = async (client: string) => {
      const result = await bench.login(requestOf({ headers: { ...sig(client), ...tls(client) } }));
      return result.ok ? result.caller : result.code;
    };
    expect(await callerOf('both')).toMatchObject({
      credentialId: 'http_sig',
      secondCredentialId: 'tls_client_auth',
      authMethods: ['http_sig', 'tls_client_auth'],
    });
    const alone = await callerOf('either');
    expect(alone).toMatchObject({ credentialId: 'http_sig', authMethods: ['http_sig'] });
    expect(alone).toHaveProperty('secondCredentialId', undefined);
  });

  it('refuses a header of one client beside the certificate of another, also where no certificate is asked for', async () => {
    const bench = withMethods({ both, either });
    expect(await bench.outcome(requestOf({ headers: { ...sig('either'), ...tls('both') } }))).toBe('credentials_conflict');
    expect(await bench.outcome(requestOf({ headers: { ...sig('both'), ...tls('either') } }))).toBe('credentials_conflict');
  });

  it('holds the credential of the certificate to its ranges too, where it counts', async () => {
    const elsewhere = credentials.map((one) => (one.authMethod === 'tls_client_auth' ? { ...one, ips: ['10.0.0.0/8'] } : one));
    const bench = withMethods({ both: { ...both, credentials: elsewhere }, either: { ...either, credentials: elsewhere } });
    const request = (client: string) => requestOf({ headers: { ...sig(client), ...tls(client) } });
    expect(await bench.outcome(request('both'))).toBe('address_denied');
    expect(await bench.outcome(request('either'))).toBe('ok');
  });
});

describe('one request proves one client once', () => {
  it.each<[string, Readonly<Record<string, string | readonly string[]>>]>([
    ['two mechanisms', { ...sig('m'), 'x-encrypted_time': 'm' }],
    ['two Authorization headers', { ...sig('m'), authorization: ['Bearer a', 'Bearer b'] }],
    ['a proof and a token', { ...sig('m'), authorization: 'Macaroon a' }],
    ['a proof and an Authorization header of another scheme', { ...sig('m'), authorization: 'Digest a' }],
    ['a certificate and a token', { ...tls('m'), authorization: 'Bearer a' }],
    ['two Authorization headers that were joined', { ...sig('m'), authorization: 'Bearer a, Bearer b' }],
  ])('%s are 400, and nothing is checked', async (_, headers) => {
    const bench = withMethods({ m: { credentials } });
    expect(await bench.login(requestOf({ headers }))).toEqual({ ok: false, code: 'invalid_request' });
    expect(bench.failures).toMatchObject([{ reason: 'credentials_repeated' }]);
    expect(bench.reads).toEqual([]);
  });

  it('also when the second proof is one of Basic', async () => {
    const { login } = loginBench({ mail });
    const headers = { 'macaroond-mac': 'nonsense' };
    expect(await login(by('mail', 'one', { headers }))).toEqual({ ok: false, code: 'invalid_request' });
  });
});

describe('limits on failures', () => {
  const failureLimits = { perClientAndAddress: 3, perAddress: 6, windowSeconds: 60, maxKeys: 100 };

  it('stop an attacker, also with the right secret, and let the client in from its own address', async () => {
    const { login, failures } = loginBench({ mail }, { failureLimits });
    for (let i = 0; i < 3; i++) expect(await login(by('mail', 'wrong'))).toEqual(refused);
    const limited = { ok: false, code: 'rate_limited', retryAfterSeconds: expect.any(Number) };
    expect(await login(by('mail', 'one'))).toEqual(limited);
    expect(failures.at(-1)).toMatchObject({ reason: 'rate_limited', client: 'mail' });
    expect(await login(by('mail', 'one', { address: '192.0.2.2' }))).toMatchObject({ ok: true });
  });

  it('do not count a success', async () => {
    const { login } = loginBench({ mail }, { failureLimits });
    for (let i = 0; i < 20; i++) expect(await login(by('mail', 'one'))).toMatchObject({ ok: true });
  });

  it('stop an address that goes through names, without a lookup', async () => {
    const { login, reads } = loginBench({ mail }, { failureLimits });
    for (let i = 0; i < 6; i++) await login(by(`name${i}`, 'wrong'));
    const before = reads.length;
    expect(await login(by('mail', 'one'))).toMatchObject({ code: 'rate_limited' });
    expect(reads.length).toBe(before);
  });

  it.each([true, false])('cannot be passed by attempts in parallel, where accounts are at hand: %s', async (isAtHand) => {
    const { login } = loginBench({ mail }, { failureLimits, isAtHand });
    const secrets = [...Array.from({ length: 20 }, (_, i) => `wrong${i}`), 'one'];
    const results = await Promise.all(secrets.map((secret) => login(by('mail', secret))));
    expect(results.slice(0, 3)).toEqual([refused, refused, refused]);
    for (const result of results.slice(3)) expect(result).toMatchObject({ ok: false, code: 'rate_limited' });
    expect(await login(by('mail', 'one'))).toMatchObject({ code: 'rate_limited' });
  });

  it('do not count a replay of a valid proof, which is refused each time and told to the audit log', async () => {
    const bench = withMethods({ m: { credentials } }, { failureLimits });
    const request = requestOf({ headers: sig('m', 'n1') });
    expect(await bench.outcome(request)).toBe('ok');
    for (let i = 0; i < 10; i++) expect(await bench.outcome(request)).toBe('replayed');
    expect(await bench.outcome(requestOf({ headers: sig('m', 'n2') }))).toBe('ok');
    expect(bench.failures).toHaveLength(10);
  });

  it('count a connection whose address cannot be told by its peer', async () => {
    const { login } = loginBench({ mail }, { failureLimits });
    const from = (peerAddress: string, secret: string) => login({ ...by('mail', secret, { address: null }), peerAddress });
    for (let i = 0; i < 3; i++) expect(await from('192.0.2.9', 'wrong')).toEqual(refused);
    expect(await from('192.0.2.9', 'one')).toMatchObject({ code: 'rate_limited' });
    expect(await from('192.0.2.8', 'one')).toMatchObject({ ok: true });
  });
});

describe('a nonce', () => {
  it('is claimed last: none is used up by a request that is refused for anything else', async () => {
    const claimed: string[] = [];
    const store = memoryReplayStore({ clock: () => 1 });
    const replayStore = {
      ...store,
      bornAtMs: 0,
      claim: (scope: string, nonce: string, expiresAtMs: number) => {
        claimed.push(nonce);
        return store.claim(scope, nonce, expiresAtMs);
      },
      close: () => {},
    };
    const clients = {
      gone: { credentials, state: 'disabled' as const },
      far: { credentials: credentials.map((one) => ({ ...one, ips: ['10.0.0.0/8'] })) },
      other: { credentials, authPolicy: [['tls_client_auth']] },
      m: { credentials },
    };
    const bench = withMethods(clients, { replayStore });
    for (const client of ['gone', 'far', 'other']) await bench.login(requestOf({ headers: sig(client, 'n') }));
    await bench.login(requestOf({ headers: { ...sig('m', 'n'), ...tls('other') } }));
    expect(claimed).toEqual([]);
    expect(bench.failures).toHaveLength(4);
    await bench.login(requestOf({ headers: sig('m', 'n') }));
    expect(claimed).toEqual(['n']);
  });

  it('of a message from before the store was there is refused, as it may have been used', async () => {
    const replayStore = memoryReplayStore({ clock: () => startMs + 1 });
    const bench = withMethods({ m: { credentials } }, { replayStore });
    expect(await bench.outcome(requestOf({ headers: sig('m', 'n') }))).toBe('sent_before_start');
  });

  it('that cannot be kept lets nobody in', async () => {
    const replayStore = memoryReplayStore({ clock: () => 1, maxNonces: 1 });
    const bench = withMethods({ m: { credentials } }, { replayStore });
    await bench.login(requestOf({ headers: sig('m', 'n1') }));
    await expect(bench.login(requestOf({ headers: sig('m', 'n2') }))).rejects.toMatchObject({ code: 'ERR_STORE_FULL' });
  });
});
