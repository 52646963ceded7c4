// The browser's copy of the answers: encrypted, in one place, written by one tab.

const DATABASE = "hubkit-review";
const TABLE = "copies";

// The result of a request of IndexedDB.
function settle(request, done = "onsuccess") {
  return new Promise((resolve, reject) => {
    request[done] = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onabort = () => reject(request.error);
  });
}

class Store {
  constructor(head) {
    this.head = head;
    // Another page of the same review has another salt, and could not read this copy.
    this.place = `${DATABASE}/${head.review}/${head.reader}/${head.kdf ? head.kdf.salt : "clear"}`;
    this.tab = toBase64(crypto.getRandomValues(new Uint8Array(9)));
    this.key = null;
    this.shared = false; // whether tabs can tell one another who writes
    this.writing = Promise.resolve();
  }

  // Whether another tab held the copy before this one took it.
  take() {
    try {
      const before = localStorage.getItem(`${this.place}/tab`);
      localStorage.setItem(`${this.place}/tab`, this.tab);
      this.shared = true;
      return before !== null && before !== this.tab;
    } catch {
      return false;
    }
  }

  mine() {
    return !this.shared || localStorage.getItem(`${this.place}/tab`) === this.tab;
  }

  onTaken(act) {
    addEventListener("storage", (event) => {
      if (event.key === `${this.place}/tab` && event.newValue !== null && event.newValue !== this.tab) act();
    });
  }

  // What is kept, as it is kept; null where nothing is.
  async text() {
    return (await this.#do("readonly", (table) => table.get(this.place))) ?? null;
  }

  async read() {
    const text = await this.text().catch(() => null);
    return text === null ? null : openValue(JSON.parse(text), this.key, this.head, "saved");
  }

  // One after the other: an older state must not land on a newer one.
  write(state) {
    const attempt = this.writing.then(async () => {
      const closed = await closeValue(state, this.key, this.head, "saved");
      await this.#do("readwrite", (table) => table.put(JSON.stringify(closed), this.place));
    });
    this.writing = attempt.catch(() => {});
    return attempt;
  }

  async wipe() {
    await this.writing;
    await this.#do("readwrite", (table) => table.delete(this.place));
    localStorage.removeItem(`${this.place}/tab`);
  }

  async #do(mode, act) {
    this.database ??= this.#open();
    const database = await this.database;
    // Strict: it is on the disk before it counts as kept. localStorage may be seconds behind when a machine dies.
    const transaction = database.transaction(TABLE, mode, { durability: "strict" });
    const request = act(transaction.objectStore(TABLE));
    await settle(transaction, "oncomplete");
    return request.result;
  }

  #open() {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    return settle(request);
  }
}
