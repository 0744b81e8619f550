/** A client of `shared_key_hmac` written from its description with Node's own HMAC, apart from the code under test. */
import { createHmac, randomBytes } from 'node:crypto';
import type { AppAnswer, AppAtHand } from '../../../support/server-at-hand.js';

const label = 'macaroond/shared-key-hmac/v1';
export const header = 'macaroond-mac';

const lp = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
const hmac = (key: Uint8Array, message: Uint8Array): Buffer => createHmac('sha256', key).update(message).digest();
const timeOf = (ms: number | string): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(ms));
  return bytes;
};

export interface Account {
  readonly name: string;
  readonly key: Uint8Array;
}

/** What goes over the wire for an enrolment, and the key that it makes. */
export function enrolmentOf(invitation: string, sharedKey: string, name: string, nonce: Uint8Array = randomBytes(32)) {
  const shared = Buffer.from(sharedKey, 'base64url');
  const mac = hmac(shared, lp(label, 'enrolment', name, nonce));
  return {
    key: new Uint8Array(hmac(shared, nonce)),
    nonce,
    body: { invitation, name, nonce: Buffer.from(nonce).toString('base64url'), mac: mac.toString('base64url') },
  };
}

/** Invites and enrols `name`, and gives it a grant for audience `invoice`. */
export async function enrolled({ issuer, admin }: AppAtHand, app: Pick<AppAtHand, 'send'>, name: string): Promise<Account> {
  const { invitation, shared_key } = await issuer.createInvitation(admin(), { name });
  const { key, body } = enrolmentOf(invitation, shared_key, name);
  const answer = await app.send('POST', '/v1/enrolments', {}, Buffer.from(JSON.stringify(body)));
  if (answer.status !== 201) throw new Error(`not enrolled: ${answer.status}`);
  await issuer.putGrant(admin(), name, { audience: 'invoice', actions: ['invoices:read'] });
  return { name, key };
}

export interface MacMessage {
  readonly method: string;
  readonly target: string;
  readonly body: Uint8Array;
  readonly name: string;
  readonly nonce: Uint8Array;
  readonly sentAtMs: number;
  readonly mac: Uint8Array;
}

/** `POST /v1/tokens` by `account` at `sentAtMs`. */
export function mintMessage({ name, key }: Account, sentAtMs: number, nonce: Uint8Array = randomBytes(32)): MacMessage {
  const [method, target, body] = ['POST', '/v1/tokens', Buffer.from('{"audience":"invoice"}')];
  const mac = hmac(key, lp(label, 'request', nonce, timeOf(sentAtMs), `${method} ${target}`, name, body));
  return { method, target, body, name, nonce, sentAtMs, mac };
}

export function headerOf({ name, nonce, sentAtMs, mac }: Pick<MacMessage, 'name' | 'nonce' | 'sentAtMs' | 'mac'>): string {
  const b64 = (bytes: Uint8Array) => `:${Buffer.from(bytes).toString('base64')}:`;
  return `name="${name}", nonce=${b64(nonce)}, sent=${sentAtMs}, mac=${b64(mac)}`;
}

export function sendMessage(app: Pick<AppAtHand, 'send'>, message: MacMessage): Promise<AppAnswer> {
  return app.send(message.method, message.target, { [header]: headerOf(message) }, message.body);
}

/** Whether `answer` proves to be that of who has `key` to the request with `requestNonce`. */
export function isProved(answer: AppAnswer, key: Uint8Array, requestNonce: Uint8Array): boolean {
  const pattern = /^nonce=:([A-Za-z0-9+/=]{44}):, sent=(\d+), mac=:([A-Za-z0-9+/=]{44}):$/;
  const [, nonce = '', sent = '0', mac = ''] = pattern.exec(answer.headers[header] ?? '') ?? [];
  const parts = [requestNonce, Buffer.from(nonce, 'base64'), timeOf(sent), String(answer.status), answer.body];
  return hmac(key, lp(label, 'answer', ...parts)).toString('base64') === mac;
}

/** Why the latest failures of `client` were refused. */
export async function reasonsFor({ issuer }: AppAtHand, client: string): Promise<readonly unknown[]> {
  const { entries } = await issuer.audit({ client, limit: 100 });
  return entries.filter(({ event }) => event.endsWith('.failed')).map(({ details }) => details['reason']);
}
