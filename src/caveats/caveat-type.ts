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
  /** Facts for a service's own caveat types. */
  readonly [fact: string]: unknown;
}

export type ParseResult<Value> =
  | { readonly ok: true; readonly value: Value }
  /** `message` says what was expected and how to mend it; it does not quote the input. */
  | { readonly ok: false; readonly message: string };

/** Whether a condition holds for a request; never a boolean. */
export type CheckResult =
  | { readonly holds: true }
  | { readonly holds: false; readonly reason: 'denied'; readonly expected: string; readonly actual: string }
  | { readonly holds: false; readonly reason: 'missing-context'; readonly needs: string };

/** What adding one condition does to what already holds. */
export type Narrowing<Value> =
  /** Both together allow `value`, which is less than before. */
  | { readonly kind: 'narrower'; readonly value: Value }
  /** It forbids nothing that was not forbidden already. */
  | { readonly kind: 'no-op' }
  /** Both together can never hold. */
  | { readonly kind: 'contradiction' };

/** One kind of condition, `name SP argument`. A service adds its own by passing them to `createCaveatRegistry`. */
export interface CaveatType<Value> {
  /** `[a-z][a-z0-9-]*`. */
  readonly name: string;
  /** Reads the argument. The registry refuses it unless `format` prints the very same text. */
  parse(argument: string): ParseResult<Value>;
  /** The one spelling of `value`. */
  format(value: Value): string;
  check(value: Value, context: RequestContext): CheckResult;
  /** The condition in words, for people: "only from 10.0.0.0/8". */
  describe(value: Value): string;
  /** What adding `added` does where `inForce` already holds. */
  narrows(inForce: Value, added: Value): Narrowing<Value>;
}
