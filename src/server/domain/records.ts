/** What the issuer keeps: plain, immutable records. Times are integer Unix milliseconds. Secrets are never in a record. */
import type { AuthMethod, CredentialAlgorithm, GrantBinding } from '../../protocol/wire.js';

export type { AuthMethod, CredentialAlgorithm, GrantBinding };

export type ClientState = 'active' | 'disabled';

export interface ClientRecord {
  /** Never reused. */
  readonly name: string;
  readonly state: ClientState;
  /** Any of [all of …]: auth methods that prove the client, e.g. `[["client_secret_basic","ip"]]`. */
  readonly authPolicy: readonly (readonly string[])[];
  /** Ranges that the `ip` auth method accepts; canonical text. */
  readonly ips: readonly string[];
  /** DNS names and addresses that a certificate of our CA may hold, so that the client can serve. */
  readonly hosts: readonly string[];
  readonly createdAtMs: number;
  /** None of its tokens was issued after it: up to a minute ahead of the last one, so that few mints need to move it; 0 before the first. */
  readonly lastIssuedAtMs: number;
  /** Tokens issued at this time or before are revoked; 0 for none. */
  readonly revokedUntilMs: number;
}

export interface CredentialRecord {
  /** Never reused. */
  readonly id: string;
  readonly client: string;
  readonly authMethod: AuthMethod;
  /** `null` in a credential without a key of its own. */
  readonly algorithm: CredentialAlgorithm | null;
  /** base64url SHA-256 of a secret that is only ever compared; `null` where there is none. */
  readonly secretHash: string | null;
  /** SubjectPublicKeyInfo, base64url; `null` where there is none. */
  readonly publicKey: string | null;
  /**
   * What a credential without a name in the request is found by, unique for ever: `uri:…`, `dns:…`, `dn:…`, `x5t:…`, and `enrolment:…` with
   * the hash of the nonce that made it.
   */
  readonly binding: string | null;
  /** Ranges that this credential works from, besides those of the client; empty for any. Canonical text. */
  readonly ips: readonly string[];
  readonly createdAtMs: number;
  /** When it stopped to work; `null` while it is live. */
  readonly retiredAtMs: number | null;
}

/** What lets its holder create an account, and nothing else. Its shared key is kept encrypted. */
export interface InvitationRecord {
  /** `inv_…` */
  readonly id: string;
  /** The only name it is good for; `null` for a group's. */
  readonly client: string | null;
  readonly usesLeft: number;
  readonly createdAtMs: number;
  /** Negative once it was revoked: it has ended then, also for a clock that is set back. */
  readonly expiresAtMs: number;
}

/** A certificate of the company CA, or a foreign one that was revoked. */
export interface CertificateRecord {
  /** base64url SHA-256 of the certificate. */
  readonly thumbprint: string;
  /** Hexadecimal; `null` for a foreign one. */
  readonly serial: string | null;
  /** `null` for a foreign one that belongs to nobody. */
  readonly client: string | null;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly issuedAtMs: number;
  readonly revokedAtMs: number | null;
}

export type RootKeyState = 'active' | 'passive' | 'destroyed';

export interface RootKeyRecord {
  /** base64url of 16 bytes (a UUIDv7). */
  readonly id: string;
  readonly client: string;
  /** 1, 2, 3, … within the client. */
  readonly generation: number;
  readonly state: RootKeyState;
  readonly createdAtMs: number;
  /** Position in the feed of key changes. */
  readonly changeSeq: number;
}

export interface AudienceRecord {
  /** Never reused. */
  readonly name: string;
  /** Key generation that new tokens get. */
  readonly generation: number;
  readonly createdAtMs: number;
  readonly changeSeq: number;
}

export interface AudienceGenerationRecord {
  readonly audience: string;
  readonly generation: number;
  readonly revokedAtMs: number | null;
}

/** No grant allows a token to live longer, milliseconds. */
export const longestTokenLifeMs: number = 366 * 86_400_000;

export interface GrantRecord {
  readonly client: string;
  readonly audience: string;
  readonly actions: readonly string[];
  readonly maxExpiresMs: number;
  readonly requiredCaveats: readonly string[];
  /** What every token is bound to when it is minted. */
  readonly bind: readonly GrantBinding[];
  readonly createdAtMs: number;
  /** Kept after removal: tokens minted under it live on, and their keys are still served. */
  readonly removedAtMs: number | null;
  readonly changeSeq: number;
}

/** A token as its entry `token.minted` in the audit log tells of it. */
export interface TokenRecord {
  /** UUIDv7 text, whose time is the issue time. */
  readonly tokenId: string;
  readonly client: string;
  readonly audience: string;
  readonly expiresAtMs: number;
}

export type RevocationTarget =
  | { readonly kind: 'token'; readonly tokenId: string; readonly audience: string }
  | { readonly kind: 'client'; readonly client: string; readonly untilMs: number }
  | { readonly kind: 'root_key'; readonly rootKeyId: string }
  | { readonly kind: 'audience_key'; readonly audience: string; readonly generation: number };

export interface RevocationRecord {
  /** Position in the feed, from 1. */
  readonly seq: number;
  readonly target: RevocationTarget;
  readonly revokedAtMs: number;
  /** After it no token can be concerned; the row may go. */
  readonly expiresAtMs: number;
  readonly reason: string | null;
}

/** An audit entry before the store gives it its place and MAC. `details` holds no secret and no token. */
export interface AuditEvent {
  readonly atMs: number;
  /** `token.minted`, `client.created`, `login.failed`, … */
  readonly event: string;
  /** A client's name, `(anonymous)`, or `(local)` for work on the issuer's own machine. */
  readonly actor: string;
  readonly client?: string | undefined;
  readonly audience?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An event that is to be recorded. Its details may be JSON already, with the names in order. */
export type NewAuditEvent = Omit<AuditEvent, 'details'> & { readonly details: AuditEvent['details'] | string };

export interface AuditRecord extends AuditEvent {
  readonly seq: number;
  /** base64url; covers this entry and the MAC before it. */
  readonly mac: string;
}

export interface AuditFilter {
  readonly client?: string | undefined;
  readonly event?: string | undefined;
  readonly actor?: string | undefined;
  readonly audience?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Entries with a greater seq only. */
  readonly after?: number | undefined;
  /** 1 to 1,000. */
  readonly limit: number;
}
