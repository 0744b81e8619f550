/** The ring says what a plain table of the same keys would say, whatever was asked before. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacaroonKey } from '../../../../src/core/index.js';
import { KeyRing } from '../../../../src/verifier/key-sources/key-ring.js';

const rootKeyIds = ['first', 'second', ''];
const generations = [0, 1, 2];
const clients = ['mail', 'chat'];

const change = fc.record({
  kind: fc.constantFrom('put', 'put', 'put', 'dropRootKey', 'dropGeneration'),
  rootKeyId: fc.constantFrom(...rootKeyIds),
  generation: fc.constantFrom(...generations),
  client: fc.constantFrom(...clients),
  byte: fc.constantFrom(1, 2),
});
/** Which of all is asked for right before a change, and again right after it. */
const asked = fc.record({ rootKeyId: fc.constantFrom(...rootKeyIds), generation: fc.constantFrom(...generations) });

describe('a key ring', () => {
  it('forgets what was found last with every change', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(change, asked), { maxLength: 12 }), (steps) => {
        const ring = new KeyRing();
        const table = new Map<string, string>();
        const told = (rootKeyId: string, generation: number) => {
          const entry = ring.get(rootKeyId, generation)?.entry;
          return entry && `${entry.rootKeyId}/${entry.generation} ${entry.client} ${entry.key.reveal()[0]}`;
        };
        for (const [{ kind, rootKeyId, generation, client, byte }, question] of steps) {
          const name = `${question.rootKeyId}/${question.generation}`;
          expect(told(question.rootKeyId, question.generation)).toBe(table.get(name));
          if (kind === 'put') {
            ring.put({ rootKeyId, generation, client, key: new MacaroonKey(new Uint8Array(32).fill(byte)) });
            table.set(`${rootKeyId}/${generation}`, `${rootKeyId}/${generation} ${client} ${byte}`);
          } else if (kind === 'dropRootKey') {
            ring.dropRootKey(rootKeyId);
            for (const each of generations) table.delete(`${rootKeyId}/${each}`);
          } else {
            ring.dropGeneration(generation);
            for (const each of rootKeyIds) table.delete(`${each}/${generation}`);
          }
          expect(told(question.rootKeyId, question.generation)).toBe(table.get(name));
        }
      }),
      { numRuns: 500 },
    );
  });
});
