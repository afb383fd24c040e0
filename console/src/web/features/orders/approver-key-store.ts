/** What this browser keeps of its approving key. `privateKey` is a handle: its bytes cannot be read. */
export interface StoredApproverKey {
  readonly keyId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly privateKey: CryptoKey;
  readonly createdAt: number;
}

const DATABASE = 'yagura';
const STORE = 'approver-keys';

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE, { keyPath: 'keyId' }));
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('indexedDB')));
    request.addEventListener('blocked', () => reject(new Error('indexedDB blocked')));
  });
}

async function withStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await openDatabase();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.addEventListener('complete', () => resolve(request.result));
      transaction.addEventListener('error', () => reject(transaction.error ?? new Error('indexedDB')));
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('indexedDB aborted')));
    });
  } finally {
    database.close();
  }
}

/** Keys that this browser holds, of any user. Rejects when the browser forbids storage. */
export async function listApproverKeys(): Promise<readonly StoredApproverKey[]> {
  return (await withStore('readonly', (store) => store.getAll())) as StoredApproverKey[];
}

export async function saveApproverKey(key: StoredApproverKey): Promise<void> {
  await withStore('readwrite', (store) => store.put(key));
}

export async function forgetApproverKey(keyId: string): Promise<void> {
  await withStore('readwrite', (store) => store.delete(keyId));
}
