/** What a caveat type is: how its condition is read and printed, when it holds, and how two of them narrow each other. */

/** What a verifier knows about the request at hand. A fact that is absent denies every caveat that asks for it. */
export interface RequestContext {
  /** The action that the request needs, e.g. `invoices:read`; holds no `*`. */
  readonly action: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Address of the peer, IPv4 or IPv6 text. */
  readonly ip?: string | undefined;
  /** HTTP method, as sent. */
  readonly method?: string | undefined;
  /** Raw path of the request target, as sent, without query. */
  readonly path?: string | undefined;
  /** What a `request` caveat is compared with; absent where nobody knows which origins the service has. */
  readonly request?: RequestFacts | undefined;
  /** SHA-256 of the certificate (DER) that the peer showed in its TLS handshake, base64url. */
  readonly certificateThumbprint?: string | undefined;
  /** RFC 7638 thumbprint of the key that signed the request, base64url. */
  readonly keyThumbprint?: string | undefined;
  /** Facts for a service's own caveat types. */
  readonly [fact: string]: unknown;
}

/** The request as the service got it, beside its method. */
export interface RequestFacts {
  /** `host[:port]` of the service's origin that the request was sent to, as `authorityOf` spells it. */
  readonly authority: string;
  /** Raw path and query, as sent. */
  readonly target: string;
  /** SHA-256 over the content and what it says it is, base64url: see `protocol/sealed-request.ts`. */
  readonly digest: string;
  /** How far the time of sending may lie from now. */
  readonly windowMs: number;
  /** Whether a header asks to take the request for one with another method. */
  readonly overridesMethod: boolean;
}

/** What a caveat's surroundings in its token are, for types that depend on it. */
export interface CaveatSetting {
  /** Which discharge holds it; absent for the root macaroon. */
  readonly dischargeIndex?: number | undefined;
  /** Whether nothing comes after it in its macaroon. */
  readonly isLast: boolean;
  /** Whether the root macaroon ends in a `request` caveat. */
  readonly isSealed: boolean;
}

export type ParseResult<Value> =
  | { readonly ok: true; readonly value: Value }
  /** `message` says what was expected and how to mend it; it does not quote the input. */
  | { readonly ok: false; readonly message: string };

/** Whether a condition holds for a request; never a boolean. */
export type CheckResult =
  | { readonly holds: true }
  /** `stale`: all of it is right but the time at which the request was sent. */
  | { readonly holds: false; readonly reason: 'denied' | 'stale'; readonly expected: string; readonly actual: string }
  | { readonly holds: false; readonly reason: 'missing-context'; readonly needs: string };

/** The answer of the types of this project, which is not made anew each time. */
export const holds: CheckResult = Object.freeze({ holds: true });

/** What adding one condition does to what already holds. */
export type Narrowing<Value> =
  /** Both together allow `value`, which is less than before. */
  | { readonly kind: 'narrower'; readonly value: Value }
  /** It forbids nothing that was not forbidden already. */
  | { readonly kind: 'no-op' }
  /** Both together can never hold. */
  | { readonly kind: 'contradiction' };

/** One kind of condition, `name SP argument`, or its name alone. A service adds its own by passing them to `createCaveatRegistry`. */
export interface CaveatType<Value> {
  /** `[a-z][a-z0-9-]*`. */
  readonly name: string;
  /** Whether the condition is its name and nothing else; `parse` gets and `format` prints an empty text then. */
  readonly takesNoArgument?: true;
  /** Reads the argument. The registry refuses it unless `format` prints the very same text. */
  parse(argument: string): ParseResult<Value>;
  /** The one spelling of `value`. */
  format(value: Value): string;
  /** `setting` is there when a token is judged. */
  check(value: Value, context: RequestContext, setting?: CaveatSetting): CheckResult;
  /** The condition in words, for people: "only from 10.0.0.0/8". */
  describe(value: Value): string;
  /** What adding `added` does where `inForce` already holds. */
  narrows(inForce: Value, added: Value): Narrowing<Value>;
}

/** The condition of `type` with `value`, in its one spelling. */
export function formatCondition(type: CaveatType<unknown>, value: unknown): string {
  const argument = type.format(value);
  return type.takesNoArgument === true ? type.name : `${type.name} ${argument}`;
}
