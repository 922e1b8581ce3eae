#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/network.h"
#include "tools/groat/commands/update_source.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/terminal/progress.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

namespace v1 = relay::v1;

// Bounds of the relay's contract.
constexpr uint32_t kMaxBatch = 10'000;
constexpr size_t kMaxRandom = 1'000'000;

struct SubmitOptions {
  NetworkOptions network;
  std::string unlock;
  std::string value;
  std::string file;
  uint32_t random = 0;
  std::string wait = "accepted";
  uint32_t batch = 1000;
};

const std::map<std::string, v1::WaitLevel>& WaitLevels() {
  static const auto* const kLevels =
      new std::map<std::string, v1::WaitLevel>{{"accepted", v1::WAIT_LEVEL_ACCEPTED},
                                               {"included", v1::WAIT_LEVEL_INCLUDED},
                                               {"anchored", v1::WAIT_LEVEL_ANCHORED}};
  return *kLevels;
}

const char* OutcomeName(v1::UpdateOutcome outcome) {
  switch (outcome) {
    case v1::UPDATE_OUTCOME_ACCEPTED:
      return "accepted";
    case v1::UPDATE_OUTCOME_REPEATED:
      return "repeated";
    case v1::UPDATE_OUTCOME_DOUBLE_SPEND:
      return "double spend";
    default:
      return "unknown";
  }
}

absl::StatusOr<std::vector<record::Update>> ReadUpdates(const SubmitOptions& options) {
  if (options.random > 0) return RandomUpdates(options.random);
  if (!options.unlock.empty()) {
    record::Update update;
    GROAT_ASSIGN_OR_RETURN(update.unlock, Bytes32::FromHexText(options.unlock, "--unlock"));
    GROAT_ASSIGN_OR_RETURN(update.value, Bytes32::FromHexText(options.value, "--value"));
    return std::vector<record::Update>{update};
  }
  if (options.file == "-") {
    const std::string text((std::istreambuf_iterator<char>(std::cin)),
                           std::istreambuf_iterator<char>());
    return ParseUpdates(text, "standard input");
  }
  std::ifstream in(options.file, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(options.file, ": cannot be read"));
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return ParseUpdates(text, options.file);
}

// Counts of outcomes, and lines for people and programs.
class Results {
 public:
  explicit Results(const Shell& shell) : shell_(shell) {}

  void Add(const record::Update& update, const v1::UpdateResult& result) {
    ++counts_[result.outcome()];
    const std::string key = ToHex(AsBytes(result.key()));
    Json item = {{"outcome", OutcomeName(result.outcome())},
                 {"key", key},
                 {"cycle", result.cycle()},
                 {"unlock", update.unlock.Hex()},
                 {"value", update.value.Hex()}};
    std::string text =
        absl::StrCat(OutcomeName(result.outcome()), "  cycle ", result.cycle(), "  key ", key);
    if (result.outcome() == v1::UPDATE_OUTCOME_DOUBLE_SPEND) {
      const std::string standing = ToHex(AsBytes(result.standing_value()));
      item["standing_value"] = standing;
      absl::StrAppend(&text, "  standing value ", standing);
    }
    shell_.PrintItem(item, text + "\n");
  }

  uint64_t Count(v1::UpdateOutcome outcome) const {
    const auto found = counts_.find(outcome);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  const Shell& shell_;
  std::map<v1::UpdateOutcome, uint64_t> counts_;
};

void PrintAnchor(const Shell& shell, const v1::SubmitUpdatesResponse& response) {
  if (shell.json || response.blocks().empty()) return;
  const uint64_t first = response.blocks(0).height();
  const uint64_t last = response.blocks(response.blocks_size() - 1).height();
  shell.PrintItem(Json(), absl::StrCat("anchored in blocks ", first, " to ", last,
                                       ", checkpoint at ", response.checkpoint().height(), "\n"));
}

ExitCode Submit(Shell& shell, const SubmitOptions& options) {
  const absl::StatusOr<std::vector<record::Update>> updates = ReadUpdates(options);
  if (absl::IsNotFound(updates.status())) return shell.Fail(updates.status());
  if (!updates.ok()) return shell.Fail(updates.status(), ExitCode::kUsage);
  const absl::StatusOr<Network> network = Network::Open(options.network, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const absl::StatusOr<std::unique_ptr<client::RelayClient>> relay =
      network->Relay(shell.cancellation);
  if (!relay.ok()) return shell.Fail(relay.status());

  terminal::Progress progress(terminal::IsTerminal() && updates->size() > options.batch);
  Results results(shell);
  const std::vector<size_t> starts = CutBatches(*updates, options.batch);
  for (size_t i = 0; i < starts.size(); ++i) {
    const size_t end = i + 1 < starts.size() ? starts[i + 1] : updates->size();
    v1::SubmitUpdatesRequest request;
    request.set_wait(WaitLevels().at(options.wait));
    request.set_omit_proofs(true);
    for (size_t at = starts[i]; at < end; ++at) {
      v1::Update* update = request.add_updates();
      update->set_unlock(ToString((*updates)[at].unlock));
      update->set_value(ToString((*updates)[at].value));
    }
    const absl::StatusOr<v1::SubmitUpdatesResponse> response = (*relay)->Submit(request);
    progress.Clear();
    if (!response.ok()) {
      return shell.Fail(
          absl::Status(response.status().code(),
                       absl::StrCat(std::string(response.status().message()), " (", starts[i],
                                    " of ", updates->size(), " updates were answered before)")));
    }
    if (static_cast<size_t>(response->results_size()) != end - starts[i]) {
      return shell.Fail(absl::InternalError(absl::StrCat(
          "the relay gave ", response->results_size(), " results, want ", end - starts[i])));
    }
    for (int at = 0; at < response->results_size(); ++at) {
      results.Add((*updates)[starts[i] + static_cast<size_t>(at)], response->results(at));
    }
    PrintAnchor(shell, *response);
    progress.Update(static_cast<double>(end) / static_cast<double>(updates->size()),
                    absl::StrCat(terminal::Grouped(end), " updates"));
  }
  const uint64_t refused = results.Count(v1::UPDATE_OUTCOME_DOUBLE_SPEND);
  if (updates->size() > 1 && !shell.json) {
    shell.PrintItem(Json(), absl::StrCat(results.Count(v1::UPDATE_OUTCOME_ACCEPTED), " accepted, ",
                                         results.Count(v1::UPDATE_OUTCOME_REPEATED), " repeated, ",
                                         refused, " double spends\n"));
  }
  return refused == 0 ? ExitCode::kOk : ExitCode::kNo;
}

}  // namespace

void AddSubmitCommand(CLI::App& app, Shell& shell) {
  CLI::App* submit = app.add_subcommand("submit", "Submit updates to a relay");
  const auto options = std::make_shared<SubmitOptions>();
  CLI::Option* unlock =
      submit->add_option("--unlock", options->unlock, "The unlock, 64 hexadecimal digits");
  CLI::Option* value =
      submit->add_option("--value", options->value, "The value, 64 hexadecimal digits");
  unlock->needs(value);
  value->needs(unlock);
  CLI::Option* random =
      submit->add_option("--random", options->random, "Submit so many updates made up at random")
          ->check(CLI::Range(size_t{1}, kMaxRandom))
          ->excludes(unlock);
  CLI::Option* file = submit->add_option("file", options->file,
                                         "CSV (unlock,value) or JSON lines; - for standard input");
  file->excludes(unlock)->excludes(random);
  submit->add_option("--wait", options->wait, "When to be answered: accepted, included, anchored")
      ->check(CLI::IsMember(WaitLevels()))
      ->capture_default_str();
  submit->add_option("--batch", options->batch, "Updates in one call")
      ->check(CLI::Range(1u, kMaxBatch))
      ->capture_default_str();
  AddNetworkFlags(*submit, options->network);
  submit->footer(
      "The same update again is answered as the first time. Exit code 1 if any update was a double "
      "spend.");
  submit->callback([&shell, options, unlock, random, file] {
    if (unlock->count() + random->count() + file->count() == 0) {
      shell.exit = shell.Usage("name a file, --unlock and --value, or --random");
      return;
    }
    shell.exit = Submit(shell, *options);
  });
}

}  // namespace groat::commands
