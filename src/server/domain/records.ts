/** What the issuer keeps: plain, immutable records. Times are integer Unix milliseconds. Secrets are never in a record. */

export type ClientState = 'active' | 'disabled';

export interface ClientRecord {
  /** Never reused. */
  readonly name: string;
  readonly state: ClientState;
  /** Any of [all of …]: auth methods that prove the client, e.g. `[["client_secret_basic","ip"]]`. */
  readonly authPolicy: readonly (readonly string[])[];
  /** Ranges that the `ip` auth method accepts; canonical text. */
  readonly ips: readonly string[];
  readonly createdAtMs: number;
  /** Highest issue time of any of its tokens; 0 before the first. */
  readonly lastIssuedAtMs: number;
  /** Tokens issued at this time or before are revoked; 0 for none. */
  readonly revokedUntilMs: number;
}

export interface CredentialRecord {
  /** Never reused. */
  readonly id: string;
  readonly client: string;
  readonly authMethod: 'client_secret_basic';
  /** base64url SHA-256 of the secret. */
  readonly secretHash: string;
  readonly createdAtMs: number;
  /** When it stopped to work; `null` while it is live. */
  readonly retiredAtMs: number | null;
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

export interface GrantRecord {
  readonly client: string;
  readonly audience: string;
  readonly actions: readonly string[];
  readonly maxExpiresMs: number;
  readonly requiredCaveats: readonly string[];
  readonly createdAtMs: number;
  /** Kept after removal: tokens minted under it live on, and their keys are still served. */
  readonly removedAtMs: number | null;
  readonly changeSeq: number;
}

export interface TokenRecord {
  /** UUIDv7 text. */
  readonly tokenId: string;
  readonly client: string;
  readonly audience: string;
  readonly rootKeyId: string;
  readonly generation: number;
  /** `null` for a token minted on the issuer's own machine. */
  readonly credentialId: string | null;
  readonly issuedAtMs: number;
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
