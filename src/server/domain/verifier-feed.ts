/** What verifiers are served: their audience's keys and the revocations, each as changes since a cursor. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { encodeBase64url, type KeyReference, type MacaroonKey, whenKnown } from '../../core/index.js';
import type { WireAudienceKey, WireAudienceKeys, WireRevocation, WireRevocations } from '../../protocol/wire.js';
import { audienceKeyOf } from './audience-keys.js';
import { type Issuer, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { AudienceKeyRow, StoreReader } from './ports.js';
import type { AudienceGenerationRecord, RevocationRecord, RootKeyRecord } from './records.js';

const pageRows = 1_000;

/** K_a for a token's key reference, or why there is none. At once where the store answers so: every verification asks. */
export function findKey(read: StoreReader, audience: string, reference: KeyReference): ReturnType<Issuer['findKey']> {
  return whenKnown(read.rootKey(reference.rootKeyId), (rootKey) => {
    if (rootKey === undefined) return keyUnknown;
    return whenKnown(read.audienceGenerations(audience), (generations) => {
      const generation = generations.find((one) => one.generation === reference.generation);
      return generation === undefined ? keyUnknown : findKeyOf(read, rootKey, generation);
    });
  });
}

const keyUnknown = { found: false, code: 'ERR_KEY_UNKNOWN' } as const;

function findKeyOf(
  read: StoreReader,
  { id, client, state }: RootKeyRecord,
  { audience, generation, revokedAtMs }: AudienceGenerationRecord,
): ReturnType<Issuer['findKey']> {
  return whenKnown(state === 'destroyed' ? undefined : read.rootKeySecret(id), (secret) => {
    if (secret === undefined) return { found: false, code: 'ERR_KEY_DESTROYED' };
    if (revokedAtMs !== null) return { found: false, code: 'ERR_REVOKED_AUDIENCE_KEY' };
    return whenKnown(read.findRevocation({ kind: 'root_key', rootKeyId: id }), (revocation) =>
      revocation === undefined
        ? { found: true, state: { client, key: audienceKeyOf(secret, audience, generation) } }
        : { found: false, code: 'ERR_REVOKED_ROOT_KEY' },
    );
  });
}

/** Whether a token was revoked by its id or by its client's time. At once where the store answers so: every verification asks. */
export function revocationOf(
  read: StoreReader,
  subject: { readonly tokenId: string; readonly client: string; readonly issuedAtMs: number },
): ReturnType<Issuer['revocationOf']> {
  return whenKnown(read.findRevocation({ kind: 'token', tokenId: subject.tokenId }), (revocation) => {
    if (revocation !== undefined) return 'ERR_REVOKED_TOKEN';
    return whenKnown(read.client(subject.client), (client) =>
      client === undefined || subject.issuedAtMs <= client.revokedUntilMs ? 'ERR_REVOKED_CLIENT' : undefined,
    );
  });
}

/** Keys of `audience` that changed after `after`. Throws `not_found`, and `invalid_request` for a cursor that was never given out. */
export async function audienceKeys(read: StoreReader, audience: string, after: number): Promise<WireAudienceKeys> {
  await requireServed(read, audience);
  requireCursor(after, await read.latestChangeSeq());
  // Rows before generations: a rotation between the two reads is then sent twice, never missed.
  const { rows, more } = await pageOf(read, audience, after);
  const generations = (await read.audienceGenerations(audience)).filter((one) => one.revokedAtMs === null);
  const keys: WireAudienceKey[] = [];
  for (const row of rows) {
    const secret = await read.rootKeySecret(row.rootKeyId);
    const revocation = await read.findRevocation({ kind: 'root_key', rootKeyId: row.rootKeyId });
    if (secret === undefined || revocation !== undefined) continue;
    for (const { generation } of generations) keys.push(toWireKey(row, generation, audienceKeyOf(secret, audience, generation)));
  }
  return { keys, cursor: rows.at(-1)?.changeSeq ?? after, more };
}

/** A page that never parts rows of one change, as the cursor could not go on between them. */
async function pageOf(
  read: StoreReader,
  audience: string,
  after: number,
): Promise<{ readonly rows: readonly AudienceKeyRow[]; readonly more: boolean }> {
  for (let limit = pageRows; ; limit *= 4) {
    const rows = await read.audienceKeysAfter(audience, after, limit);
    if (rows.length < limit) return { rows, more: false };
    const lastChange = rows.at(-1)?.changeSeq;
    const whole = rows.filter((row) => row.changeSeq !== lastChange);
    if (whole.length > 0) return { rows: whole, more: true };
  }
}

/** One key. Throws `not_found` for a key that is destroyed, revoked, or of a client that never had a grant for the audience. */
export async function audienceKey(
  read: StoreReader,
  audience: string,
  rootKeyId: string,
  generation?: number,
): Promise<WireAudienceKey> {
  const { generation: present } = await requireServed(read, audience);
  const reference = { rootKeyId, generation: generation ?? present };
  const rootKey = await read.rootKey(rootKeyId);
  const lookup = await findKey(read, audience, reference);
  const isGranted = rootKey !== undefined && (await read.grant(rootKey.client, audience)) !== undefined;
  if (!lookup.found || !isGranted || rootKey.state === 'destroyed') throw new IssuerError('not_found', 'there is no such key');
  const row = { rootKeyId, client: rootKey.client, state: rootKey.state };
  return toWireKey(row, reference.generation, lookup.state.key);
}

/** Revocations after `after` that concern `audiences`. Throws `invalid_request` for a cursor that was never given out. */
export async function revocations(
  read: StoreReader,
  audiences: readonly string[],
  after: number,
  nowMs: number,
): Promise<WireRevocations> {
  const latest = await read.latestRevocationSeq();
  requireCursor(after, latest);
  const rows = await read.revocationsAfter(after, audiences, nowMs, pageRows);
  const more = rows.length === pageRows;
  const last = rows.at(-1)?.seq ?? after;
  // What was committed up to `latest` is in `rows` or concerns others, so the cursor may pass it.
  return { revocations: rows.map(toWireRevocation), cursor: more ? last : Math.max(last, latest), more };
}

/** `revocation` in the names of the wire. */
export function toWireRevocation(revocation: RevocationRecord): WireRevocation {
  const { seq, target, revokedAtMs, expiresAtMs } = revocation;
  const common = { seq, revoked_at: formatRfc3339(revokedAtMs), expires_at: formatRfc3339(expiresAtMs) };
  switch (target.kind) {
    case 'token':
      return { kind: 'token', token_id: target.tokenId, ...common };
    case 'client':
      return { kind: 'client', client: target.client, before: formatRfc3339(target.untilMs), ...common };
    case 'root_key':
      return { kind: 'root_key', root_key_id: target.rootKeyId, ...common };
    case 'audience_key':
      return { kind: 'audience_key', audience: target.audience, generation: target.generation, ...common };
  }
}

async function requireServed(read: StoreReader, audience: string): Promise<{ readonly generation: number }> {
  const found = audience === issuerAudience ? undefined : await read.audience(audience);
  if (found === undefined) throw new IssuerError('not_found', 'there is no such audience');
  return found;
}

function requireCursor(after: number, latest: number): void {
  if (!Number.isSafeInteger(after) || after < 0 || after > latest) {
    throw new IssuerError('invalid_request', 'this cursor was never given out: start again without one', '/after');
  }
}

function toWireKey(
  row: { readonly rootKeyId: string; readonly client: string; readonly state: 'active' | 'passive' },
  generation: number,
  key: MacaroonKey,
): WireAudienceKey {
  return { root_key_id: row.rootKeyId, generation, client: row.client, key: encodeBase64url(key.reveal()), state: row.state };
}
