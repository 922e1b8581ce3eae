#include "tools/groat/demo/demo.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "tools/groat/terminal/table.h"

namespace groat::demo {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// After the last payment, for answers and for a node to come back.
constexpr std::chrono::seconds kPatience{60};
constexpr milliseconds kShowEvery{200};
// Bundles of so many cycles before and after the kill are "around" it.
constexpr uint64_t kAroundCycles = 8;

std::string ClockText(double share_of_day) {
  const int minutes = static_cast<int>(std::clamp(share_of_day, 0.0, 0.99999) * 24 * 60);
  return absl::StrFormat("%02d:%02d", minutes / 60, minutes % 60);
}

// A thread that is joined however its scope ends.
class Background {
 public:
  template <typename Function>
  explicit Background(Function function) : thread_(std::move(function)) {}
  ~Background() { Join(); }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

}  // namespace

Demo::Demo(DemoOptions options, terminal::Progress& progress, rpc::Cancellation& cancellation)
    : options_(std::move(options)), progress_(progress), cancellation_(cancellation) {}

Demo::~Demo() = default;

absl::StatusOr<DemoReport> Demo::Run() {
  const absl::Status status = RunSteps();
  progress_.Clear();
  if (platform_ != nullptr) {
    progress_.Line("stopping: relay, then ledger, then etcd");
    for (const std::string& name : platform_->Drain()) {
      Fault(absl::StrCat(name, " did not stop in time"));
    }
  }
  if (!status.ok()) return status;
  return report_;
}

absl::Status Demo::RunSteps() {
  GROAT_RETURN_IF_ERROR(StartPlatform());
  GROAT_RETURN_IF_ERROR(Connect());
  GROAT_RETURN_IF_ERROR(Play());
  return Audit();
}

absl::Status Demo::StartPlatform() {
  GROAT_ASSIGN_OR_RETURN(
      platform_,
      platform::Platform::Start(options_.platform, [this](const platform::ProcessEvent& event) {
        progress_.Line(event.Text());
      }));
  progress_.Update(0, "waiting until every process serves");
  return platform_->WaitReady(cancellation_);
}

absl::Status Demo::Connect() {
  const platform::PlatformFile& file = platform_->file();
  GROAT_ASSIGN_OR_RETURN(relay_trust_, platform_->trust().Relay(record::RelayId(file.relay_id)));
  const rpc::TlsConfig tls = platform_->Tls(keys::kClientName);
  GROAT_ASSIGN_OR_RETURN(relay_, client::RelayClient::Make(file.relay.listen, tls, cancellation_));
  std::vector<std::string> endpoints;
  for (const platform::ServiceAddress& node : file.ledger) endpoints.push_back(node.listen);
  // The operator's certificate, since it asks who the sequencer is.
  GROAT_ASSIGN_OR_RETURN(ledger_, client::LedgerClient::Make(
                                      endpoints, platform_->Tls(keys::kAdminName), cancellation_));
  const Bytes32 run = RandomBytes<32>();
  updates_.reserve(options_.payments.size());
  for (const payments::Payment& payment : options_.payments) {
    updates_.push_back(payments::UpdateOf(payment, run));
  }
  arrivals_ns_ = ArrivalsNs(options_.payments, options_.seconds);
  ReplayPlan plan;
  plan.updates = updates_;
  plan.arrivals_ns = arrivals_ns_;
  GROAT_ASSIGN_OR_RETURN(replay_,
                         Replay::Make(file.relay.listen, tls, relay_trust_, std::move(plan)));
  GROAT_ASSIGN_OR_RETURN(const relay::v1::GetStatusResponse status, relay_->GetStatus());
  keys_before_ = status.key_count();
  return absl::OkStatus();
}

absl::Status Demo::Play() {
  absl::Status kill_status;
  absl::Status played;
  const Clock::time_point start = Clock::now();
  {
    std::atomic<bool> done{false};
    Background show([this, &done, start] {
      while (!done && cancellation_.Sleep(kShowEvery)) {
        const double share =
            std::chrono::duration<double>(Clock::now() - start).count() / options_.seconds;
        progress_.Update(
            share, absl::StrCat(ClockText(share), "  ", terminal::Grouped(replay_->answered()),
                                " payments  cycle ", replay_->last_cycle(), "  ",
                                replay_->double_spends(), " double spends caught"));
      }
    });
    Background kill([this, &kill_status] {
      const auto half = std::chrono::duration_cast<milliseconds>(
          std::chrono::nanoseconds((arrivals_ns_.front() + arrivals_ns_.back()) / 2));
      if (options_.kill_node && cancellation_.Sleep(half)) kill_status = KillOneNode();
    });
    played = replay_->Run(cancellation_);
    if (played.ok()) {
      const absl::Status answered = replay_->WaitAnswered(kPatience, cancellation_);
      if (absl::IsCancelled(answered)) played = answered;
      // What is unanswered is counted below.
    }
    kill.Join();
    done = true;
  }
  progress_.Clear();
  GROAT_RETURN_IF_ERROR(played);
  if (!kill_status.ok()) {
    if (absl::IsCancelled(kill_status)) return kill_status;
    Fault(absl::StrCat("the killed node: ", std::string(kill_status.message())));
  }
  report_.reconnects = replay_->reconnects();
  const std::string first_error = replay_->first_error();
  if (!first_error.empty()) Fault("the relay answered: " + first_error);
  results_ = replay_->TakeResults();
  report_.seconds = static_cast<double>(arrivals_ns_.back() - arrivals_ns_.front()) / 1e9;
  report_.peak_payments_per_s = PeakPerSecond(arrivals_ns_);
  report_.payments = CheckPayments(options_.payments, updates_, results_, report_.faults);
  RecordLatencies(results_, report_);
  return absl::OkStatus();
}

absl::Status Demo::KillOneNode() {
  KillReport& kill = report_.kill;
  ledger::v1::GetClusterStatusResponse cluster;
  GROAT_RETURN_IF_ERROR(
      ledger_->Admin(kPatience, [&cluster](auto& stub, grpc::ClientContext& context) {
        return stub.GetClusterStatus(&context, ledger::v1::GetClusterStatusRequest(), &cluster);
      }));
  GROAT_ASSIGN_OR_RETURN(const relay::v1::GetStatusResponse status, relay_->GetStatus());
  kill.at_cycle = status.last_closed_cycle();
  kill.was_sequencer = cluster.has_sequencer();
  kill.name = keys::LedgerName(cluster.has_sequencer() ? cluster.sequencer() : 0);
  const Clock::time_point start = Clock::now();
  GROAT_ASSIGN_OR_RETURN(const platform::ProcessState before, platform_->State(kill.name));
  GROAT_RETURN_IF_ERROR(platform_->Kill(kill.name));
  kill.killed = true;
  // Its old connections may look alive for a moment: the new process is what is waited for.
  for (;;) {
    GROAT_ASSIGN_OR_RETURN(const platform::ProcessState now, platform_->State(kill.name));
    if (now.starts > before.starts && now.running) break;
    if (Clock::now() - start > kPatience) {
      return absl::DeadlineExceededError(absl::StrCat(kill.name, " was not started again"));
    }
    if (!cancellation_.Sleep(milliseconds(10))) return absl::CancelledError("cancelled");
  }
  GROAT_RETURN_IF_ERROR(platform_->WaitProcessReady(kill.name, kPatience, cancellation_));
  kill.served_after = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
  return absl::OkStatus();
}

std::vector<TakenPayment> Demo::TakenPayments() const {
  std::vector<TakenPayment> taken;
  for (size_t i = 0; i < results_.size(); ++i) {
    if (results_[i].outcome != Outcome::kTaken) continue;
    taken.push_back({record::KeyOfUnlock(relay_trust_.relay, updates_[i].unlock), updates_[i].value,
                     results_[i].cycle});
  }
  return taken;
}

std::vector<TakenPayment> Demo::BundleSample(const std::vector<TakenPayment>& taken) {
  std::vector<TakenPayment> around;
  for (const TakenPayment& payment : taken) {
    const uint64_t cycle = payment.cycle.value();
    if (report_.kill.killed && cycle + kAroundCycles >= report_.kill.at_cycle &&
        cycle <= report_.kill.at_cycle + kAroundCycles) {
      around.push_back(payment);
    }
  }
  std::vector<TakenPayment> sample;
  const auto draw = [&sample](const std::vector<TakenPayment>& from, size_t count) {
    if (from.empty()) return;
    for (size_t i = 0; i < count; ++i) {
      const FixedBytes<8> random = RandomBytes<8>();
      sample.push_back(from[LoadBigEndian(random.data(), random.size()) % from.size()]);
    }
  };
  const size_t around_count = around.empty() ? 0 : options_.bundle_sample / 3;
  draw(around, around_count);
  draw(taken, options_.bundle_sample - around_count);
  report_.bundles_around_kill = around_count;
  return sample;
}

void Demo::CheckCounts(const ChainFindings& findings) {
  const record::RootStatement& last = findings.cycles.back().statement;
  report_.cycles = findings.cycles.size();
  report_.periods = last.period.value() + 1;
  report_.blocks = findings.blocks.size();
  report_.ledger_nodes = findings.node_complete.size();
  report_.cycle_time_ms = static_cast<uint64_t>(platform_->file().cycle_time.count());
  uint64_t leaves = 0;
  for (const record::SignedRoot& root : findings.cycles) leaves += root.statement.new_leaf_count;
  const uint64_t want = keys_before_ + report_.payments.taken;
  if (leaves != want) {
    Fault(absl::StrCat("the cycles have ", leaves, " leaves, want ", want));
  }
  for (size_t node = 0; node < findings.node_complete.size(); ++node) {
    if (keys::LedgerName(static_cast<uint32_t>(node)) == report_.kill.name) {
      report_.kill.caught_up = findings.node_complete[node];
    }
  }
}

absl::Status Demo::Audit() {
  AuditTarget target;
  target.trust = platform_->trust();
  target.relay_trust = relay_trust_;
  target.relay = relay_.get();
  target.ledger = ledger_.get();
  for (const platform::ServiceAddress& node : platform_->file().ledger) {
    GROAT_ASSIGN_OR_RETURN(std::unique_ptr<client::LedgerClient> client,
                           client::LedgerClient::Make(
                               {node.listen}, platform_->Tls(keys::kClientName), cancellation_));
    target.nodes.push_back(std::move(client));
  }
  const FinalAudit audit(
      target, [this](double share, const std::string& text) { progress_.Update(share, text); });
  const record::Cycle last_cycle(replay_->last_cycle());
  if (last_cycle.value() == 0) return absl::UnavailableError("the relay answered no payment");
  GROAT_ASSIGN_OR_RETURN(const ChainFindings findings,
                         audit.CheckChains(last_cycle, report_.faults));
  CheckCounts(findings);
  const std::vector<TakenPayment> taken = TakenPayments();
  GROAT_ASSIGN_OR_RETURN(report_.payments_found,
                         audit.FindPayments(taken, findings.cycles, report_.faults));
  const std::vector<TakenPayment> sample = BundleSample(taken);
  report_.bundles_fetched = sample.size();
  GROAT_ASSIGN_OR_RETURN(report_.bundles_verified, audit.VerifyBundles(sample, report_.faults));
  progress_.Clear();
  if (report_.payments_found != report_.payments.taken) Fault("not every payment was found");
  if (report_.bundles_verified != report_.bundles_fetched) Fault("not every bundle is valid");
  if (report_.answer_proofs_verified != report_.answer_proofs) {
    Fault("not every proof in an answer is valid");
  }
  return absl::OkStatus();
}

}  // namespace groat::demo
