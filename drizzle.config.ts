/** Generates `migrations/sqlite` from the schema. STRICT and WITHOUT ROWID are added to each generated file by hand. */
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/server/store/sqlite-schema.ts',
  out: './migrations/sqlite',
});
