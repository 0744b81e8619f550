/** Header fields of one message: every value of a name, in the order they came. */

/** Values by name in lower case; a name is there only with at least one value. */
export type HeaderFields = ReadonlyMap<string, readonly string[]>;

/** Fields of pairs as they came over the wire. */
export function headerFields(pairs: Iterable<readonly [name: string, value: string]>): HeaderFields {
  const fields = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    const values = fields.get(key);
    if (values === undefined) fields.set(key, [value]);
    else values.push(value);
  }
  return fields;
}

/** The value of a field that came once; `undefined` when it is absent or repeated. */
export function singleField(fields: HeaderFields, name: string): string | undefined {
  const values = fields.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

/** All values of a field as one, with a comma between them (RFC 9110 §5.3); `undefined` when it is absent. */
export function joinedField(fields: HeaderFields, name: string): string | undefined {
  const values = fields.get(name);
  return values?.length === 1 ? values[0] : values?.join(', ');
}
