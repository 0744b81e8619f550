/** The characters of one structured field, read once from left to right (RFC 9651 §4.2). Every fault is `ERR_MESSAGE_SIGNATURE`. */
import { decodeBase64 } from './base64.js';
import { messageFault } from './message-error.js';

export class FieldScanner {
  readonly #text: string;
  #position = 0;

  /** Throws `ERR_MESSAGE_SIGNATURE` for more than `maxCharacters`. */
  constructor(text: string, maxCharacters: number) {
    if (text.length > maxCharacters) throw messageFault('a structured field that is too long');
    this.#text = text;
  }

  /** Whether `character` is next; stays before it. */
  at(character: string): boolean {
    return this.#text[this.#position] === character;
  }

  /** Whether `character` is next; passes it. */
  take(character: string): boolean {
    if (!this.at(character)) return false;
    this.#position++;
    return true;
  }

  /** Passes spaces; whether there was one. */
  skipSpaces(): boolean {
    return this.#match(/ */y) !== '';
  }

  /** Whether a comma, with white space around it, is next; passes it. */
  comma(): boolean {
    return this.#match(/[ \t]*,[ \t]*/y) !== undefined;
  }

  key(): string {
    return this.#match(/[a-z*][a-z0-9_.*-]*/y) ?? this.#fail('a key of a structured field is missing');
  }

  token(): string | undefined {
    return this.#match(/[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*/y);
  }

  integer(): number {
    const digits =
      this.#match(/-?[0-9]{1,15}(?![0-9.])/y) ?? this.#fail('a value that is not a string, integer, token, boolean or bytes');
    return Number(digits);
  }

  /** What follows the opening quote, with the closing one. */
  restOfString(): string {
    const quoted =
      this.#match(/(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y) ?? this.#fail('a string that does not end or is not ASCII');
    return quoted.slice(0, -1).replace(/\\(.)/g, '$1');
  }

  /** What follows the opening colon, with the closing one. */
  restOfBytes(): Uint8Array {
    const base64 = this.#match(/[A-Za-z0-9+/=]*:/y) ?? this.#fail('a byte sequence that does not end or is not base64');
    return decodeBase64(base64.slice(0, -1)) ?? this.#fail('a byte sequence that is not padded base64');
  }

  /** What follows the question mark. */
  restOfBoolean(): boolean {
    return (this.#match(/[01]/y) ?? this.#fail('a boolean that is neither ?0 nor ?1')) === '1';
  }

  /** Throws when anything is left. */
  end(): void {
    if (this.#position !== this.#text.length) this.#fail('a structured field that goes on where it should end');
  }

  /** What the sticky `pattern` takes at this place; `undefined` when it takes nothing there. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #fail(message: string): never {
    throw messageFault(message);
  }
}
