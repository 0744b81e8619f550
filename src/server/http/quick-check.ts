/**
 * Whether a zod schema accepts a value as it stands, by tests that are read off the schema. Zod makes a new object of every value, and notes where what is
 * wrong with it, which takes longer than to read the body; almost every value is good. Only a yes counts: anything else is a matter for zod, which says
 * why. A part of a schema that is not known here has no yes.
 */
import { z } from '@hono/zod-openapi';

/** `true`: zod would accept the value, and give one that is equal to it. */
export type QuickCheck = (value: unknown) => boolean;

/** The quick check of `schema`. */
export function quickCheckOf(schema: z.core.$ZodType): QuickCheck {
  if (schema instanceof z.ZodReadonly) return quickCheckOf(schema.def.innerType as z.core.$ZodType);
  if (schema instanceof z.ZodOptional) {
    const inner = quickCheckOf(schema.def.innerType as z.core.$ZodType);
    return (value) => value === undefined || inner(value);
  }
  const checks = (schema._zod.def.checks ?? []).map(({ _zod: { def } }) => def as CheckDef);
  if (schema instanceof z.ZodString) {
    const passes = allOf<string>(checks.map(stringTestOf));
    return (value) => typeof value === 'string' && passes(value);
  }
  if (schema instanceof z.ZodNumberFormat && schema._zod.def.format === 'safeint') {
    const passes = allOf<number>(checks.map(numberTestOf));
    return (value) => Number.isSafeInteger(value) && passes(value as number);
  }
  if (schema instanceof z.ZodArray) {
    const passes = allOf<readonly unknown[]>(checks.map(lengthTestOf));
    const item = quickCheckOf(schema.def.element as z.core.$ZodType);
    return (value) => Array.isArray(value) && passes(value) && value.every(item);
  }
  return schema instanceof z.ZodObject && checks.length === 0 ? objectCheckOf(schema) : never;
}

const never = (): boolean => false;

type Test<Value> = (value: Value) => boolean;
type CheckDef =
  | z.core.$ZodCheckMinLengthDef
  | z.core.$ZodCheckMaxLengthDef
  | z.core.$ZodCheckRegexDef
  | z.core.$ZodCheckGreaterThanDef
  | z.core.$ZodCustomDef;

function allOf<Value>(tests: readonly Test<Value>[]): Test<Value> {
  return (value) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]?.(value) !== true) return false;
    return true;
  };
}

function lengthTestOf(def: CheckDef): Test<{ readonly length: number }> {
  if (def.check === 'min_length') return ({ length }) => length >= def.minimum;
  return def.check === 'max_length' ? ({ length }) => length <= def.maximum : never;
}

function stringTestOf(def: CheckDef): Test<string> {
  // Of a pattern with a flag, each test would depend on the one before it.
  if (def.check === 'string_format')
    return def.format === 'regex' && def.pattern.flags === '' ? (value) => def.pattern.test(value) : never;
  return def.check === 'custom' ? (value) => def.fn(value) === true : lengthTestOf(def);
}

function numberTestOf(def: CheckDef): Test<number> {
  if (def.check !== 'greater_than') return never;
  const least = Number(def.value);
  return def.inclusive ? (value) => value >= least : (value) => value > least;
}

function objectCheckOf({ def: { shape, catchall } }: z.ZodObject): QuickCheck {
  const takesOthers = catchall instanceof z.ZodUnknown;
  if (!takesOthers && !(catchall instanceof z.ZodNever)) return never;
  const members = new Map(Object.entries(shape).map(([name, member]) => [name, quickCheckOf(member)]));
  const required = Object.keys(shape).filter((name) => !(shape[name] instanceof z.ZodOptional));
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const given = value as Readonly<Record<string, unknown>>;
    for (const name of required) if (!Object.hasOwn(given, name)) return false;
    for (const name of Object.keys(given)) {
      const isGood = members.get(name);
      // Zod leaves out a member of that name.
      if (isGood === undefined ? !takesOthers || name === '__proto__' : !isGood(given[name])) return false;
    }
    return true;
  };
}
