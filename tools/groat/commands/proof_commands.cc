// `groat prove` and `groat verify`.
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "asset/bundle.h"
#include "base/status_macros.h"
#include "base/whole_file.h"
#include "record/update.h"
#include "tools/groat/client/bundle_fetcher.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/network.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/platform_file.h"
#include "wire/provenance.h"

namespace groat::commands {
namespace {

constexpr size_t kMaxBundleBytes = 64 << 20;

struct ProveOptions {
  NetworkOptions network;
  std::string key;
  std::string unlock;
  uint64_t since_cycle = 1;
  uint64_t at_cycle = 0;
  std::string out;
};

struct VerifyOptions {
  std::string bundle;
  std::string trust;
  std::string platform = kDefaultPlatform;
  std::string key;
  std::string unlock;
  std::string value;
  uint64_t since_cycle = 1;
};

// The key is derived here: the unlock of an update that was never submitted must not leave.
absl::StatusOr<Bytes32> KeyOption(const std::string& key, const std::string& unlock,
                                  record::RelayId relay) {
  if (unlock.empty()) return Bytes32::FromHexText(key, "key");
  GROAT_ASSIGN_OR_RETURN(const Bytes32 secret, Bytes32::FromHexText(unlock, "--unlock"));
  return record::KeyOfUnlock(relay, secret);
}

Json Summary(const asset::ProofBundle& bundle) {
  return {{"key", bundle.provenance.key().Hex()},
          {"value", bundle.provenance.value().Hex()},
          {"cycle", bundle.provenance.cycle().value()},
          {"since_cycle", bundle.provenance.since.value()},
          {"block_height", bundle.blocks.empty() ? 0 : bundle.blocks[0].block.height.value()},
          {"checkpoint_height", bundle.checkpoint.checkpoint.height.value()}};
}

ExitCode Prove(Shell& shell, const ProveOptions& options) {
  // Read before any connection, so that a slip of the pen is a usage error.
  const std::string& named = options.unlock.empty() ? options.key : options.unlock;
  if (const auto bytes = Bytes32::FromHexText(named, "key or unlock"); !bytes.ok()) {
    return shell.Fail(bytes.status(), ExitCode::kUsage);
  }
  const absl::StatusOr<Network> network = Network::Open(options.network, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto relay = network->Relay(shell.cancellation);
  if (!relay.ok()) return shell.Fail(relay.status());
  const auto ledger = network->Ledger(shell.cancellation);
  if (!ledger.ok()) return shell.Fail(ledger.status());
  const auto status = (*relay)->GetStatus();
  if (!status.ok()) return shell.Fail(status.status());
  const auto key = KeyOption(options.key, options.unlock, record::RelayId(status->relay_id()));
  if (!key.ok()) return shell.Fail(key.status(), ExitCode::kUsage);

  relay::v1::GetProofRequest request;
  request.set_key(ToString(*key));
  request.set_since_cycle(options.since_cycle);
  request.set_at_cycle(options.at_cycle);
  client::BundleFetcher fetcher(**relay, **ledger);
  const absl::StatusOr<asset::ProofBundle> bundle =
      fetcher.Fetch(request, options.network.timeout());
  if (absl::IsNotFound(bundle.status())) return shell.Fail(bundle.status(), ExitCode::kNo);
  if (!bundle.ok()) return shell.Fail(bundle.status());

  // Whatever a server sends is looked at before it is kept.
  const absl::StatusOr<asset::Trust> trust = network->Trust();
  if (!trust.ok()) return shell.Fail(trust.status());
  const absl::Status verdict = asset::Verify(*bundle, *trust);
  if (!verdict.ok()) return shell.Fail(verdict, ExitCode::kNo);
  if (bundle->provenance.key() != *key) {
    return shell.Fail(absl::InvalidArgumentError("the proof is for another key"), ExitCode::kNo);
  }
  const std::string text = wire::FormatBundle(*bundle);
  if (options.out.empty() || options.out == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return ExitCode::kOk;
  }
  const absl::Status written = WriteWholeFile(options.out, AsBytes(text), 0644, IfExists::kReplace);
  if (!written.ok()) return shell.Fail(written);
  Json value = Summary(*bundle);
  value["file"] = options.out;
  value["size_bytes"] = text.size();
  shell.Print(value, absl::StrCat("cycle ", bundle->provenance.cycle().value(), ", value ",
                                  bundle->provenance.value().Hex(), "\nwrote ", options.out, ", ",
                                  text.size(), " bytes, verified against the trust file\n"));
  return ExitCode::kOk;
}

// Whether the bundle is about what the caller has in mind.
absl::Status CheckSubject(const asset::ProofBundle& bundle, const VerifyOptions& options) {
  const asset::ProofOfProvenance& proof = bundle.provenance;
  if (!options.key.empty() || !options.unlock.empty()) {
    GROAT_ASSIGN_OR_RETURN(const Bytes32 key,
                           KeyOption(options.key, options.unlock, proof.root.statement.relay));
    if (proof.key() != key) {
      return absl::InvalidArgumentError(
          absl::StrCat("the bundle is about key ", proof.key().Hex(), ", want ", key.Hex()));
    }
  }
  if (!options.value.empty()) {
    GROAT_ASSIGN_OR_RETURN(const Bytes32 value, Bytes32::FromHexText(options.value, "--value"));
    if (proof.value() != value) {
      return absl::InvalidArgumentError(
          absl::StrCat("the key has value ", proof.value().Hex(), ", want ", value.Hex()));
    }
  }
  // A bundle that starts later may hide an earlier use.
  if (proof.since.value() > options.since_cycle) {
    return absl::InvalidArgumentError(absl::StrCat("the bundle covers the cycles from ",
                                                   proof.since.value(), " on, want from ",
                                                   options.since_cycle, " (see --since-cycle)"));
  }
  return absl::OkStatus();
}

ExitCode PrintVerdict(const Shell& shell, const std::vector<asset::VerifiedStep>& steps,
                      const absl::Status& verdict, const asset::ProofBundle* bundle) {
  Json value;
  value["valid"] = verdict.ok();
  if (!verdict.ok()) value["error"] = std::string(verdict.message());
  value["steps"] = Json::array();
  std::string text;
  for (const asset::VerifiedStep& step : steps) {
    value["steps"].push_back(step.text);
    absl::StrAppend(&text, "ok     ", step.text, "\n");
  }
  if (bundle != nullptr) value["bundle"] = Summary(*bundle);
  absl::StrAppend(&text,
                  verdict.ok()
                      ? std::string("VALID")
                      : absl::StrCat("wrong  ", std::string(verdict.message()), "\nINVALID"),
                  "\n");
  shell.Print(value, text);
  return verdict.ok() ? ExitCode::kOk : ExitCode::kNo;
}

ExitCode Verify(const Shell& shell, const VerifyOptions& options) {
  for (const std::string* hex : {&options.key, &options.unlock, &options.value}) {
    if (hex->empty()) continue;
    const auto bytes = Bytes32::FromHexText(*hex, "--key, --unlock or --value");
    if (!bytes.ok()) return shell.Fail(bytes.status(), ExitCode::kUsage);
  }
  const std::string trust_file =
      options.trust.empty()
          ? keys::NetworkFolder(platform::KeysPath(options.platform)).Trust().string()
          : options.trust;
  const absl::StatusOr<asset::Trust> trust = keys::ReadTrust(trust_file);
  if (!trust.ok()) return shell.Fail(trust.status());
  const absl::StatusOr<WholeFile> file = ReadWholeFile(options.bundle, kMaxBundleBytes);
  if (!file.ok()) return shell.Fail(file.status());
  std::vector<asset::VerifiedStep> steps;
  const absl::StatusOr<asset::ProofBundle> bundle = wire::ParseBundle(file->content);
  if (!bundle.ok()) return PrintVerdict(shell, steps, bundle.status(), nullptr);
  absl::Status verdict = asset::Verify(*bundle, *trust, &steps);
  if (verdict.ok()) verdict = CheckSubject(*bundle, options);
  return PrintVerdict(shell, steps, verdict, &*bundle);
}

}  // namespace

void AddProveCommand(CLI::App& app, Shell& shell) {
  CLI::App* prove =
      app.add_subcommand("prove", "Fetch all that proves one update, as a bundle for `verify`");
  const auto options = std::make_shared<ProveOptions>();
  CLI::Option* key = prove->add_option("key", options->key, "The key, 64 hexadecimal digits");
  CLI::Option* unlock =
      prove->add_option("--unlock", options->unlock, "The unlock whose key is meant")
          ->excludes(key);
  prove
      ->add_option("--since-cycle", options->since_cycle,
                   "First cycle in which the key must have been unused: the asset's birth")
      ->capture_default_str();
  prove
      ->add_option("--at-cycle", options->at_cycle,
                   "Prove against this later cycle of the same period; 0: the update's own")
      ->capture_default_str();
  prove->add_option("--out", options->out, "File for the bundle; default: standard output");
  AddNetworkFlags(*prove, options->network);
  prove->footer("Exit code 1 if the key is not set or the proof does not verify.");
  prove->callback([&shell, options, key, unlock] {
    if (key->count() + unlock->count() == 0) {
      shell.exit = shell.Usage("name a key or --unlock");
      return;
    }
    shell.exit = Prove(shell, *options);
  });
}

void AddVerifyCommand(CLI::App& app, Shell& shell) {
  CLI::App* verify = app.add_subcommand(
      "verify", "Check a proof bundle without a connection, against nothing but a trust file");
  const auto options = std::make_shared<VerifyOptions>();
  verify->add_option("bundle", options->bundle, "File of the bundle")->required();
  CLI::Option* trust = verify->add_option("--trust", options->trust, "Trust file of the network");
  verify->add_option("--platform", options->platform, "Folder of a platform, for its trust file")
      ->excludes(trust)
      ->capture_default_str();
  CLI::Option* key = verify->add_option("--key", options->key, "The bundle must be about this key");
  verify->add_option("--unlock", options->unlock, "The bundle must be about this unlock's key")
      ->excludes(key);
  verify->add_option("--value", options->value, "The key must have this value");
  verify
      ->add_option("--since-cycle", options->since_cycle,
                   "The key must have been unused from this cycle on: the asset's birth")
      ->capture_default_str();
  verify->footer("Exit code 1 if the bundle is invalid.");
  verify->callback([&shell, options] { shell.exit = Verify(shell, *options); });
}

}  // namespace groat::commands
