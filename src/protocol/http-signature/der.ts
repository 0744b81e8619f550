/** The few elements of DER (X.690) that a public key is made of, read strictly: definite, minimal lengths, nothing left over. */
import { keyFault } from './public-jwk.js';

export const derTags = { integer: 0x02, bitString: 0x03, null: 0x05, objectIdentifier: 0x06, sequence: 0x30 } as const;

/** Elements of DER one after another. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Content of the next element, which must have `tag`. Throws `ERR_ARGUMENT` for another one, or a broken one. */
  next(tag: number): Uint8Array {
    if (this.#byte() !== tag) throw malformed();
    const length = this.#length();
    const content = this.#bytes.subarray(this.#position, this.#position + length);
    if (content.length !== length) throw malformed();
    this.#position += length;
    return content;
  }

  /** Throws `ERR_ARGUMENT` when anything is left. */
  end(): void {
    if (this.#position !== this.#bytes.length) throw malformed();
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const size = first & 0x7f;
    if (size < 1 || size > 2) throw malformed();
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + this.#byte();
    if (length < (size === 1 ? 0x80 : 0x100)) throw malformed();
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#position++];
    if (byte === undefined) throw malformed();
    return byte;
  }
}

function malformed() {
  return keyFault('the public key is not the DER of a SubjectPublicKeyInfo');
}
