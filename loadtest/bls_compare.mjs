// Times of libs/bls beside blst's (npm's @chainsafe/blst), in turns within one run; Markdown.
//
//   node loadtest/bls_compare.mjs [BIN_FOLDER] [ROUNDS]
//
// One thread each. A time is the least of all rounds: others on the machine only ever add to it.
// The calls of @chainsafe/blst go through Node's binding, which costs nothing beside a pairing but
// about doubles the time of a sum of many points; blst's own C calls are faster there.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(here, "../tests/interop/bls/package.json"));
const blst = require("@chainsafe/blst");
const bin = process.argv[2] ? path.resolve(process.argv[2]) : path.join(here, "../build/release/bin");
const rounds = Number(process.argv[3] ?? 5);

const kBatch = 65536;
const message = randomBytes(32);
const key = blst.SecretKey.fromKeygen(randomBytes(32));
const publicKey = key.toPublicKey();
const signature = key.sign(message);
const keyBytes = publicKey.toBytes();
const signatureBytes = signature.toBytes();
const few = Array.from({ length: 1024 }, () => blst.SecretKey.fromKeygen(randomBytes(32)));
const repeat = (list) => Array.from({ length: kBatch }, (_, i) => list[i % list.length]);
const keys = repeat(few.map((one) => one.toPublicKey()));
const signatures = repeat(few.map((one) => one.sign(message)));
const sum = blst.aggregateSignatures(signatures);
const hundred = few.slice(0, 67).map((one) => one.toPublicKey());
const hundredSum = blst.aggregateSignatures(few.slice(0, 67).map((one) => one.sign(message)));

// Name, our program and its benchmark, blst's call, operations in one run of the benchmark.
const operations = [
  ["sign", "bls_benchmark", "BM_Sign", () => key.sign(message), 1],
  ["sign without AVX-512", "bls_benchmark", "BM_SignScalar", () => key.sign(message), 1],
  ["verify", "bls_benchmark", "BM_Verify", () => blst.verify(message, publicKey, signature), 1],
  ["verify a certificate of 67 of 100", "bls_benchmark", "BM_VerifyQuorum/100",
    () => blst.fastAggregateVerify(message, hundred, hundredSum), 1],
  ["the same without AVX-512", "bls_benchmark", "BM_VerifyQuorumScalar/100",
    () => blst.fastAggregateVerify(message, hundred, hundredSum), 1],
  ["decode and check a key", "bls_benchmark", "BM_DecodePublicKey",
    () => blst.PublicKey.fromBytes(keyBytes, true), 1],
  ["decode and check a signature", "bls_benchmark", "BM_DecodeSignature",
    () => blst.Signature.fromBytes(signatureBytes, true), 1],
  ["the same, 256 at a time", "bls_bulk_benchmark", "DecodeSignatures/ifma:1",
    () => blst.Signature.fromBytes(signatureBytes, true), 256],
  ["sum of 65,536 keys", "bls_bulk_benchmark", "SumKeys/ifma:1/keys:65536",
    () => blst.aggregatePublicKeys(keys), kBatch],
  ["sum of 65,536 signatures", "bls_bulk_benchmark", "SumSignatures/ifma:1/shares:65536",
    () => blst.aggregateSignatures(signatures), kBatch],
  ["fast aggregate verify, 65,536 keys", "bls_benchmark", "BM_FastAggregateVerify/65536",
    () => blst.fastAggregateVerify(message, keys, sum), 1],
];

const kUnits = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1 };

// Seconds an operation, by Google Benchmark.
const ours = (program, name, count) => {
  const out = execFileSync(path.join(bin, program), [
    `--benchmark_filter=^${name}$`, "--benchmark_format=json", "--benchmark_min_time=0.3",
  ], { stdio: ["ignore", "pipe", "ignore"] });
  const found = JSON.parse(out).benchmarks;
  if (found.length !== 1) throw new Error(`${program} has ${found.length} benchmarks ${name}, want 1`);
  if (found[0].error_occurred) throw new Error(`${name}: ${found[0].error_message}`);
  return (found[0].cpu_time * kUnits[found[0].time_unit]) / count;
};

// Seconds a call of `call`, over 0.3 seconds.
const theirs = (call) => {
  call();
  const begin = process.hrtime.bigint();
  let calls = 0;
  let seconds = 0;
  do {
    call();
    ++calls;
    seconds = Number(process.hrtime.bigint() - begin) * 1e-9;
  } while (seconds < 0.3);
  return seconds / calls;
};

const text = (seconds) => {
  if (seconds >= 1e-3) return `${(seconds * 1e3).toPrecision(3)} ms`;
  if (seconds >= 1e-6) return `${(seconds * 1e6).toPrecision(3)} us`;
  return `${(seconds * 1e9).toPrecision(3)} ns`;
};

const isSum = (name) => name.startsWith("sum");
const results = operations.map(() => ({ ours: Infinity, theirs: Infinity }));
for (let round = 0; round < rounds; ++round) {
  operations.forEach(([name, program, benchmark, call, count], i) => {
    results[i].ours = Math.min(results[i].ours, ours(program, benchmark, count));
    results[i].theirs = Math.min(results[i].theirs, theirs(call) / (isSum(name) ? count : 1));
  });
}

console.log("| operation | libs/bls | @chainsafe/blst | times as fast |");
console.log("|---|---|---|---|");
operations.forEach(([name], i) => {
  const { ours: mine, theirs: other } = results[i];
  console.log(`| ${name}${isSum(name) ? ", a point" : ""} | ${text(mine)} | ${text(other)} | ${(other / mine).toFixed(2)} |`);
});
