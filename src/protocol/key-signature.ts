/** Requests signed by the key that a `cnf jkt` caveat names (RFC 9421): what client and verifier agree on beyond the RFC. */

/** `tag` of the signature; its label is free, and that of its member in `Signature-Key` is the same. */
export const keyTag = 'macaroond-key';

/** Longest time from `created` to `expires`, seconds. */
export const maxKeyProofSeconds = 60;

/** What says how a body is read. */
const contentFields = ['content-type', 'content-encoding'] as const;

/** What the signature covers at least, of a request that has the header fields which `has` tells (names in lower case). */
export function keyComponents(hasBody: boolean, has: (name: string) => boolean): readonly string[] {
  const content = hasBody ? ['content-digest', ...contentFields.filter(has)].map((name) => `"${name}"`) : [];
  return ['"authorization"', '"@method"', '"@target-uri"', ...content];
}
