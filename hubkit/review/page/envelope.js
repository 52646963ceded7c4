// What hubkit/review/encryption.py does, by WebCrypto: PBKDF2, AES-GCM, base64.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function toBase64(bytes) {
  let text = "";
  // fromCharCode takes as many arguments as the stack holds: 32 kB at once are safe everywhere.
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

async function deriveKey(passphrase, kdf) {
  // Blanks around it come along where a passphrase is copied, and nobody sees them.
  const typed = encoder.encode(passphrase.trim().normalize("NFKC"));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: kdf.name, hash: kdf.hash, salt: fromBase64(kdf.salt), iterations: kdf.iterations },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

function labelOf(head, part) {
  return encoder.encode(`hubkit review 1/${head.review}/${head.reader}/${part}`);
}

async function encrypt(key, content, label) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: label }, key, content);
  return { cipher: { name: "AES-GCM", iv: toBase64(iv) }, data: toBase64(new Uint8Array(data)) };
}

async function decrypt(key, cipher, data, label) {
  const parameters = { name: "AES-GCM", iv: fromBase64(cipher.iv), additionalData: label };
  return new Uint8Array(await crypto.subtle.decrypt(parameters, key, fromBase64(data)));
}

// A value as it is kept or exported: encrypted where there is a key, else as it is.
async function closeValue(value, key, head, part) {
  if (!key) return { cipher: null, data: value };
  return encrypt(key, encoder.encode(JSON.stringify(value)), labelOf(head, part));
}

async function openValue(closed, key, head, part) {
  if (!closed.cipher) {
    if (key) throw new Error("in clear, where it should be encrypted");
    return closed.data;
  }
  return JSON.parse(decoder.decode(await decrypt(key, closed.cipher, closed.data, labelOf(head, part))));
}
