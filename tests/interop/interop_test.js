// A client in another language, made from proto/ alone: submits an update to a platform of real
// processes, meets its own double spend, puts a proof bundle together from the answers, and has
// `groat verify` check it without a connection.
//
// Usage: node interop_test.js GROAT   (path of the groat program, with the services beside it)
// Exit status 0 passed, 1 failed, 77 skipped (`npm ci` was not run here).

import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
if (!existsSync(join(here, 'node_modules'))) {
  console.log('skipped: no node_modules; run npm ci in', here);
  process.exit(77);
}
const grpc = await import('@grpc/grpc-js');
const loader = await import('@grpc/proto-loader');

const patienceMs = 60_000;
const groat = process.argv[2];

// Names and values exactly as in protobuf's JSON, so that answers go into a bundle as they come.
const load = (file) =>
  grpc.loadPackageDefinition(loader.loadSync(file, {
    includeDirs: [join(here, '..', '..', 'proto')],
    keepCase: true, longs: String, enums: String, bytes: String,
  })).groat;

// One call as a promise.
const call = (client, method, request) =>
  new Promise((resolve, reject) => {
    client[method](request, {deadline: Date.now() + patienceMs},
                   (error, response) => (error ? reject(error) : resolve(response)));
  });

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const hex = (bytes) => Buffer.from(bytes).toString('hex');

// Starts a platform and returns what `groat up` says about it once it serves.
async function startPlatform(folder) {
  const up = spawn(groat, ['up', '--json', '--data', folder, '--cycle-time', '200ms'],
                   {stdio: ['ignore', 'pipe', 'inherit']});
  const stop = async () => {
    const ended = new Promise((resolve) => up.once('exit', resolve));
    if (up.exitCode === null && up.kill('SIGTERM')) await ended;
  };
  const described = new Promise((resolve, reject) => {
    let text = '';
    up.once('exit', (code) => reject(new Error(`groat up ended with status ${code}: ${text}`)));
    up.stdout.on('data', (chunk) => {
      text += chunk;
      try {
        resolve(JSON.parse(text));
      } catch {
        // Not all of it has come.
      }
    });
  });
  return {platform: await described, stop};
}

// The block of a root with its way into the checkpoint's log.
async function evidence(ledger, root, checkpoint) {
  const {relay_id, shard, cycle} = root.statement;
  const {block} = await call(ledger, 'GetBlock', {relay_cycle: {relay_id, shard, cycle}});
  const {paths} = await call(ledger, 'GetInclusionProof',
                             {heights: [block.height], log_height: checkpoint.height});
  return {block, log_path: paths[0].path};
}

const verify = (bundle, platform, unlock, value) => {
  try {
    execFileSync(groat, ['verify', bundle, '--trust', platform.trust, '--unlock', hex(unlock),
                         '--value', hex(value)], {stdio: 'pipe'});
    return 0;
  } catch (error) {
    return error.status;
  }
};

async function run(platform, folder) {
  const key = (name) => readFileSync(join(dirname(platform.trust), name));
  const credentials = grpc.credentials.createSsl(key('ca.pem'), key('client.key.pem'),
                                                 key('client.crt.pem'));
  const endpoint = (name) => platform.processes.find((one) => one.name === name).endpoint;
  // The certificates name localhost too; Node.js does not like to ask a server for an IP address.
  const options = {'grpc.ssl_target_name_override': 'localhost'};
  const relay = new (load('groat/relay/v1/relay.proto').relay.v1.RelayService)(
    endpoint('relay'), credentials, options);
  const ledger = new (load('groat/ledger/v1/ledger.proto').ledger.v1.LedgerService)(
    endpoint('ledger-0'), credentials, options);

  const unlock = randomBytes(32);
  const value = randomBytes(32);
  const update = {unlock: base64(unlock), value: base64(value)};
  const first = await call(relay, 'SubmitUpdates',
                           {updates: [update], wait: 'WAIT_LEVEL_ANCHORED'});
  assert.equal(first.results[0].outcome, 'UPDATE_OUTCOME_ACCEPTED');
  const again = await call(relay, 'SubmitUpdates', {updates: [update]});
  assert.equal(again.results[0].outcome, 'UPDATE_OUTCOME_REPEATED');
  assert.equal(again.results[0].cycle, first.results[0].cycle);
  await assert.rejects(
    call(relay, 'SubmitUpdates',
         {updates: [{unlock: update.unlock, value: base64(randomBytes(32))}]}),
    {code: grpc.status.ALREADY_EXISTS});
  await assert.rejects(
    call(relay, 'SubmitUpdates', {updates: [{unlock: base64('short'), value: update.value}]}),
    {code: grpc.status.INVALID_ARGUMENT});

  const {provenance} = await call(relay, 'GetProof', {unlock: update.unlock});
  const checkpoint = first.checkpoint;
  const roots = [provenance.root, ...(provenance.null_proofs ?? []).map((one) => one.root)];
  const blocks = [];
  for (const root of roots) blocks.push(await evidence(ledger, root, checkpoint));
  const bundle = join(folder, 'bundle.json');
  writeFileSync(bundle, JSON.stringify({version: 1, provenance, blocks, checkpoint}));
  assert.equal(verify(bundle, platform, unlock, value), 0);
  assert.equal(verify(bundle, platform, unlock, randomBytes(32)), 1);

  // Each of what the bundle claims is covered by the proof.
  const forged = JSON.parse(readFileSync(bundle));
  forged.provenance.value = base64(randomBytes(32));
  writeFileSync(bundle, JSON.stringify(forged));
  assert.equal(verify(bundle, platform, unlock, Buffer.from(forged.provenance.value, 'base64')), 1);
  relay.close();
  ledger.close();
}

const folder = mkdtempSync(join(tmpdir(), 'groat-interop-'));
let failed = false;
try {
  const {platform, stop} = await startPlatform(join(folder, 'platform'));
  try {
    await run(platform, folder);
    console.log('passed: a client made from proto/ alone submitted, proved and verified');
  } finally {
    await stop();
  }
} catch (error) {
  console.error(error);
  failed = true;
} finally {
  rmSync(folder, {recursive: true, force: true});
}
process.exit(failed ? 1 : 0);
