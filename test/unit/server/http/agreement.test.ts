import { z } from '@hono/zod-openapi';
import { describe, expect, it } from 'vitest';
import { wire } from '../../../../src/server/http/agreement.js';

interface Sample {
  readonly name: string;
  readonly tags?: readonly string[] | undefined;
}

describe('the agreement of schemas and wire types', () => {
  it('is checked by the compiler: each of these would not compile without the marks', () => {
    const good = z.strictObject({ name: z.string(), tags: z.array(z.string()).readonly().optional() });
    expect(wire<Sample>()(good)).toBe(good);
    // @ts-expect-error an optional member is missing
    wire<Sample>()(z.strictObject({ name: z.string() }));
    // @ts-expect-error there is an optional member too many
    wire<Sample>()(good.extend({ more: z.string().optional() }));
    // @ts-expect-error a member has another type
    wire<Sample>()(good.extend({ name: z.number() }));
    // @ts-expect-error a required member is optional
    wire<Sample>()(good.extend({ name: z.string().optional() }));
  });
});
