// `groat consensus verify` and `groat consensus evidence`: what can be checked by the genesis
// alone.
#include <set>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "hotstuff/evidence.h"
#include "tools/groat/client/chain_verifier.h"
#include "tools/groat/commands/consensus_command.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/terminal/progress.h"
#include "tools/groat/terminal/table.h"
#include "wire/common.h"

namespace groat::commands {
namespace {

namespace v1 = consensus::v1;

struct VerifyOptions {
  SharedNetworkOptions network;
  uint64_t from = 1;
  uint64_t to = 0;  // 0: the last committed height.
  bool watch = false;
};

Json ProvenJson(uint64_t from, const client::ChainVerifier::Proven& proven) {
  return {{"first_height", from},
          {"last_height", proven.height.value()},
          {"last_block", proven.block.Hex()},
          {"epoch", proven.epoch.value()},
          {"timestamp_us", proven.timestamp_us},
          {"commands", proven.commands},
          {"effective_commands", proven.effective_commands}};
}

std::string ProvenText(uint64_t from, const client::ChainVerifier::Proven& proven) {
  if (proven.height.value() < from) return "no block is proven to be committed\n";
  return absl::StrCat("blocks ", from, " to ", proven.height.value(), " are committed: epoch ",
                      proven.epoch.value(), ", last block ", proven.block.Hex(), " of ",
                      terminal::Time(proven.timestamp_us / 1000), ", ",
                      terminal::Grouped(proven.commands), " commands of which ",
                      terminal::Grouped(proven.effective_commands), " have an effect\n");
}

// What is wrong with the chain is an answer, anything else an open question.
ExitCode EndOfVerify(const Shell& shell, const VerifyOptions& options, const absl::Status& status,
                     const client::ChainVerifier& verifier, const std::string& chain) {
  if (!status.ok() && !absl::IsDataLoss(status)) return shell.Fail(status);
  Json value = {{"right", status.ok()}, {"chain_id", chain}};
  value.update(ProvenJson(options.from, verifier.proven()));
  std::string text = ProvenText(options.from, verifier.proven());
  if (!status.ok()) {
    value["error"] = std::string(status.message());
    absl::StrAppend(&text, "WRONG: ", std::string(status.message()), "\n");
  }
  shell.Print(value, text);
  return status.ok() ? ExitCode::kOk : ExitCode::kNo;
}

ExitCode Verify(Shell& shell, const VerifyOptions& options) {
  if (options.to != 0 && options.to < options.from) {
    return shell.Usage(
        absl::StrCat("--to is ", options.to, ", want ", options.from, " or more, as --from"));
  }
  const absl::StatusOr<Network> network = Network::Open(*options.network, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto replica = network->Consensus(shell.cancellation);
  if (!replica.ok()) return shell.Fail(replica.status());
  absl::StatusOr<client::ValidatorSets> sets = ValidatorSetsOf(*network, **replica);
  if (!sets.ok()) return shell.Fail(sets.status());
  client::ChainVerifier verifier(*sets, hotstuff::Height(options.from));
  uint64_t to = options.watch ? UINT64_MAX : options.to;
  if (to == 0) {
    const auto status = (*replica)->GetStatus();
    if (!status.ok()) return shell.Fail(status.status());
    to = status->committed_height();
    if (to < options.from) {
      return shell.Fail(absl::OutOfRangeError(
          absl::StrCat("--from is ", options.from, ", the last committed height is ", to)));
    }
  }
  terminal::Progress progress(terminal::IsTerminal() && !options.watch);
  const absl::Status status = (*replica)->Subscribe(
      options.from, [&](const v1::SubscribeResponse& response) -> absl::StatusOr<uint64_t> {
        const absl::Status taken = verifier.Take(response);
        if (!taken.ok()) return taken;
        const uint64_t height = verifier.proven().height.value();
        if (options.watch && !response.commit_proof().empty()) {
          shell.PrintItem(ProvenJson(options.from, verifier.proven()),
                          ProvenText(options.from, verifier.proven()));
        }
        progress.Update(static_cast<double>(height) / static_cast<double>(to),
                        absl::StrCat("height ", height));
        if (height >= to) return absl::CancelledError("all is seen");
        return verifier.next().value();
      });
  progress.Clear();
  // Being interrupted is how a watch ends.
  const bool ended = options.watch && absl::IsCancelled(status);
  return EndOfVerify(shell, options, ended ? absl::OkStatus() : status, verifier,
                     sets->chain().Hex());
}

// A proof that a replica holds, and what it is worth.
struct CheckedEvidence {
  hotstuff::Evidence evidence;
  hotstuff::Epoch epoch;
  std::string endpoint;  // Who holds it; the first one that was asked.
  absl::Status verdict;
};

Json EvidenceJson(const CheckedEvidence& found, const std::string& key) {
  Json item = {{"epoch", found.epoch.value()},
               {"replica", hotstuff::CulpritOf(found.evidence).value()},
               {"public_key", key},
               {"view", hotstuff::ViewOf(found.evidence).value()},
               {"kind", hotstuff::KindOf(found.evidence)},
               {"held_by", found.endpoint},
               {"proven", found.verdict.ok()},
               {"evidence", ToHex(hotstuff::EncodeEvidence(found.evidence))}};
  if (!found.verdict.ok()) item["error"] = std::string(found.verdict.message());
  return item;
}

ExitCode ShowEvidence(const Shell& shell, client::ValidatorSets& sets,
                      const std::vector<CheckedEvidence>& all, bool everybody_answered) {
  Json value = {{"evidence", Json::array()}};
  terminal::Table table({{"epoch", terminal::Table::Align::kRight},
                         {"replica", terminal::Table::Align::kRight},
                         {"view", terminal::Table::Align::kRight},
                         {"signed"},
                         {"verdict"},
                         {"public key"}});
  bool proven = false;
  for (const CheckedEvidence& found : all) {
    std::string key;
    const auto set = sets.Of(found.epoch);
    const size_t culprit = hotstuff::CulpritOf(found.evidence).value();
    if (set.ok() && culprit < (*set)->validators.size()) {
      key = (*set)->validators[culprit].key.Hex();
    }
    value["evidence"].push_back(EvidenceJson(found, key));
    table.AddRow({absl::StrCat(found.epoch.value()), absl::StrCat(culprit),
                  terminal::Grouped(hotstuff::ViewOf(found.evidence).value()),
                  std::string(hotstuff::KindOf(found.evidence)),
                  found.verdict.ok() ? "proven" : std::string(found.verdict.message()), key});
    proven = proven || found.verdict.ok();
  }
  shell.Print(value, all.empty() ? "no evidence against any validator\n" : table.Format());
  if (proven) return ExitCode::kNo;
  return everybody_answered ? ExitCode::kOk : ExitCode::kUnknown;
}

ExitCode Evidence(Shell& shell, const NetworkOptions& options) {
  const absl::StatusOr<Network> network = Network::Open(options, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto any = network->Consensus(shell.cancellation);
  if (!any.ok()) return shell.Fail(any.status());
  absl::StatusOr<client::ValidatorSets> sets = ValidatorSetsOf(*network, **any);
  if (!sets.ok()) return shell.Fail(sets.status());
  std::vector<CheckedEvidence> all;
  std::set<Bytes> seen;
  bool everybody_answered = true;
  for (size_t i = 0; i < network->consensus().size(); ++i) {
    const std::string& endpoint = network->consensus()[i];
    const auto replica = network->Replica(i, shell.cancellation);
    if (!replica.ok()) return shell.Fail(replica.status());
    const auto response = (*replica)->GetEvidence();
    if (!response.ok()) {
      everybody_answered = false;
      shell.Fail(absl::UnavailableError(
          absl::StrCat(endpoint, ": ", std::string(response.status().message()))));
      continue;
    }
    for (const v1::Evidence& one : response->evidence()) {
      auto evidence = hotstuff::DecodeEvidence(wire::View(one.evidence()));
      if (!evidence.ok()) {
        return shell.Fail(absl::DataLossError(absl::StrCat(
            endpoint, " shows evidence that does not parse: ", evidence.status().message())));
      }
      if (!seen.insert(hotstuff::EncodeEvidence(*evidence)).second) continue;
      CheckedEvidence found{*std::move(evidence), {}, endpoint, {}};
      found.epoch = hotstuff::EpochOf(found.evidence);
      const auto set = sets->Of(found.epoch);
      found.verdict =
          set.ok() ? hotstuff::VerifyEvidence(found.evidence, (*set)->verifier) : set.status();
      all.push_back(std::move(found));
    }
  }
  return ShowEvidence(shell, *sets, all, everybody_answered);
}

}  // namespace

void AddConsensusVerify(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network) {
  CLI::App* verify = consensus.add_subcommand(
      "verify", "Read the chain from a replica and verify it by the genesis' keys alone");
  const auto options = std::make_shared<VerifyOptions>();
  options->network = network;
  verify->add_option("--from", options->from, "First height")
      ->check(CLI::Range(uint64_t{1}, UINT64_MAX - 1))
      ->capture_default_str();
  CLI::Option* const to =
      verify->add_option("--to", options->to, "Last height [the last committed one]");
  verify->add_flag("--watch", options->watch, "Go on with each new block until interrupted")
      ->excludes(to);
  verify->footer(
      "Checked are parents, heights, times, hashes of commands, commit proofs with the keys of "
      "the\n"
      "genesis and of each handover, and from height 1 on which commands are repetitions.\n"
      "Exit code 0 if all is right, 1 if something is wrong, 2 if not all could be read.");
  verify->callback([&shell, options] { shell.exit = Verify(shell, *options); });
}

void AddConsensusEvidence(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network) {
  CLI::App* evidence = consensus.add_subcommand(
      "evidence", "Show and verify what the replicas hold against validators that broke the rules");
  evidence->footer(
      "Exit code 1 if something is proven, 2 if nothing is and a replica did not answer.");
  evidence->callback([&shell, network] { shell.exit = Evidence(shell, *network); });
}

}  // namespace groat::commands
