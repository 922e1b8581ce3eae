// A day of retail payments in about a minute, through real processes, with one of them killed half
// way; and the proof afterwards that nothing was lost.
//
// Blocks the caller; single owner.
#ifndef GROAT_TOOLS_GROAT_DEMO_DEMO_H_
#define GROAT_TOOLS_GROAT_DEMO_DEMO_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/groat/demo/final_audit.h"
#include "tools/groat/demo/replay.h"
#include "tools/groat/demo/report.h"
#include "tools/groat/platform/platform.h"
#include "tools/groat/terminal/progress.h"

namespace groat::demo {

struct DemoOptions {
  platform::PlatformOptions platform;  // Its folder must be there or can be made.
  std::vector<payments::Payment> payments;
  double seconds = 60;         // How long the day takes; above 0.
  size_t bundle_sample = 300;  // Proof bundles that are fetched and verified at the end.
  bool kill_node = true;
};

class Demo {
 public:
  Demo(DemoOptions options, terminal::Progress& progress, rpc::Cancellation& cancellation);
  ~Demo();

  // Runs all of it and stops the platform, whatever happens. An error means that it could not be
  // run or found out; what did not hold is in the report's faults.
  absl::StatusOr<DemoReport> Run();

 private:
  absl::Status RunSteps();
  absl::Status StartPlatform();
  absl::Status Connect();
  absl::Status Play();
  // On its own thread: kills the sequencer's process and waits until it serves again.
  absl::Status KillOneNode();
  void ShowProgress();
  absl::Status Audit();
  std::vector<TakenPayment> TakenPayments() const;
  std::vector<TakenPayment> BundleSample(const std::vector<TakenPayment>& taken);
  void CheckCounts(const ChainFindings& findings);
  void Fault(std::string what) { report_.faults.push_back(std::move(what)); }

  DemoOptions options_;
  terminal::Progress& progress_;
  rpc::Cancellation& cancellation_;
  DemoReport report_;
  std::unique_ptr<platform::Platform> platform_;
  asset::RelayTrust relay_trust_;
  std::unique_ptr<client::RelayClient> relay_;
  std::unique_ptr<client::LedgerClient> ledger_;
  std::vector<record::Update> updates_;
  std::vector<int64_t> arrivals_ns_;
  std::unique_ptr<Replay> replay_;
  std::vector<PaymentResult> results_;
  uint64_t keys_before_ = 0;
};

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_DEMO_H_
