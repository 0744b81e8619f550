import { describeStoreContract } from '../../../contract/store-contract.js';
import { temporaryData } from './temporary-store.js';

describeStoreContract('SQLite', async () => {
  const data = temporaryData();
  let store = await data.create();
  return {
    store,
    async reopen() {
      await store.close();
      store = await data.open();
      return store;
    },
    tamper: async (sql) => data.tamper(sql),
    dispose: () => data.dispose(),
  };
});
