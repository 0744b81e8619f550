/**
 * Who may connect to a listener for clients with a certificate alone. Asks the auth methods of TLS themselves, so that nobody is let in here
 * who would not be at a login, and notes in the audit log why somebody was not.
 */
import type { Issuer } from '../domain/issuer.js';
import type { PresentedCertificate } from '../domain/presented-certificate.js';
import type { AuthenticationRequest, ClientAuthenticator } from './client-authenticator.js';

/** A connection, as far as it matters who it is. */
export interface PresentedConnection {
  readonly address: string | undefined;
  readonly certificate: PresentedCertificate | undefined;
}

export interface ConnectionGate {
  /** Whether the connection may carry requests now; when it may not, why is in the audit log. Throws only for broken machinery. */
  admits(connection: PresentedConnection): Promise<boolean>;
  /** Notes that TLS broke the connection off. `code` is OpenSSL's, and the reason where the certificate has no fault of its own. */
  noteTlsFailure(connection: PresentedConnection, code: string): Promise<void>;
}

export interface ConnectionGateOptions {
  readonly issuer: Pick<Issuer, 'noteFailure'>;
  readonly authenticators: readonly ClientAuthenticator[];
}

/** The gate over the `authenticators` that look at connections. */
export function createConnectionGate({ issuer, authenticators }: ConnectionGateOptions): ConnectionGate {
  const methods = authenticators.filter(({ kind }) => kind === 'connection');
  const refuse = (address: string | undefined, reason: string, client?: string) =>
    issuer.noteFailure({ event: 'connection.refused', address, client, reason });
  return {
    admits: async ({ address, certificate }) => {
      const request = requestOf(address, certificate);
      const method = methods.find((one) => one.recognises(request));
      if (method === undefined) {
        await refuse(address, 'certificate_missing');
        return false;
      }
      const result = await method.authenticate(request);
      if (result.ok && result.account.state === 'active') return true;
      await refuse(address, result.ok ? 'client_disabled' : result.reason, result.client);
      return false;
    },
    noteTlsFailure: ({ address, certificate }, code) => {
      const fault = certificate?.fault;
      return refuse(address, fault === undefined ? code : `certificate_${fault}`);
    },
  };
}

/** What a connection is before its first request. */
function requestOf(address: string | undefined, certificate: PresentedCertificate | undefined): AuthenticationRequest {
  const nothing = { method: '', target: '', targetUri: '', headers: new Map() };
  return { ...nothing, address, certificate, body: async () => new Uint8Array(0) };
}
