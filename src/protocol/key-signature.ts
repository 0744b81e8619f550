/** Requests signed by the key that a `cnf jkt` caveat names (RFC 9421): what client and verifier agree on beyond the RFC. */

/** `tag` of the signature; its label is free, and that of its member in `Signature-Key` is the same. */
export const keyTag = 'macaroond-key';

/** Longest time from `created` to `expires`, seconds. */
export const maxKeyProofSeconds = 60;

/** What the signature covers at least. */
export function keyComponents(hasBody: boolean): readonly string[] {
  return ['"authorization"', '"@method"', '"@target-uri"', ...(hasBody ? ['"content-digest"'] : [])];
}
