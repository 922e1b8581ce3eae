#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tools/groat/commands/commands.h"
#include "tools/groat/commands/platform_flags.h"
#include "tools/groat/demo/demo.h"

namespace groat::commands {
namespace {

namespace fs = std::filesystem;

// What `groat demo` runs unless told otherwise: hundreds of cycles and several periods a minute.
constexpr uint64_t kCycleTimeMs = 200;
constexpr uint64_t kPeriodCycles = 60;
constexpr double kMaxSeconds = 86'400;
constexpr uint32_t kMaxBundles = 100'000;

struct DemoFlags {
  PlatformFlags platform;
  std::string payments;
  double seconds = 60;
  uint32_t bundles = 300;
  bool keep = false;
  bool no_kill = false;
};

// The payments that come with the program: installed beside it, or in the source tree.
absl::StatusOr<fs::path> ShippedPayments() {
  const fs::path candidates[] = {
      platform::ExecutableFolder().parent_path() / "share" / "groat" / "payments.csv",
      fs::path(GROAT_PAYMENTS_FILE)};
  for (const fs::path& candidate : candidates) {
    std::error_code error;
    if (fs::is_regular_file(candidate, error)) return candidate;
  }
  return absl::NotFoundError(absl::StrCat("neither ", candidates[0].string(), " nor ",
                                          candidates[1].string(), " is there; use --payments"));
}

// A fresh folder, removed at the end unless it is to be looked at.
class TemporaryFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> Make() {
    std::error_code error;
    std::string pattern = (fs::temp_directory_path(error) / "groat-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot make the folder ", pattern));
    }
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(pattern));
  }
  ~TemporaryFolder() {
    std::error_code error;
    if (!keep_) fs::remove_all(path_, error);
  }
  void Keep() { keep_ = true; }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
  bool keep_ = false;
};

absl::StatusOr<demo::DemoOptions> ToDemoOptions(const DemoFlags& flags) {
  demo::DemoOptions options;
  options.platform = ToOptions(flags.platform);
  if (!options.platform.cycle_time.has_value()) {
    options.platform.cycle_time = std::chrono::milliseconds(kCycleTimeMs);
  }
  // A folder that was named may have a platform with other periods.
  if (!options.platform.period_cycles.has_value() && flags.platform.folder.empty()) {
    options.platform.period_cycles = kPeriodCycles;
  }
  options.seconds = flags.seconds;
  options.bundle_sample = flags.bundles;
  options.kill_node = !flags.no_kill;
  fs::path file = flags.payments;
  if (flags.payments.empty()) {
    const absl::StatusOr<fs::path> shipped = ShippedPayments();
    if (!shipped.ok()) return shipped.status();
    file = *shipped;
  }
  absl::StatusOr<std::vector<payments::Payment>> payments = payments::ReadPayments(file);
  if (!payments.ok()) return payments.status();
  options.payments = *std::move(payments);
  return options;
}

ExitCode RunDemo(Shell& shell, const DemoFlags& flags) {
  absl::StatusOr<demo::DemoOptions> options = ToDemoOptions(flags);
  if (!options.ok()) {
    return shell.Fail(options.status(), absl::IsInvalidArgument(options.status())
                                            ? ExitCode::kUsage
                                            : ExitCode::kUnknown);
  }
  std::unique_ptr<TemporaryFolder> temporary;
  if (flags.platform.folder.empty()) {
    absl::StatusOr<std::unique_ptr<TemporaryFolder>> made = TemporaryFolder::Make();
    if (!made.ok()) return shell.Fail(made.status());
    temporary = *std::move(made);
    options->platform.folder = temporary->path();
  }
  const std::string folder = options->platform.folder.string();
  terminal::Progress progress(terminal::IsTerminal());
  absl::StatusOr<demo::DemoReport> report = absl::UnknownError("not run");
  {
    demo::Demo demo(*std::move(options), progress, shell.cancellation);
    report = demo.Run();
    progress.Clear();
  }
  const bool interrupted = shell.cancellation.cancelled();
  const bool good = report.ok() && report->ok();
  if (temporary != nullptr && (flags.keep || (!good && !interrupted))) {
    temporary->Keep();
    progress.Line(absl::StrCat("kept ", folder, "; logs are in ", folder, "/logs"));
  }
  if (!report.ok()) return shell.Fail(report.status());
  shell.Print(demo::ReportJson(*report), demo::FormatReport(*report));
  return report->ok() ? ExitCode::kOk : ExitCode::kNo;
}

}  // namespace

void AddDemoCommand(CLI::App& app, Shell& shell) {
  CLI::App* demo = app.add_subcommand(
      "demo", "Play a day of retail payments through a real platform, kill a node, check it all");
  const auto flags = std::make_shared<DemoFlags>();
  demo->add_option("--payments", flags->payments,
                   "CSV of payments (tools/groat/data/README.md); default: 100,000 of one day");
  demo->add_option("--seconds", flags->seconds, "How long the day takes")
      ->check(CLI::Range(1.0, kMaxSeconds))
      ->capture_default_str();
  demo->add_option("--bundles", flags->bundles, "Proof bundles to verify offline at the end")
      ->check(CLI::Range(1u, kMaxBundles))
      ->capture_default_str();
  demo->add_flag("--no-kill", flags->no_kill, "Let every ledger node live");
  demo->add_flag("--keep", flags->keep, "Keep the temporary folder");
  AddPlatformFlags(*demo, flags->platform);
  demo->footer(
      "Without --data the platform lives in a fresh temporary folder; defaults are cycles of "
      "200ms\n"
      "and periods of 60 cycles. Half way the sequencing ledger node is killed with -9 and "
      "started\n"
      "again. Exit code 0 only if every double spend was caught, every payment is found again, "
      "all\n"
      "nodes agree and every proof verifies; otherwise it says what failed.");
  demo->callback([&shell, flags] { shell.exit = RunDemo(shell, *flags); });
}

}  // namespace groat::commands
