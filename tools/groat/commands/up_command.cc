#include <cstdio>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/genesis_text.h"
#include "tools/groat/commands/platform_flags.h"
#include "tools/groat/platform/platform.h"
#include "tools/groat/terminal/progress.h"
#include "tools/groat/terminal/table.h"

namespace groat::commands {
namespace {

Json PlatformJson(const platform::Platform& platform) {
  Json value;
  value["folder"] = platform.plan().data_folder().string();
  value["trust"] = platform.plan().keys().Trust().string();
  value["processes"] = Json::array();
  const platform::PlatformFile& file = platform.file();
  for (const std::string& name : platform.process_names()) {
    const absl::StatusOr<platform::ProcessState> state = platform.State(name);
    value["processes"].push_back({{"name", name},
                                  {"endpoint", platform.Endpoint(name).value_or("")},
                                  {"pid", state.ok() ? state->pid : 0},
                                  {"log", platform.plan().LogFile(name).string()}});
  }
  value["relay_metrics"] = file.relay.metrics;
  value["ledger_metrics"] = Json::array();
  for (const platform::ServiceAddress& node : file.ledger) {
    value["ledger_metrics"].push_back(node.metrics);
  }
  value["consensus_metrics"] = Json::array();
  for (const platform::ConsensusAddress& replica : file.consensus) {
    value["consensus_metrics"].push_back(replica.metrics);
  }
  value["cycle_time_ms"] = file.cycle_time.count();
  value["period_cycles"] = file.period_cycles;
  value["insecure"] = file.insecure;
  return value;
}

std::string PlatformText(const platform::Platform& platform) {
  const platform::PlatformFile& file = platform.file();
  terminal::Table table({{"process"}, {"gRPC"}, {"metrics"}, {"pid"}});
  size_t node = 0;
  size_t replica = 0;
  for (const std::string& name : platform.process_names()) {
    const absl::StatusOr<platform::ProcessState> state = platform.State(name);
    std::string metrics;
    if (name.rfind("ledger", 0) == 0) metrics = file.ledger[node++].metrics;
    if (name.rfind("consensus", 0) == 0) metrics = file.consensus[replica++].metrics;
    if (name == keys::kRelayName) metrics = file.relay.metrics;
    table.AddRow({name, platform.Endpoint(name).value_or(""), metrics,
                  state.ok() ? absl::StrCat(state->pid) : ""});
  }
  const std::string cycles = file.period_cycles == 0
                                 ? "one period without end"
                                 : absl::StrCat("periods of ", file.period_cycles, " cycles");
  return absl::StrCat(table.Format(), "\ncycles of ", file.cycle_time.count(), " ms, ", cycles,
                      file.insecure ? ", plaintext" : ", mutual TLS", "\nfolder ",
                      platform.plan().data_folder().string(), ", trust file ",
                      platform.plan().keys().Trust().string(), "\nready; Ctrl-C stops it\n");
}

ExitCode Up(Shell& shell, const platform::PlatformOptions& options) {
  terminal::Progress progress(terminal::IsTerminal());
  const auto on_event = [&progress](const platform::ProcessEvent& event) {
    progress.Line(event.Text());
  };
  absl::StatusOr<std::unique_ptr<platform::Platform>> platform =
      platform::Platform::Start(options, on_event);
  if (absl::IsInvalidArgument(platform.status())) {
    return shell.Fail(platform.status(), ExitCode::kUsage);
  }
  if (!platform.ok()) return shell.Fail(platform.status());
  const size_t replicas = (*platform)->file().consensus.size();
  if (const std::string warning = FewReplicasWarning(replicas); !warning.empty()) {
    progress.Line("warning: " + warning);
  }
  absl::Status ready = (*platform)->WaitReady(shell.cancellation);
  if (ready.ok()) {
    shell.PrintItem(PlatformJson(**platform), PlatformText(**platform));
    while (shell.cancellation.Sleep(std::chrono::hours(1))) {
    }
  }
  // What runs is what the folder has, which need not be asked for again.
  progress.Line(replicas > 0 ? "stopping: relay and consensus, then ledger, then etcd"
                             : "stopping: relay, then ledger, then etcd");
  const std::vector<std::string> killed = (*platform)->Drain();
  if (!ready.ok() && !absl::IsCancelled(ready)) return shell.Fail(ready);
  return killed.empty() ? ExitCode::kOk : ExitCode::kNo;
}

}  // namespace

void AddUpCommand(CLI::App& app, Shell& shell) {
  CLI::App* up = app.add_subcommand(
      "up",
      "Run a local platform: etcd members, ledger nodes, a relay and, if asked for, replicas of\n"
      "consensus on loopback ports");
  const auto flags = std::make_shared<PlatformFlags>();
  flags->folder = "groat-data";
  AddPlatformFlags(*up, *flags);
  up->footer(
      "The folder holds keys, ports, configuration, logs and data; the next `groat up` on it\n"
      "resumes the platform. A process that dies is started again. Ctrl-C or SIGTERM drains the\n"
      "relay and the replicas, then the ledger, then etcd.");
  up->callback([&shell, flags] { shell.exit = Up(shell, ToOptions(*flags)); });
}

}  // namespace groat::commands
