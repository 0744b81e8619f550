/** What the server stack alone costs: Hono answers a JSON body with itself. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { listenOptions } from './listen-options.mjs';

const app = new Hono();
app.post('/echo', async (context) => context.json(await context.req.json()));

const { createServer, serverOptions } = listenOptions();
serve({ fetch: app.fetch, createServer, serverOptions, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(JSON.stringify({ port })),
);
