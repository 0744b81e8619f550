/** Keeps the schemas of HTTP and the wire types together: a schema that holds more, less or other than its wire type does not compile. */
import type { z } from '@hono/zod-openapi';

/** Members that only one of two types has count too, also when they are optional, which mutual assignability would not see. */
type SameMembers<A, B> = [keyof A] extends [keyof B] ? ([keyof B] extends [keyof A] ? true : false) : false;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? SameMembers<A, B> : false) : false;

/** `wire<WireClient>()(schema)` is `schema`, and compiles only when what it reads is exactly a `WireClient`. */
export function wire<Wire>() {
  return <Schema extends z.ZodType>(
    schema: Schema & (Same<z.output<Schema>, Wire> extends true ? unknown : 'the schema and the wire type differ'),
  ): Schema => schema;
}
