/** Rows of the database as the domain's records and back: lists as JSON, revocations with their target in one column each. */

import { MacaroonError } from '../../core/index.js';
import type {
  AudienceRecord,
  AuditRecord,
  CertificateRecord,
  ClientRecord,
  CredentialRecord,
  GrantBinding,
  GrantRecord,
  InvitationRecord,
  RevocationRecord,
  RevocationTarget,
  RootKeyRecord,
} from '../domain/records.js';
import type { AuditRow } from './audit-chain.js';
import type {
  audiences,
  certificates,
  clients,
  credentials,
  grants,
  invitations,
  revocations,
  rootKeys,
} from './sqlite-schema.js';

type ClientRow = typeof clients.$inferSelect;
type CredentialRow = typeof credentials.$inferSelect;
type InvitationRow = typeof invitations.$inferSelect;
type CertificateRow = typeof certificates.$inferSelect;
type RootKeyRow = typeof rootKeys.$inferSelect;
type AudienceRow = typeof audiences.$inferSelect;
type GrantRow = typeof grants.$inferSelect;
type RevocationRow = typeof revocations.$inferSelect;

export function toClientRow(record: ClientRecord): Omit<ClientRow, 'rowMac'> {
  const { name, state, authPolicy, ips, hosts, createdAtMs, lastIssuedAtMs, revokedUntilMs } = record;
  return {
    name,
    state,
    authPolicy: JSON.stringify(authPolicy),
    ips: JSON.stringify(ips),
    hosts: formatOptionalList(hosts),
    createdAtMs,
    lastIssuedAtMs,
    revokedUntilMs,
  };
}

export function fromClientRow({ rowMac: _, ...row }: ClientRow): ClientRecord {
  return {
    ...row,
    authPolicy: parseList(row.authPolicy, isTextList),
    ips: parseList(row.ips, isText),
    hosts: parseOptionalList(row.hosts, isText),
  };
}

/** The row without its secret, which is encrypted apart. */
export function toCredentialRow(record: CredentialRecord): Omit<CredentialRow, 'rowMac' | 'encryptedSecret'> {
  const { id, client, authMethod, algorithm, secretHash, publicKey, binding, ips, createdAtMs, retiredAtMs } = record;
  const plain = { id, client, authMethod, algorithm, secretHash, publicKey, binding, createdAtMs, retiredAtMs };
  return { ...plain, ips: formatOptionalList(ips) };
}

export function fromCredentialRow({ rowMac: _, encryptedSecret: __, ...row }: CredentialRow): CredentialRecord {
  return { ...row, ips: parseOptionalList(row.ips, isText) };
}

export function fromInvitationRow({ rowMac: _, encryptedKey: __, ...record }: InvitationRow): InvitationRecord {
  return record;
}

export function fromCertificateRow({ rowMac: _, ...record }: CertificateRow): CertificateRecord {
  return record;
}

export function fromRootKeyRow({ rowMac: _, encryptedKey: __, ...record }: RootKeyRow): RootKeyRecord {
  return record;
}

export function fromAudienceRow({ rowMac: _, ...record }: AudienceRow): AudienceRecord {
  return record;
}

export function toGrantRow(record: GrantRecord): Omit<GrantRow, 'rowMac'> {
  const { client, audience, actions, maxExpiresMs, requiredCaveats, bind, createdAtMs, removedAtMs, changeSeq } = record;
  return {
    client,
    audience,
    actions: JSON.stringify(actions),
    maxExpiresMs,
    requiredCaveats: JSON.stringify(requiredCaveats),
    bind: formatOptionalList(bind),
    createdAtMs,
    removedAtMs,
    changeSeq,
  };
}

export function fromGrantRow({ rowMac: _, ...row }: GrantRow): GrantRecord {
  return {
    ...row,
    actions: parseList(row.actions, isText),
    requiredCaveats: parseList(row.requiredCaveats, isText),
    bind: parseOptionalList(row.bind, isGrantBinding),
  };
}

export function toRevocationRow(record: RevocationRecord): Omit<RevocationRow, 'rowMac'> {
  const { target, ...rest } = record;
  const none = { tokenId: null, client: null, untilMs: null, rootKeyId: null, audience: null, generation: null };
  return { ...rest, ...none, ...target };
}

export function fromRevocationRow(row: RevocationRow): RevocationRecord {
  const { seq, revokedAtMs, expiresAtMs, reason } = row;
  return { seq, target: targetOf(row), revokedAtMs, expiresAtMs, reason };
}

function targetOf(row: RevocationRow): RevocationTarget {
  const { kind, tokenId, client, untilMs, rootKeyId, audience, generation } = row;
  if (kind === 'token' && tokenId !== null && audience !== null) return { kind, tokenId, audience };
  if (kind === 'client' && client !== null && untilMs !== null) return { kind, client, untilMs };
  if (kind === 'root_key' && rootKeyId !== null) return { kind, rootKeyId };
  if (kind === 'audience_key' && audience !== null && generation !== null) return { kind, audience, generation };
  throw corrupt();
}

export function fromAuditRow(row: AuditRow): AuditRecord {
  const { seq, atMs, event, actor, client, audience, tokenId, address, requestId, details, mac } = row;
  return {
    seq,
    atMs,
    event,
    actor,
    ...(client === null ? {} : { client }),
    ...(audience === null ? {} : { audience }),
    ...(tokenId === null ? {} : { tokenId }),
    ...(address === null ? {} : { address }),
    ...(requestId === null ? {} : { requestId }),
    details: parseDetails(details),
    mac,
  };
}

function parseDetails(text: string): Readonly<Record<string, unknown>> {
  const details = parseJson(text);
  if (typeof details !== 'object' || details === null || Array.isArray(details)) throw corrupt();
  return Object.fromEntries(Object.entries(details));
}

function parseList<T>(text: string, isItem: (item: unknown) => item is T): readonly T[] {
  const list = parseJson(text);
  if (Array.isArray(list) && list.every(isItem)) return list;
  throw corrupt();
}

/** An empty list is null, as in rows that are older than their column. */
function formatOptionalList(list: readonly string[]): string | null {
  return list.length === 0 ? null : JSON.stringify(list);
}

function parseOptionalList<T>(text: string | null, isItem: (item: unknown) => item is T): readonly T[] {
  return text === null ? [] : parseList(text, isItem);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt();
  }
}

function isText(item: unknown): item is string {
  return typeof item === 'string';
}

function isTextList(item: unknown): item is readonly string[] {
  return Array.isArray(item) && item.every(isText);
}

function isGrantBinding(item: unknown): item is GrantBinding {
  return item === 'ip' || item === 'certificate' || item === 'key';
}

function corrupt(): MacaroonError {
  return new MacaroonError('ERR_STORE_CORRUPT', 'a row of the database holds what macaroond never writes');
}
