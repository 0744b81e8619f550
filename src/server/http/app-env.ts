/** What the router hands to every request beside the request itself. */
import type { HttpBindings } from '@hono/node-server';

/** The bindings are absent where a test calls the application without a socket. */
export interface AppEnv {
  Bindings: Partial<HttpBindings> & {
    /** Origin that the listener of the connection is known by, where that is not the issuer URL's. */
    readonly listenerOrigin?: string | undefined;
  };
}
