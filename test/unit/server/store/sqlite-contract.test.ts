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
    async tamper(sql) {
      data.tamper(sql);
      await new Promise((resume) => setImmediate(resume));
    },
    dispose: () => data.dispose(),
  };
});
