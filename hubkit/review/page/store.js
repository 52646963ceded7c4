// The browser's copy of the answers: encrypted, in one place, written by one tab.

class Store {
  constructor(head) {
    this.head = head;
    // Another page of the same review has another salt, and could not read this copy.
    this.place = `hubkit-review/${head.review}/${head.reader}/${head.kdf ? head.kdf.salt : "clear"}`;
    this.tab = toBase64(crypto.getRandomValues(new Uint8Array(9)));
    this.key = null;
    this.writing = Promise.resolve();
  }

  // Whether another tab held the copy before this one took it.
  take() {
    try {
      const before = localStorage.getItem(`${this.place}/tab`);
      localStorage.setItem(`${this.place}/tab`, this.tab);
      return before !== null && before !== this.tab;
    } catch {
      return false;
    }
  }

  mine() {
    try {
      return localStorage.getItem(`${this.place}/tab`) === this.tab;
    } catch {
      return true;
    }
  }

  onTaken(act) {
    addEventListener("storage", (event) => {
      if (event.key === `${this.place}/tab` && event.newValue !== null && event.newValue !== this.tab) act();
    });
  }

  async read() {
    let text = null;
    try {
      text = localStorage.getItem(this.place);
    } catch {
      return null;
    }
    if (text === null) return null;
    return openValue(JSON.parse(text), this.key, this.head, "saved");
  }

  // One after the other: an older state must not land on a newer one.
  write(state) {
    const attempt = this.writing.then(async () => {
      const closed = await closeValue(state, this.key, this.head, "saved");
      localStorage.setItem(this.place, JSON.stringify(closed));
    });
    this.writing = attempt.catch(() => {});
    return attempt;
  }

  async wipe() {
    await this.writing;
    localStorage.removeItem(this.place);
    localStorage.removeItem(`${this.place}/tab`);
  }
}
