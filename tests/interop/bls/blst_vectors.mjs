// Writes test vectors whose answers are those of blst (npm's @chainsafe/blst), for `bls_vectors`.
//
//   node blst_vectors.mjs SEED COUNT >FILE
//
// COUNT cases a handler, random and edge inputs; the same SEED gives the same file.
import { createHash } from "node:crypto";
import blst from "@chainsafe/blst";

const { SecretKey, PublicKey, Signature } = blst;

const P = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
const R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;

// Bytes drawn from SHA-256 of the seed and a counter.
class Random {
  #seed;
  #drawn = 0;
  constructor(seed) {
    this.#seed = seed;
  }
  bytes(length) {
    const blocks = [];
    for (let have = 0; have < length; have += 32) {
      blocks.push(createHash("sha256").update(`${this.#seed} ${this.#drawn++}`).digest());
    }
    return Buffer.concat(blocks).subarray(0, length);
  }
  below(bound) {
    return this.bytes(4).readUInt32BE() % bound;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
}

const hex = (bytes) => "0x" + Buffer.from(bytes).toString("hex");
const bigEndian = (number, length) => Buffer.from(number.toString(16).padStart(2 * length, "0"), "hex");
const toNumber = (bytes) => BigInt("0x" + Buffer.from(bytes).toString("hex"));
// What `answer` gives, or `refused` where the library throws.
const attempt = (answer, refused) => {
  try {
    return answer();
  } catch {
    return refused;
  }
};

const random = new Random(process.argv[2]);
const count = Number(process.argv[3]);
if (process.argv.length !== 4 || !Number.isInteger(count) || count < 1) {
  console.error("usage: node blst_vectors.mjs SEED COUNT >FILE");
  process.exit(64);
}

const edgeScalars = [0n, 1n, 2n, 3n, R - 2n, R - 1n, R, R + 1n, 2n ** 256n - 1n, 1n << 64n, 1n << 128n,
  1n << 254n, (1n << 64n) - 1n, (1n << 128n) - 1n, 0xd201000000010000n, 0xd201000000010000n ** 2n - 1n];
const scalar = () => (random.below(4) === 0 ? bigEndian(random.pick(edgeScalars), 32) : random.bytes(32));
const message = () => random.bytes(random.pick([0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 300]));
const secretKey = () => SecretKey.fromKeygen(random.bytes(32));
const flipped = (bytes) => {
  const out = Buffer.from(bytes);
  out[random.below(out.length)] ^= 1 << random.below(8);
  return out;
};
// The opposite point: the sign bit of a compressed encoding turned round.
const opposite = (bytes) => {
  const out = Buffer.from(bytes);
  out[0] ^= 0x20;
  return out;
};
const infinity = (length, first = 0xc0) => Buffer.concat([Buffer.from([first]), Buffer.alloc(length - 1)]);
// Usually good, else damaged in one of several ways.
const damaged = (bytes) => {
  switch (random.below(6)) {
    case 0: return flipped(bytes);
    case 1: return opposite(bytes);
    case 2: return infinity(bytes.length);
    default: return bytes;
  }
};

const vectors = {};
const add = (handler, input, output) => {
  vectors[handler] ??= {};
  vectors[handler][`blst_${Object.keys(vectors[handler]).length}`] = { input, output };
};
const times = (make) => {
  for (let i = 0; i < count; ++i) make(i);
};

const publicKey = (bytes) => PublicKey.fromBytes(bytes, true);
const signature = (bytes) => Signature.fromBytes(bytes, true, false);

times(() => {
  const ikm = random.bytes(random.pick([0, 16, 31, 32, 33, 48, 64, 100]));
  add("keygen", { ikm: hex(ikm) }, attempt(() => {
    const key = SecretKey.fromKeygen(ikm);
    return { privkey: hex(key.toBytes()), pubkey: hex(key.toPublicKey().toBytes()) };
  }, null));
});

times(() => {
  const key = scalar();
  add("public_key", { privkey: hex(key) },
    attempt(() => hex(SecretKey.fromBytes(key).toPublicKey().toBytes()), null));
});

times(() => {
  const key = scalar();
  const text = message();
  add("sign", { privkey: hex(key), message: hex(text) },
    attempt(() => hex(SecretKey.fromBytes(key).sign(text).toBytes()), null));
});

times(() => {
  const key = secretKey();
  const text = message();
  const encodedKey = damaged(key.toPublicKey().toBytes());
  const encodedSignature = damaged(key.sign(text).toBytes());
  const shown = random.below(8) === 0 ? message() : text;
  add("verify", { pubkey: hex(encodedKey), message: hex(shown), signature: hex(encodedSignature) },
    attempt(() => blst.verify(shown, publicKey(encodedKey), signature(encodedSignature)), false));
});

// Signatures of one message, some repeated, opposite or damaged.
const signatureList = (text, length) => {
  const list = [];
  while (list.length < length) {
    const encoded = secretKey().sign(text).toBytes();
    list.push(encoded);
    if (random.below(8) === 0) list.push(random.pick([encoded, opposite(encoded), infinity(96)]));
  }
  if (random.below(8) === 0) list[random.below(list.length)] = flipped(list[0]);
  return list;
};

times(() => {
  const list = random.below(50) === 0 ? [] : signatureList(message(), 1 + random.below(6));
  add("aggregate", list.map(hex), attempt(() => {
    if (list.length === 0) return null;
    return hex(blst.aggregateSignatures(list.map(signature)).toBytes());
  }, null));
});

times(() => {
  const list = [];
  for (let i = 1 + random.below(6); i > 0; --i) {
    const encoded = secretKey().toPublicKey().toBytes();
    list.push(encoded);
    if (random.below(8) === 0) list.push(random.pick([encoded, opposite(encoded)]));
  }
  if (random.below(8) === 0) list[random.below(list.length)] = flipped(list[0]);
  add("aggregate_pubkeys", { pubkeys: list.map(hex) },
    attempt(() => hex(blst.aggregatePublicKeys(list.map(publicKey)).toBytes()), null));
});

times(() => {
  const text = message();
  const keys = Array.from({ length: 1 + random.below(5) }, secretKey);
  let encodedKeys = keys.map((key) => key.toPublicKey().toBytes());
  const sum = blst.aggregateSignatures(keys.map((key) => key.sign(text)));
  const encoded = damaged(sum.toBytes());
  if (random.below(8) === 0) encodedKeys[0] = damaged(encodedKeys[0]);
  if (random.below(20) === 0) encodedKeys = [encodedKeys[0], opposite(encodedKeys[0])];
  add("fast_aggregate_verify",
    { pubkeys: encodedKeys.map(hex), message: hex(text), signature: hex(encoded) },
    attempt(() => blst.fastAggregateVerify(text, encodedKeys.map(publicKey), signature(encoded)), false));
});

times(() => {
  const keys = Array.from({ length: 1 + random.below(4) }, secretKey);
  const texts = keys.map(message);
  const encodedKeys = keys.map((key) => key.toPublicKey().toBytes());
  const encoded = damaged(blst.aggregateSignatures(keys.map((key, i) => key.sign(texts[i]))).toBytes());
  if (random.below(8) === 0) texts[0] = message();
  add("aggregate_verify",
    { pubkeys: encodedKeys.map(hex), messages: texts.map(hex), signature: hex(encoded) },
    attempt(() => blst.aggregateVerify(texts, encodedKeys.map(publicKey), signature(encoded)), false));
});

times(() => {
  const keys = Array.from({ length: 1 + random.below(4) }, secretKey);
  const texts = keys.map(message);
  const encodedKeys = keys.map((key) => key.toPublicKey().toBytes());
  const signatures = keys.map((key, i) => key.sign(texts[i]).toBytes());
  const wrong = random.below(keys.length);
  if (random.below(2) === 0) signatures[wrong] = damaged(signatures[wrong]);
  add("batch_verify",
    { pubkeys: encodedKeys.map(hex), messages: texts.map(hex), signatures: signatures.map(hex) },
    attempt(() => blst.verifyMultipleAggregateSignatures(keys.map((_, i) => ({
      msg: texts[i], pk: publicKey(encodedKeys[i]), sig: signature(signatures[i]),
    }))), false));
});

// Encodings of a point: those of good ones, damaged, of random coordinates (half of them on the
// curve, and then out of the subgroup), with every combination of flags, and not canonical.
const encodings = (good, length, coordinates) => {
  const bytes = good();
  switch (random.below(8)) {
    case 0: return bytes;
    case 1: return flipped(bytes);
    case 2: {  // Random coordinates below p, flags that fit.
      const out = Buffer.concat(Array.from({ length: coordinates }, () =>
        bigEndian(toNumber(random.bytes(48)) % P, 48)));
      out[0] |= bytes[0] & 0xe0;
      return out;
    }
    case 3: {  // Any flags.
      const out = Buffer.from(bytes);
      out[0] = (out[0] & 0x1f) | (random.below(8) << 5);
      return out;
    }
    case 4: {  // A coordinate that is p more, where that fits in 381 bits.
      const out = Buffer.from(bytes);
      const flags = out[0] & 0xe0;
      out[0] &= 0x1f;
      const at = 48 * random.below(coordinates);
      const larger = toNumber(out.subarray(at, at + 48)) + P;
      if (larger >= 1n << 381n) return bytes;
      bigEndian(larger, 48).copy(out, at);
      out[0] |= flags;
      return out;
    }
    case 5: {  // Infinity, right and nearly.
      const out = infinity(length, random.pick([0xc0, 0x40, 0x80, 0x00, 0xe0, 0x60, 0xa0, 0x20]));
      if (random.below(3) === 0) out[length - 1] = 1;
      return out;
    }
    case 6: return random.pick([bytes.subarray(1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(0)]);
    default: {  // Coordinates at the edges of the field.
      const edges = [0n, 1n, 2n, P - 2n, P - 1n, P, P + 1n, (1n << 381n) - 1n];
      const out = Buffer.concat(Array.from({ length: coordinates }, () => bigEndian(random.pick(edges), 48)));
      out[0] |= bytes[0] & 0xe0;
      return out;
    }
  }
};

// blst's validating decoder takes both forms by their length and refuses infinity as a key.
const isInfinity = (bytes, length, first) =>
  bytes.length === length && bytes[0] === first && bytes.subarray(1).every((byte) => byte === 0);
const decodes = (bytes, length, compressed, decode) => {
  if (bytes.length !== length) return false;
  if (isInfinity(bytes, length, compressed ? 0xc0 : 0x40)) return true;
  if (bytes.length > 0 && ((bytes[0] & 0x80) !== 0) !== compressed) return false;
  return attempt(() => decode(bytes) !== undefined, false);
};

times(() => {
  const key = () => Buffer.from(secretKey().toPublicKey().toBytes(true));
  const bytes = encodings(key, 48, 1);
  add("deserialization_G1", { pubkey: hex(bytes) }, decodes(bytes, 48, true, publicKey));
});
times(() => {
  const key = () => Buffer.from(secretKey().toPublicKey().toBytes(false));
  const bytes = encodings(key, 96, 2);
  add("uncompressed_G1", { point: hex(bytes) }, decodes(bytes, 96, false, publicKey));
});
const one = Buffer.from("one");
times(() => {
  const good = () => Buffer.from(secretKey().sign(one).toBytes(true));
  const bytes = encodings(good, 96, 2);
  add("deserialization_G2", { signature: hex(bytes) }, decodes(bytes, 96, true, signature));
});
times(() => {
  const good = () => Buffer.from(secretKey().sign(one).toBytes(false));
  const bytes = encodings(good, 192, 4);
  add("uncompressed_G2", { point: hex(bytes) }, decodes(bytes, 192, false, signature));
});

process.stdout.write(JSON.stringify(vectors));
