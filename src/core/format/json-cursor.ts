/**
 * Reads JSON (RFC 8259) token by token, with offsets. `JSON.parse` cannot tell where a fault is, keeps the last of two equal names, and
 * nests as deep as the text says; the reader of V2 JSON asks for exactly the shape it expects, so nothing here recurses.
 */
import { MacaroonError } from '../errors.js';

const space = /[ \t\n\r]*/y;
const word = /[-+.\w]+/y;

/** A place in `text`. Every `take…` skips white space first. Faults throw `ERR_FORMAT_JSON` with the character offset. */
export class JsonCursor {
  readonly text: string;
  offset = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character that is not white space, not consumed; empty at the end. */
  peek(): string {
    space.lastIndex = this.offset;
    space.test(this.text);
    this.offset = space.lastIndex;
    return this.text.charAt(this.offset);
  }

  /** Consumes `character` when it comes next, and says whether it did. */
  takeIf(character: string): boolean {
    if (this.peek() !== character) return false;
    this.offset++;
    return true;
  }

  /** Consumes `character`, which must come next. */
  take(character: string): void {
    if (!this.takeIf(character)) throw this.fault(`expected ${character}`);
  }

  /** Consumes a number or literal and returns it as written; empty when there is none. */
  takeWord(): string {
    this.peek();
    word.lastIndex = this.offset;
    const found = word.exec(this.text)?.[0] ?? '';
    this.offset += found.length;
    return found;
  }

  /** Consumes a string and returns what it stands for. */
  takeString(): string {
    if (this.peek() !== '"') throw this.fault('expected a string');
    const start = this.offset;
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    const parsed = end < this.text.length ? parseString(this.text.slice(start, end + 1)) : undefined;
    if (parsed === undefined) throw this.fault('a string is broken');
    this.offset = end + 1;
    return parsed;
  }

  /** The error for what stands at `offset`. */
  fault(message: string, offset = this.offset): MacaroonError {
    return new MacaroonError('ERR_FORMAT_JSON', `not the V2 JSON of a macaroon: ${message}`, { offset });
  }
}

function parseString(quoted: string): string | undefined {
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
