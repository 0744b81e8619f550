/** What `verify` answers, and what a key source must offer. */
import type {
  CaveatErrorCode,
  FormatErrorCode,
  LimitErrorCode,
  MacaroonKey,
  SignatureErrorCode,
  TokenErrorCode,
} from '../core/index.js';
import type { AnswerSigner } from '../protocol/answer-signer.js';
import type { SentRequest, ToldRequest } from './sent-request.js';

/** Facts of the request at hand, as the service sees it: own properties. `nowMs` comes from the verifier's clock; `at` is refused too. */
export interface VerifyContext {
  readonly action: string;
  readonly ip?: string | undefined;
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  /** The request itself, for tokens that are sealed to it or bound to a key that signed it. Without it those are denied. */
  readonly request?: SentRequest | ToldRequest | undefined;
  /** SHA-256 of the certificate (DER) that the peer showed in its TLS handshake, base64url. */
  readonly certificateThumbprint?: string | undefined;
  /** RFC 7638 thumbprint of the key that signed the request, where somebody else has made sure of it. */
  readonly keyThumbprint?: string | undefined;
  readonly [fact: string]: unknown;
}

/** Why a presented token is denied. */
export type DenialCode = FormatErrorCode | LimitErrorCode | SignatureErrorCode | TokenErrorCode | CaveatErrorCode;

declare const verifiedBrand: unique symbol;

/** A token whose signature held, that is not revoked, and whose caveats were all cleared. Only a verifier makes it. */
export interface VerifiedMacaroon {
  readonly [verifiedBrand]: true;
  readonly ok: true;
  readonly client: string;
  readonly audience: string;
  readonly tokenId: string;
  readonly rootKeyId: string;
  readonly authMethods: readonly string[];
  /** The identifier's actions narrowed by every `action` caveat. */
  readonly actions: readonly string[];
  readonly issuedAtMs: number;
  /** The identifier's expiry or the earliest `time-before`, whichever comes first. */
  readonly expiresAtMs: number;
  /** Every cleared condition, root macaroon first. */
  readonly caveats: readonly string[];
  /** Signs the answer to a sealed request, which every one must be. Not enumerable. */
  readonly signAnswer?: AnswerSigner;
}

export interface Denial {
  readonly ok: false;
  readonly code: DenialCode;
  /** Position of the caveat in its macaroon, from 0. */
  readonly caveatIndex?: number;
  /** Which discharge holds the caveat; absent for the root macaroon. */
  readonly dischargeIndex?: number;
  /** For people; quotes a condition only after the signature held. */
  readonly message: string;
  /** Signs the answer to a sealed request whose signature held, which every one must be. Not enumerable. */
  readonly signAnswer?: AnswerSigner;
}

export type VerifyResult = VerifiedMacaroon | Denial;

/** One audience key with its owner. */
export interface AudienceKey {
  readonly rootKeyId: string;
  readonly generation: number;
  /** The only client whose tokens this key may carry. */
  readonly client: string;
  readonly key: MacaroonKey;
}

/** What revocation looks at. */
export interface RevocationSubject {
  readonly tokenId: string;
  readonly issuedAtMs: number;
  readonly client: string;
  readonly audience: string;
  readonly rootKeyId: string;
  readonly generation: number;
}

export type RevocationCode = Extract<
  TokenErrorCode,
  'ERR_REVOKED_TOKEN' | 'ERR_REVOKED_CLIENT' | 'ERR_REVOKED_ROOT_KEY' | 'ERR_REVOKED_AUDIENCE_KEY'
>;

/** Where a verifier that holds keys gets them and the revocations. Broken machinery throws `MacaroonError`; any answer but these is broken too. */
export interface KeySource {
  readonly kind: 'keys';
  /** The key, or why there is none. A value is returned at once where it is known, so the hot path does not wait. */
  find(audience: string, rootKeyId: string, generation: number): KeyLookup | Promise<KeyLookup>;
  /** Why the token is revoked, or `undefined`. Throws `ERR_SOURCE_STALE` when the source has lost contact for too long. */
  revocationOf(subject: RevocationSubject): RevocationCode | undefined | Promise<RevocationCode | undefined>;
  /** Ends polling and connections. */
  close(): Promise<void>;
}

export type KeyLookup =
  | { readonly found: true; readonly entry: AudienceKey }
  | {
      readonly found: false;
      readonly code: Extract<
        TokenErrorCode,
        'ERR_KEY_UNKNOWN' | 'ERR_KEY_DESTROYED' | 'ERR_REVOKED_ROOT_KEY' | 'ERR_REVOKED_AUDIENCE_KEY'
      >;
    };

/** A verifier that holds no keys asks the issuer about each token. The context's `request` is a `ToldRequest`. */
export interface RemoteSource {
  readonly kind: 'remote';
  verify(audience: string, text: string, context: VerifyContext): Promise<VerifyResult>;
  explain(audience: string, text: string, context: VerifyContext): Promise<Explanation>;
  close(): Promise<void>;
}

/** One step of a verification, for people. */
export interface ExplainedStep {
  readonly holds: boolean;
  readonly text: string;
  readonly caveatIndex?: number;
  readonly dischargeIndex?: number;
  /** The condition of a caveat step; absent for other steps. */
  readonly condition?: string;
  /** What `text` of a caveat step says beside its place and condition; absent for other steps. */
  readonly message?: string;
}

/** How one caveat fared. */
export interface ExplainedCaveat {
  /** Printable. */
  readonly condition: string;
  readonly holds: boolean;
  /** What it demands, or why it is denied. */
  readonly message: string;
  readonly caveatIndex: number;
  /** Which discharge holds it; absent for the root macaroon. */
  readonly dischargeIndex?: number | undefined;
}

/** Every step and caveat with ✓ or ✗ and why; `text` is ready to print. `steps` and `text` are made when they are asked for: as JSON they are there, in a spread not. */
export interface Explanation {
  readonly result: VerifyResult;
  /** Every caveat, once the signature held. */
  readonly caveats: readonly ExplainedCaveat[];
  readonly steps: readonly ExplainedStep[];
  readonly text: string;
}
