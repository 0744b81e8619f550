/** `client_secret_basic`: how a client shows its name and secret in an `Authorization` header (RFC 6749 §2.3.1, RFC 7617). */

/** What proves a client by `client_secret_basic`. */
export interface BasicProof {
  readonly client: string;
  readonly secret: string;
}

/** Value of the `Authorization` header: name and secret are form-url-encoded first, so that neither can hold the `:` between them. */
export function basicAuthorization(proof: BasicProof): string {
  return `Basic ${btoa(`${formEncode(proof.client)}:${formEncode(proof.secret)}`)}`;
}

/** `application/x-www-form-urlencoded` of one value: ASCII, a space as `+`. */
function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
