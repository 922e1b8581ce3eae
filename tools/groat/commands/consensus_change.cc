// `groat consensus change` and `groat consensus approve`.
//
//   change    made of public files, or read ->  consents asked of the replicas, or read
//             ->  ordered when a quorum consents  ->  waited for until its epoch runs
//   approve   one operator's consent into a file, for whoever orders the change
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/bytes.h"
#include "base/status_macros.h"
#include "tools/groat/commands/change_file.h"
#include "tools/groat/commands/consensus_command.h"
#include "tools/groat/commands/genesis_text.h"
#include "tools/groat/commands/replica_status.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/keys/validator_file.h"
#include "tools/groat/terminal/progress.h"
#include "tools/groat/terminal/table.h"
#include "wire/common.h"

namespace groat::commands {
namespace {

namespace v1 = consensus::v1;
using hotstuff::Epoch;
using hotstuff::Height;
using hotstuff::ValidatorChange;
using std::chrono::milliseconds;

constexpr uint64_t kDefaultLeadBlocks = 100;
constexpr milliseconds kPollInterval{200};

struct ChangeOptions {
  SharedNetworkOptions network;
  std::vector<std::string> validators;  // Public files.
  std::string change;                   // A change file, instead.
  std::vector<std::string> approvals;   // Files.
  uint64_t last_height = 0;             // 0: `lead` above the last committed block.
  uint64_t lead = kDefaultLeadBlocks;
  std::string out;
};

// The network as the replicas say, and the keys to check what they sign with.
struct Chain {
  Network network;
  std::unique_ptr<client::ConsensusClient> any;
  client::ValidatorSets sets;
  Epoch epoch;    // The highest that a replica is in,
  Height height;  // and the highest committed height.
};

absl::StatusOr<Chain> OpenChain(Shell& shell, const NetworkOptions& options) {
  GROAT_ASSIGN_OR_RETURN(Network network, Network::Open(options, keys::kAdminName));
  GROAT_ASSIGN_OR_RETURN(auto any, network.Consensus(shell.cancellation));
  GROAT_ASSIGN_OR_RETURN(client::ValidatorSets sets, ValidatorSetsOf(network, *any));
  Epoch epoch;
  Height height;
  absl::Status last = absl::OkStatus();
  bool answered = false;
  for (const ReplicaAnswer& answer : AskReplicas(shell, network)) {
    if (!answer.status.ok()) {
      last = absl::UnavailableError(
          absl::StrCat(answer.endpoint, ": ", std::string(answer.status.status().message())));
      continue;
    }
    if (answer.status->chain_id() != ToString(sets.chain())) {
      return absl::FailedPreconditionError(absl::StrCat(answer.endpoint, " is of chain ",
                                                        ToHex(AsBytes(answer.status->chain_id())),
                                                        ", the genesis of ", sets.chain().Hex()));
    }
    answered = true;
    epoch = std::max(epoch, Epoch(answer.status->epoch()));
    height = std::max(height, Height(answer.status->committed_height()));
  }
  if (!answered) return last;
  return Chain{std::move(network), std::move(any), std::move(sets), epoch, height};
}

absl::StatusOr<ValidatorChange> MakeChange(const ChangeOptions& options, const Chain& chain) {
  if (!options.change.empty()) return ReadChange(options.change);
  ValidatorChange change;
  change.next = chain.epoch.Next();
  change.last_height =
      Height(options.last_height != 0 ? options.last_height : chain.height.value() + options.lead);
  GROAT_ASSIGN_OR_RETURN(
      const std::vector<keys::NamedValidator> validators,
      keys::ReadValidators(options.validators, chain.sets.genesis().certificates));
  for (const keys::NamedValidator& validator : validators) {
    change.validators.push_back(validator.keys);
  }
  return change;
}

// What a change does to the validators of the epoch before.
struct Difference {
  std::vector<std::string> added;  // Public keys.
  std::vector<std::string> removed;
};

Difference DifferenceOf(const ValidatorChange& change, const client::ValidatorSet& now) {
  std::set<std::string> before;
  for (const hotstuff::Validator& validator : now.validators) before.insert(validator.key.Hex());
  Difference out;
  for (const hotstuff::Validator& validator : change.validators) {
    if (before.erase(validator.key.Hex()) == 0) out.added.push_back(validator.key.Hex());
  }
  out.removed.assign(before.begin(), before.end());
  return out;
}

void Describe(const ValidatorChange& change, const client::ValidatorSet& now, const Hash& digest,
              Json& value, std::string& text) {
  const Difference difference = DifferenceOf(change, now);
  const size_t n = change.validators.size();
  value["change"] = digest.Hex();
  value["epoch"] = change.next.value();
  value["last_height"] = change.last_height.value();
  value["validators"] = Json::array();
  for (const hotstuff::Validator& validator : change.validators) {
    value["validators"].push_back(validator.key.Hex());
  }
  value["added"] = difference.added;
  value["removed"] = difference.removed;
  absl::StrAppend(&text, "change ", digest.Hex(), "\nepoch ", change.next.value(),
                  " begins after block ", change.last_height.value(), " with ", n,
                  " validators, of whom ", hotstuff::FaultsOf(n), " may be faulty\n");
  for (size_t i = 0; i < n; ++i) {
    const std::string key = change.validators[i].key.Hex();
    const bool added =
        std::find(difference.added.begin(), difference.added.end(), key) != difference.added.end();
    absl::StrAppend(&text, "  ", i, "  ", key, added ? "  added" : "", "\n");
  }
  for (const std::string& key : difference.removed) {
    absl::StrAppend(&text, "  -  ", key, "  removed\n");
  }
  if (const std::string warning = FewReplicasWarning(n); !warning.empty()) {
    value["warning"] = warning;
    absl::StrAppend(&text, "WARNING: ", warning, "\n");
  }
}

// Asks every replica that has not approved yet; says on standard error who does not.
void CollectApprovals(Shell& shell, const Chain& chain, const ValidatorChange& change,
                      const client::ValidatorSet& now, const Hash& digest, Approvals& approvals) {
  const auto complain = [&](const std::string& endpoint, absl::string_view what) {
    shell.Fail(absl::UnknownError(absl::StrCat(endpoint, " does not approve: ", what)));
  };
  for (size_t i = 0; i < chain.network.consensus().size(); ++i) {
    const std::string& endpoint = chain.network.consensus()[i];
    const auto replica = chain.network.Replica(i, shell.cancellation);
    const auto response = replica.ok()
                              ? (*replica)->ApproveChange(change)
                              : absl::StatusOr<v1::ApproveChangeResponse>(replica.status());
    if (!response.ok()) {
      complain(endpoint, response.status().message());
      continue;
    }
    const ByteView share = wire::View(response->share());
    const hotstuff::SignedShare signed_share{
        hotstuff::ReplicaIndex(static_cast<uint16_t>(response->signer())), digest,
        Bytes(share.begin(), share.end())};
    if (response->signer() >= now.validators.size() || !now.scheme->VerifyShare(signed_share)) {
      complain(endpoint,
               absl::StrCat("its signature as validator ", response->signer(), " is wrong"));
      continue;
    }
    approvals[response->signer()] = signed_share.share;
  }
}

absl::StatusOr<Approvals> ReadAllApprovals(const ChangeOptions& options, const Hash& digest,
                                           const client::ValidatorSet& now) {
  Approvals out;
  for (const std::string& path : options.approvals) {
    GROAT_ASSIGN_OR_RETURN(const Approvals some, ReadApprovals(path, digest));
    for (const auto& [signer, share] : some) {
      const hotstuff::ReplicaIndex index(static_cast<uint16_t>(signer));
      if (signer >= now.validators.size() || !now.scheme->VerifyShare({index, digest, share})) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": the share of signer ", signer, " is wrong"));
      }
      out[signer] = share;
    }
  }
  return out;
}

// At the first replica that takes it: one that is no validator, or of another operator, does not.
absl::StatusOr<v1::ChangeValidatorsResponse> Order(Shell& shell, const Chain& chain,
                                                   const ValidatorChange& change,
                                                   const Approvals& approvals) {
  v1::ChangeValidatorsRequest request;
  request.set_change(ToString(change.Encode()));
  for (const auto& [signer, share] : approvals) {
    v1::ChangeShare* const one = request.add_shares();
    one->set_signer(signer);
    one->set_share(ToString(share));
  }
  absl::Status last = absl::NotFoundError("no replica");
  for (size_t i = 0; i < chain.network.consensus().size(); ++i) {
    GROAT_ASSIGN_OR_RETURN(const auto replica, chain.network.Replica(i, shell.cancellation));
    const auto response = replica->ChangeValidators(request);
    if (response.ok() || absl::IsInvalidArgument(response.status())) return response;
    last = response.status();
  }
  return last;
}

// Until every replica that answers is in the epoch. DeadlineExceeded if no block was committed for
// as long as a call may take.
absl::Status WaitForEpoch(Shell& shell, const Chain& chain, const ValidatorChange& change,
                          milliseconds patience) {
  terminal::Progress progress(terminal::IsTerminal());
  uint64_t highest = 0;
  auto moved = std::chrono::steady_clock::now();
  for (;;) {
    size_t there = 0;
    size_t answered = 0;
    for (const ReplicaAnswer& answer : AskReplicas(shell, chain.network)) {
      if (!answer.status.ok()) continue;
      ++answered;
      if (answer.status->epoch() >= change.next.value()) ++there;
      if (answer.status->committed_height() <= highest) continue;
      highest = answer.status->committed_height();
      moved = std::chrono::steady_clock::now();
    }
    if (answered > 0 && there == answered) return absl::OkStatus();
    progress.Update(static_cast<double>(highest) / static_cast<double>(change.last_height.value()),
                    absl::StrCat("height ", highest, " of ", change.last_height.value()));
    if (std::chrono::steady_clock::now() - moved > patience) {
      return absl::DeadlineExceededError(absl::StrCat(
          there, " of ", answered, " replicas that answer are in epoch ", change.next.value(),
          "; no block was committed for ", patience.count() / 1000, " s at height ", highest));
    }
    if (!shell.cancellation.Sleep(kPollInterval)) return absl::CancelledError("cancelled");
  }
}

ExitCode Refused(const Shell& shell, const absl::Status& status) {
  const bool refused = absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status) ||
                       absl::IsPermissionDenied(status);
  return shell.Fail(status, refused ? ExitCode::kNo : ExitCode::kUnknown);
}

// From the consents on.
ExitCode Carry(Shell& shell, const ChangeOptions& options, const Chain& chain,
               const ValidatorChange& change, const client::ValidatorSet& now) {
  const Hash digest = hotstuff::ChangeDigest(change, chain.sets.chain());
  absl::StatusOr<Approvals> approvals = ReadAllApprovals(options, digest, now);
  if (!approvals.ok()) return shell.Fail(approvals.status(), ExitCode::kUsage);
  const size_t want = hotstuff::QuorumOf(now.validators.size());
  if (approvals->size() < want) {
    CollectApprovals(shell, chain, change, now, digest, *approvals);
  }
  if (approvals->size() < want) {
    return shell.Fail(
        absl::FailedPreconditionError(absl::StrCat(
            approvals->size(), " of ", now.validators.size(), " validators approve, want ", want,
            "; operators of others make their consent with `groat consensus approve`")),
        ExitCode::kNo);
  }
  const auto ordered = Order(shell, chain, change, *approvals);
  if (!ordered.ok()) return Refused(shell, ordered.status());
  const absl::Status there = WaitForEpoch(shell, chain, change, options.network->timeout());
  if (!there.ok()) return shell.Fail(there);
  Json value;
  std::string text;
  Describe(change, now, digest, value, text);
  value["approvals"] = approvals->size();
  value["ordered_height"] = ordered->position().height();
  shell.Print(value, absl::StrCat(text, "approved by ", approvals->size(), ", ordered at height ",
                                  ordered->position().height(), "; epoch ", change.next.value(),
                                  " runs\n"));
  return ExitCode::kOk;
}

ExitCode Change(Shell& shell, const ChangeOptions& options) {
  if (options.validators.empty() == options.change.empty()) {
    return shell.Usage("name the new validators' files with --validators, or a change file");
  }
  absl::StatusOr<Chain> chain = OpenChain(shell, *options.network);
  if (!chain.ok()) return shell.Fail(chain.status());
  const absl::StatusOr<ValidatorChange> change = MakeChange(options, *chain);
  if (!change.ok()) return shell.Fail(change.status());
  absl::Status sound = hotstuff::CheckNewValidators(*change, chain->sets.genesis());
  if (!sound.ok()) return shell.Fail(sound, ExitCode::kUsage);
  const auto now = chain->sets.Of(change->next.Previous());
  if (!now.ok()) return shell.Fail(now.status());
  if (options.out.empty()) return Carry(shell, options, *chain, *change, **now);
  const absl::Status written = WriteChange(options.out, *change);
  if (!written.ok()) return shell.Fail(written);
  Json value;
  std::string text;
  Describe(*change, **now, hotstuff::ChangeDigest(*change, chain->sets.chain()), value, text);
  value["file"] = options.out;
  shell.Print(value, absl::StrCat(text, "wrote ", options.out, "\n"));
  return ExitCode::kOk;
}

ExitCode Approve(Shell& shell, const ChangeOptions& options) {
  absl::StatusOr<Chain> chain = OpenChain(shell, *options.network);
  if (!chain.ok()) return shell.Fail(chain.status());
  const absl::StatusOr<ValidatorChange> change = ReadChange(options.change);
  if (!change.ok()) return shell.Fail(change.status());
  const auto now = chain->sets.Of(change->next.Previous());
  if (!now.ok()) return shell.Fail(now.status());
  const Hash digest = hotstuff::ChangeDigest(*change, chain->sets.chain());
  Json value;
  std::string text;
  Describe(*change, **now, digest, value, text);
  if (options.out.empty()) {
    shell.Print(value, text + "nothing is approved; do it with --out FILE\n");
    return ExitCode::kOk;
  }
  Approvals approvals;
  CollectApprovals(shell, *chain, *change, **now, digest, approvals);
  if (approvals.empty()) return ExitCode::kNo;  // Each has said why.
  const absl::Status written = WriteApprovals(options.out, digest, approvals);
  if (!written.ok()) return shell.Fail(written);
  std::vector<uint32_t> signers;
  for (const auto& [signer, share] : approvals) signers.push_back(signer);
  value["signers"] = signers;
  value["file"] = options.out;
  shell.Print(value, absl::StrCat(text, "approved by validator ", absl::StrJoin(signers, ", "),
                                  "; wrote ", options.out, "\n"));
  return ExitCode::kOk;
}

}  // namespace

void AddConsensusChange(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network) {
  CLI::App* change = consensus.add_subcommand(
      "change", "Replace the validators: make the change, collect consents, order it, wait for it");
  const auto options = std::make_shared<ChangeOptions>();
  options->network = network;
  CLI::Option* const file =
      change->add_option("file", options->change, "A change that --out wrote");
  change
      ->add_option(
          "--validators", options->validators,
          "Public files (NAME.validator.json) of all new validators in their order; a,b or "
          "repeated")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->excludes(file);
  CLI::Option* const last = change->add_option("--last-height", options->last_height,
                                               "The last block of the validators of now");
  change
      ->add_option("--lead", options->lead,
                   "Blocks from the last committed one to that, instead of --last-height")
      ->check(CLI::Range(hotstuff::kChangeNoticeBlocks + 1, hotstuff::kChangeLeadBlocks))
      ->capture_default_str()
      ->excludes(last);
  change
      ->add_option("--approvals", options->approvals,
                   "Files of `groat consensus approve`; a,b or repeated")
      ->allow_extra_args(false)
      ->delimiter(',');
  change->add_option("--out", options->out, "Only write the change to this new file");
  change->footer(
      "Consents are asked of all replicas that let us, and n - f are needed; those of others come\n"
      "in files. An ordered change cannot be taken back. Exit code 1 if it is refused.");
  change->callback([&shell, options] { shell.exit = Change(shell, *options); });

  CLI::App* approve = consensus.add_subcommand(
      "approve",
      "Show a change of validators, and with --out consent to it with our replica's key");
  const auto approval = std::make_shared<ChangeOptions>();
  approval->network = network;
  approve->add_option("file", approval->change, "The change, of `groat consensus change --out`")
      ->required();
  approve->add_option("--out", approval->out, "Consent, and write the consent to this new file");
  approve->callback([&shell, approval] { shell.exit = Approve(shell, *approval); });
}

}  // namespace groat::commands
