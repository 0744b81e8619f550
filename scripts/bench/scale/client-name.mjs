/** The name of the client `i`: as long for one of many as for one alone, as what is hashed of a token grows with it, by whole blocks. */
export function clientName(i) {
  return `client-${String(i).padStart(6, '0')}`;
}
