/** Addresses of clients: ranges that they may call from, and hosts that they serve as. Each has one spelling. */
import { formatAddress, formatRange, parseAddress, parseRange } from '../../caveats/ip-address.js';
import { IssuerError } from './issuer-error.js';
import type { StoreReader } from './ports.js';

const maxRanges = 64;
const maxHosts = 32;
const maxDnsNameLength = 253;
const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `ips`, when they are at most 64 different ranges. Throws `invalid_request`. */
export function checkedRanges(ips: readonly string[]): readonly string[] {
  if (ips.length > maxRanges || new Set(ips).size !== ips.length) {
    throw new IssuerError('invalid_request', `ips must be at most ${maxRanges} different ranges`, '/ips');
  }
  ips.forEach((text, i) => {
    const range = parseRange(text);
    if (range === undefined || formatRange(range) !== text) {
      throw new IssuerError('invalid_request', 'not an address or range such as 10.0.0.0/8, without host bits', `/ips/${i}`);
    }
  });
  return ips;
}

/** `hosts`, when they are at most 32 different DNS names and addresses. Throws `invalid_request`. */
export function checkedHosts(hosts: readonly string[]): readonly string[] {
  if (hosts.length > maxHosts || new Set(hosts).size !== hosts.length) {
    throw new IssuerError('invalid_request', `hosts must be at most ${maxHosts} different names and addresses`, '/hosts');
  }
  hosts.forEach((text, i) => {
    const address = parseAddress(text);
    const isHost = address === undefined ? isDnsName(text) : formatAddress(address) === text;
    if (!isHost) {
      const message = 'not a DNS name in lower case such as mail.example.com, nor an address such as 10.1.2.3';
      throw new IssuerError('invalid_request', message, `/hosts/${i}`);
    }
  });
  return hosts;
}

/** Whether `text` is a DNS name in lower case, without a wildcard; nothing that could be read as an address. */
export function isDnsName(text: string): boolean {
  if (text.length > maxDnsNameLength) return false;
  const labels = text.split('.');
  return labels.every((label) => labelPattern.test(label)) && !/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '');
}

/**
 * Throws `conflict` when a host of `client` is what another client proves itself by: the certificate that one gets to serve with would
 * prove the other.
 */
export async function requireFreeHosts(tx: StoreReader, client: string, hosts: readonly string[]): Promise<void> {
  for (const [i, host] of hosts.entries()) {
    const credential = await tx.credentialByBinding(`dns:${host}`);
    if (credential === undefined || credential.client === client) continue;
    throw new IssuerError('conflict', 'this name proves another client', `/hosts/${i}`);
  }
}
