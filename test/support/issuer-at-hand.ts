/** The issuer's use cases on a real store in a temporary directory, with a clock that tests turn. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFirstAdmin } from '../../src/server/domain/bootstrap.js';
import { createIssuer } from '../../src/server/domain/create-issuer.js';
import { type AdminCaller, adminActions, type ClientCaller, type Issuer } from '../../src/server/domain/issuer.js';
import { IssuerError } from '../../src/server/domain/issuer-error.js';
import type { IssuerDependencies } from '../../src/server/domain/ports.js';
import { createCertificateTools } from '../../src/server/pki/certificate-tools.js';
import { createStore } from '../../src/server/store/open-store.js';
import type { IssuerStore } from '../../src/server/store/sqlite-store.js';

export interface IssuerAtHand {
  readonly issuer: Issuer;
  readonly deps: IssuerDependencies;
  readonly store: IssuerStore;
  readonly time: { nowMs: number };
  readonly directory: string;
  /** A caller with all administration actions, or with `actions` alone. */
  admin(actions?: readonly string[], client?: string): AdminCaller;
  /** Adds a client with one grant for `audience`, which is made when it is not there; gives the caller that it is. */
  clientFor(audience: string, name: string, actions?: readonly string[]): Promise<ClientCaller>;
  close(): Promise<void>;
}

export async function issuerAtHand(): Promise<IssuerAtHand> {
  const directory = mkdtempSync(join(tmpdir(), 'domain-'));
  const time = { nowMs: Date.UTC(2026, 10, 21, 12) };
  const clock = () => time.nowMs;
  const masterKey = createSecretKey(randomBytes(32));
  const store = await createStore({ dataDirectory: directory, masterKey, clock, randomBytes, mode: 'serve', reserveBytes: 4096 });
  const certificates = createCertificateTools({
    vault: store,
    trustDomain: 'example.com',
    issuerHosts: ['issuer.example.com'],
    clock,
    randomBytes,
  });
  const deps = { store, clock, randomBytes, certificates };
  await createFirstAdmin(deps);
  const issuer = createIssuer(deps);
  const admin = (actions: readonly string[] = adminActions, client = 'admin'): AdminCaller => ({
    kind: 'admin',
    client,
    tokenId: '01a200a8-4ffa-7709-9b97-8b0a49f5f3df',
    actions,
    isConfined: false,
  });
  return {
    issuer,
    deps,
    store,
    time,
    directory,
    admin,
    clientFor: async (audience, name, actions = ['invoices:read', 'invoices:list']) => {
      if ((await store.read.audience(audience)) === undefined) await issuer.createAudience(admin(), audience);
      const { credentials } = await issuer.createClient(admin(), { client: name, grants: [{ audience, actions }] });
      const credentialId = credentials[0]?.credential_id ?? '';
      return { kind: 'client', client: name, authMethods: ['client_secret_basic'], credentialId };
    },
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** The code that `promise` is refused with; fails when it is not refused by a use case. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof IssuerError) return error.code;
    throw error;
  }
  throw new Error('was not refused');
}
