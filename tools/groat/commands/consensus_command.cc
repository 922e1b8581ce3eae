// `groat consensus`: status and submit.
#include "tools/groat/commands/consensus_command.h"

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "tools/groat/commands/replica_status.h"
#include "tools/groat/keys/network_folder.h"

namespace groat::commands {
namespace {

namespace v1 = consensus::v1;

ExitCode Status(Shell& shell, const NetworkOptions& options) {
  const absl::StatusOr<Network> network = Network::Open(options, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  if (network->consensus().empty()) {
    return shell.Fail(absl::NotFoundError(
        absl::StrCat("the platform in ", options.platform,
                     " has no replicas of consensus; start one with `groat up --consensus 4`, or "
                     "name them with --replica")));
  }
  Json value;
  std::string text;
  const bool all = AppendReplicas(AskReplicas(shell, *network), value, text);
  shell.Print(value, text);
  return all ? ExitCode::kOk : ExitCode::kUnknown;
}

struct SubmitOptions {
  SharedNetworkOptions network;
  uint64_t client = 0;
  uint64_t sequence = 0;
  std::string text;
  std::string hex;
};

ExitCode Submit(Shell& shell, const SubmitOptions& options) {
  Bytes payload(options.text.begin(), options.text.end());
  if (!options.hex.empty()) {
    const absl::StatusOr<Bytes> bytes = FromHex(options.hex);
    if (!bytes.ok()) return shell.Usage(absl::StrCat("--hex: ", bytes.status().message()));
    payload = *bytes;
  }
  const absl::StatusOr<Network> network = Network::Open(*options.network, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto consensus = network->Consensus(shell.cancellation);
  if (!consensus.ok()) return shell.Fail(consensus.status());
  v1::SubmitRequest request;
  request.set_client_id(options.client);
  v1::Command* const command = request.add_commands();
  command->set_sequence(options.sequence);
  command->set_payload(ToString(payload));
  const absl::StatusOr<v1::SubmitResponse> response = (*consensus)->Submit(request);
  if (absl::IsInvalidArgument(response.status()))
    return shell.Usage(std::string(response.status().message()));
  // Refused for good, or an open question.
  const bool refused = absl::IsOutOfRange(response.status()) ||
                       absl::IsAlreadyExists(response.status()) ||
                       absl::IsFailedPrecondition(response.status());
  if (!response.ok()) {
    return shell.Fail(response.status(), refused ? ExitCode::kNo : ExitCode::kUnknown);
  }
  if (response->positions_size() != 1) {
    return shell.Fail(absl::InternalError(
        absl::StrCat("the answer has ", response->positions_size(), " positions, want 1")));
  }
  const v1::Position& position = response->positions(0);
  const bool known = position.height() != 0;
  Json value = {{"client_id", options.client}, {"sequence", options.sequence}};
  if (known) {
    value["height"] = position.height();
    value["index"] = position.index();
  }
  shell.Print(value, known ? absl::StrCat("committed at height ", position.height(), ", index ",
                                          position.index(), "\n")
                           : "committed long ago, at a height that is no longer known there\n");
  return ExitCode::kOk;
}

void AddSubmit(CLI::App& consensus, Shell& shell, const SharedNetworkOptions& network) {
  CLI::App* submit = consensus.add_subcommand(
      "submit", "Order one command of a client, wait until it is committed, print where");
  const auto options = std::make_shared<SubmitOptions>();
  options->network = network;
  submit->add_option("--client", options->client, "Who submits; 2^64 - 1 is reserved")->required();
  submit
      ->add_option("--sequence", options->sequence,
                   "Number of the command among the client's, from 1")
      ->required()
      ->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  CLI::Option* text = submit->add_option("payload", options->text, "The command, as text");
  submit->add_option("--hex", options->hex, "The command, in hexadecimal digits")->excludes(text);
  submit->footer(
      "A command is named by client and sequence and takes effect once, so it is safe to repeat.\n"
      "Exit code 1 if it is refused: the sequence is too old or has another command, or no replica "
      "that\n"
      "was asked is a validator.");
  submit->callback([&shell, options] { shell.exit = Submit(shell, *options); });
}

}  // namespace

absl::StatusOr<client::ValidatorSets> ValidatorSetsOf(const Network& network,
                                                      const client::ConsensusClient& replica) {
  absl::StatusOr<hotstuff::Genesis> genesis = network.Genesis();
  if (!genesis.ok()) return genesis.status();
  const hotstuff::ChainId chain = genesis->Chain();
  return client::ValidatorSets::Make(*std::move(genesis), [&replica, chain](hotstuff::Epoch epoch) {
    return replica.GetHandover(epoch, chain);
  });
}

void AddConsensusCommand(CLI::App& app, Shell& shell) {
  CLI::App* consensus = app.add_subcommand("consensus", "Use and operate replicas of consensus");
  consensus->require_subcommand(1);
  const auto network = std::make_shared<NetworkOptions>();
  AddConsensusFlags(*consensus, *network);
  CLI::App* status =
      consensus->add_subcommand("status", "Show where each replica stands, and the lag of each");
  status->footer("Exit code 2 if one does not answer.");
  status->callback([&shell, network] { shell.exit = Status(shell, *network); });
  AddSubmit(*consensus, shell, network);
  AddConsensusVerify(*consensus, shell, network);
  AddConsensusEvidence(*consensus, shell, network);
  AddConsensusChange(*consensus, shell, network);
  AddConsensusGenesis(*consensus, shell);
  // The flags stand before or after the name of the operation.
  for (CLI::App* operation : consensus->get_subcommands([](CLI::App*) { return true; })) {
    operation->fallthrough();
  }
}

}  // namespace groat::commands
