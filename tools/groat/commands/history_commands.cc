// `groat cycles` and `groat blocks`.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/network.h"
#include "tools/groat/keys/network_folder.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

constexpr uint32_t kMaxPage = 1000;

struct HistoryOptions {
  NetworkOptions network;
  uint64_t from = 0;
  uint32_t limit = 20;
  bool watch = false;
};

Json CycleJson(const relay::v1::CycleInfo& cycle) {
  const common::v1::RootStatement& statement = cycle.root().statement();
  return {{"cycle", statement.cycle()},
          {"period", statement.period()},
          {"root", ToHex(AsBytes(statement.root()))},
          {"leaf_count", statement.leaf_count()},
          {"new_leaf_count", statement.new_leaf_count()},
          {"block_height", cycle.block_height()},
          {"sealed_at_ms", cycle.sealed_at_ms()}};
}

std::string CycleText(const relay::v1::CycleInfo& cycle) {
  const common::v1::RootStatement& statement = cycle.root().statement();
  return absl::StrFormat("%s  cycle %6d  period %4d  +%-7d leaves %10d  block %6s  root %s\n",
                         terminal::Time(cycle.sealed_at_ms()), statement.cycle(),
                         statement.period(), statement.new_leaf_count(), statement.leaf_count(),
                         cycle.block_height() == 0 ? "-" : absl::StrCat(cycle.block_height()),
                         terminal::Short(ToHex(AsBytes(statement.root()))));
}

Json BlockJson(const record::Block& block) {
  const record::RootStatement& statement = block.root.statement;
  return {{"height", block.height.value()},
          {"id", block.Id().Hex()},
          {"previous_id", block.previous_id.Hex()},
          {"timestamp_ms", block.timestamp_ms},
          {"relay_id", statement.relay.value()},
          {"shard", statement.shard.value()},
          {"period", statement.period.value()},
          {"cycle", statement.cycle.value()},
          {"root", statement.root.Hex()},
          {"leaf_count", statement.leaf_count},
          {"new_leaf_count", statement.new_leaf_count}};
}

std::string BlockText(const record::Block& block) {
  const record::RootStatement& statement = block.root.statement;
  return absl::StrFormat("%s  block %6d  %s  %s  +%-7d root %s\n",
                         terminal::Time(block.timestamp_ms), block.height.value(),
                         terminal::Short(block.Id().Hex()), statement.Name(),
                         statement.new_leaf_count, terminal::Short(statement.root.Hex()));
}

ExitCode EndOfWatch(const Shell& shell, const absl::Status& status) {
  // Being interrupted is how a watch ends.
  return status.ok() || absl::IsCancelled(status) ? ExitCode::kOk : shell.Fail(status);
}

// The first one to show: the one asked for, or such that `limit` are shown up to the last.
uint64_t FirstShown(const HistoryOptions& options, uint64_t last) {
  if (options.from > 0) return options.from;
  return last >= options.limit ? last - options.limit + 1 : 1;
}

ExitCode Cycles(Shell& shell, const HistoryOptions& options) {
  const absl::StatusOr<Network> network = Network::Open(options.network, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto relay = network->Relay(shell.cancellation);
  if (!relay.ok()) return shell.Fail(relay.status());
  if (options.watch) {
    const absl::Status status =
        (*relay)->WatchCycles(options.from, [&shell](const relay::v1::CycleInfo& cycle) {
          shell.PrintItem(CycleJson(cycle), CycleText(cycle));
          return true;
        });
    return EndOfWatch(shell, status);
  }
  const auto status = (*relay)->GetStatus();
  if (!status.ok()) return shell.Fail(status.status());
  const auto page =
      (*relay)->ListCycles(FirstShown(options, status->last_closed_cycle()), options.limit);
  if (!page.ok()) return shell.Fail(page.status());
  Json value = Json::array();
  std::string text;
  for (const relay::v1::CycleInfo& cycle : page->cycles()) {
    value.push_back(CycleJson(cycle));
    text += CycleText(cycle);
  }
  shell.Print(value, text);
  return ExitCode::kOk;
}

ExitCode Blocks(Shell& shell, const HistoryOptions& options) {
  const absl::StatusOr<Network> network = Network::Open(options.network, keys::kClientName);
  if (!network.ok()) return shell.Fail(network.status());
  const auto ledger = network->Ledger(shell.cancellation);
  if (!ledger.ok()) return shell.Fail(ledger.status());
  if (options.watch) {
    const absl::Status status =
        (*ledger)->WatchBlocks(record::Height(options.from), [&shell](const record::Block& block) {
          shell.PrintItem(BlockJson(block), BlockText(block));
          return true;
        });
    return EndOfWatch(shell, status);
  }
  const auto head = (*ledger)->GetHead(ledger::v1::READ_MODE_LINEARIZABLE);
  if (!head.ok()) return shell.Fail(head.status());
  const uint64_t last = head->block.has_value() ? head->block->height.value() : 0;
  const auto page = (*ledger)->ListBlocks(record::Height(FirstShown(options, last)), options.limit,
                                          ledger::v1::READ_MODE_LINEARIZABLE);
  if (!page.ok()) return shell.Fail(page.status());
  Json value = Json::array();
  std::string text;
  for (const record::Block& block : *page) {
    value.push_back(BlockJson(block));
    text += BlockText(block);
  }
  shell.Print(value, text);
  return ExitCode::kOk;
}

void AddHistoryFlags(CLI::App& app, HistoryOptions& options, const char* from_help) {
  app.add_option("--from", options.from, from_help);
  app.add_option("--limit", options.limit, "How many to show")
      ->check(CLI::Range(1u, kMaxPage))
      ->capture_default_str();
  app.add_flag("--watch", options.watch, "Show each new one until interrupted");
  AddNetworkFlags(app, options.network);
}

}  // namespace

void AddCyclesCommand(CLI::App& app, Shell& shell) {
  CLI::App* cycles = app.add_subcommand("cycles", "Show a relay's closed cycles");
  const auto options = std::make_shared<HistoryOptions>();
  AddHistoryFlags(*cycles, *options, "First cycle; default: the last ones, or those to come");
  cycles->callback([&shell, options] { shell.exit = Cycles(shell, *options); });
}

void AddBlocksCommand(CLI::App& app, Shell& shell) {
  CLI::App* blocks = app.add_subcommand("blocks", "Show the ledger's blocks");
  const auto options = std::make_shared<HistoryOptions>();
  AddHistoryFlags(*blocks, *options, "First height; default: the last ones, or those to come");
  blocks->callback([&shell, options] { shell.exit = Blocks(shell, *options); });
}

}  // namespace groat::commands
