#include "tools/groat/commands/keys_command.h"

#include <ctime>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "tools/groat/commands/consensus_flags.h"
#include "tools/groat/commands/network.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/platform/platform_file.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

constexpr int64_t kDaySeconds = 24 * 3600;
constexpr uint32_t kMaxDays = 3650;

struct KeysOptions {
  std::string folder;
  std::string platform = kDefaultPlatform;
  std::string name;
  bool signing = false;
  bool ledger_signing = false;
  uint32_t days = 365;
  keys::NetworkPlan plan;
};

CertificateValidity ValidFor(uint32_t days) {
  const int64_t now_s = std::time(nullptr);
  // An hour back: clocks differ.
  return {now_s - 3600, now_s + days * kDaySeconds};
}

ExitCode Show(const Shell& shell, const std::string& folder) {
  const absl::StatusOr<std::vector<keys::KeyListing>> listings = keys::ListKeys(folder);
  if (!listings.ok()) return shell.Fail(listings.status());
  const absl::StatusOr<asset::Trust> trust = keys::ReadTrust(keys::NetworkFolder(folder).Trust());
  Json value;
  value["folder"] = folder;
  std::string text;
  if (trust.ok()) {
    value["ledger_id"] = trust->ledger_id.Hex();
    text = absl::StrCat("ledger id  ", trust->ledger_id.Hex(), "\n\n");
  } else if (!absl::IsNotFound(trust.status())) {
    return shell.Fail(trust.status());
  }
  value["keys"] = Json::array();
  terminal::Table table(
      {{"file"}, {"kind"}, {"name"}, {"public key or its SHA-256"}, {"valid until"}, {"hosts"}});
  for (const keys::KeyListing& listing : *listings) {
    Json item = {{"file", listing.file}, {"kind", listing.kind}, {"name", listing.name}};
    std::string until;
    if (listing.not_after_s == 0) {
      item["public_key"] = listing.public_key;
    } else {
      item["public_key_sha256"] = listing.public_key_sha256;
      until = terminal::Time(static_cast<uint64_t>(listing.not_after_s) * 1000).substr(0, 16);
      item["hosts"] = listing.hosts;
      item["not_after_s"] = listing.not_after_s;
    }
    value["keys"].push_back(std::move(item));
    table.AddRow({listing.file, listing.kind, listing.name,
                  listing.public_key + listing.public_key_sha256, until,
                  absl::StrJoin(listing.hosts, ",")});
  }
  shell.Print(value, text + table.Format());
  return ExitCode::kOk;
}

ExitCode MakeNetwork(const Shell& shell, KeysOptions& options) {
  options.plan.validity = ValidFor(options.days);
  const absl::StatusOr<asset::Trust> trust = keys::CreateNetwork(options.folder, options.plan);
  if (absl::IsInvalidArgument(trust.status())) return shell.Fail(trust.status(), ExitCode::kUsage);
  if (!trust.ok()) return shell.Fail(trust.status());
  return Show(shell, options.folder);
}

// The public key.
absl::StatusOr<std::string> MakeSigningKey(const keys::NetworkFolder& folder,
                                           const KeysOptions& options) {
  if (options.ledger_signing) {
    GROAT_ASSIGN_OR_RETURN(const bls::Registration registration,
                           keys::CreateLedgerSigningKey(folder, options.name));
    return registration.key.Encode().Hex();
  }
  GROAT_ASSIGN_OR_RETURN(const Ed25519PublicKey key, keys::CreateSigningKey(folder, options.name));
  return key.Hex();
}

ExitCode MakeKey(const Shell& shell, const KeysOptions& options) {
  const keys::NetworkFolder folder(options.folder);
  Json value = {{"name", options.name}};
  std::string text;
  if (options.signing || options.ledger_signing) {
    const absl::StatusOr<std::string> key = MakeSigningKey(folder, options);
    if (!key.ok()) return shell.Fail(key.status());
    value["public_key"] = *key;
    value["files"] = {folder.SigningKey(options.name).string(),
                      folder.SigningPublicKey(options.name).string()};
    text = absl::StrCat(options.name, " signs with ", *key, "\n");
  } else {
    const CertificateSubject subject = keys::SubjectFor(options.name, options.plan.hosts);
    const absl::Status status = keys::IssueCertificate(folder, subject, ValidFor(options.days));
    if (!status.ok()) return shell.Fail(status);
    value["files"] = {folder.Certificate(options.name).string(), folder.Key(options.name).string()};
    text = absl::StrCat("wrote ", folder.Certificate(options.name).string(), " and ",
                        folder.Key(options.name).string(), "\n");
  }
  shell.Print(value, text);
  return ExitCode::kOk;
}

void AddDays(CLI::App& app, KeysOptions& options) {
  app.add_option("--days", options.days, "Days that certificates are valid")
      ->check(CLI::Range(1u, kMaxDays))
      ->capture_default_str();
}

void AddNetwork(CLI::App& keys_app, Shell& shell, const std::shared_ptr<KeysOptions>& options) {
  CLI::App* app = keys_app.add_subcommand(
      "network", "Make all keys of a network: authority, certificates, signing keys, trust file");
  app->add_option("--out", options->folder, "New folder for the keys")->required();
  app->add_option("--ledger-nodes", options->plan.ledger_nodes, "Number of ledger nodes")
      ->capture_default_str();
  app->add_option("--etcd-members", options->plan.etcd_members,
                  "Number of etcd members; 0 for an embedded register")
      ->capture_default_str();
  app->add_option("--relay-id", options->plan.relay_id, "Number of the relay network, from 1")
      ->capture_default_str();
  app->add_option("--shard-bits", options->plan.shard_bits, "The relay has 2^N shards")
      ->capture_default_str();
  app->add_option("--period-cycles", options->plan.period_cycles,
                  "Cycles that share one trie; 0: the first period never ends")
      ->capture_default_str();
  app->add_option("--consensus", options->plan.consensus.replicas,
                  "Number of consensus replicas, 0 to 64; 0 for none")
      ->capture_default_str();
  AddPlanFlags(*app, "--consensus-", options->plan.consensus);
  app->add_option("--hosts", options->plan.hosts,
                  "DNS names and IP addresses for every certificate beside localhost; a,b or "
                  "repeated")
      ->delimiter(',');
  AddDays(*app, *options);
  app->footer("Nothing is ever overwritten: the folder must be new or empty.");
  app->callback([&shell, options] { shell.exit = MakeNetwork(shell, *options); });
}

void AddNew(CLI::App& keys_app, Shell& shell, const std::shared_ptr<KeysOptions>& options) {
  CLI::App* app = keys_app.add_subcommand(
      "new", "Make one more certificate by a folder's authority, or a signing key");
  app->add_option("name", options->name, "Name of the file and in the certificate")->required();
  app->add_option("--out", options->folder, "Folder of keys")->required();
  CLI::Option* const signing =
      app->add_flag("--signing", options->signing,
                    "A relay's signing key pair (Ed25519) instead of a certificate");
  app->add_flag("--ledger-signing", options->ledger_signing,
                "A ledger node's signing key pair (BLS) with its proof of possession")
      ->excludes(signing);
  app->add_option("--hosts", options->plan.hosts, "Further DNS names and IP addresses")
      ->delimiter(',');
  AddDays(*app, *options);
  app->callback([&shell, options] { shell.exit = MakeKey(shell, *options); });
}

}  // namespace

void AddKeysCommand(CLI::App& app, Shell& shell) {
  CLI::App* keys_app = app.add_subcommand("keys", "Make and show keys and certificates");
  keys_app->require_subcommand(1);
  const auto options = std::make_shared<KeysOptions>();
  AddNetwork(*keys_app, shell, options);
  AddNew(*keys_app, shell, options);
  AddValidatorKeys(*keys_app, shell);
  CLI::App* show = keys_app->add_subcommand("show", "Show the public part of a folder of keys");
  show->add_option("folder", options->folder, "Folder of keys; default: the platform's");
  show->add_option("--platform", options->platform, "Folder of a platform")->capture_default_str();
  show->callback([&shell, options] {
    const std::string folder =
        options->folder.empty() ? platform::KeysPath(options->platform).string() : options->folder;
    shell.exit = Show(shell, folder);
  });
}

}  // namespace groat::commands
