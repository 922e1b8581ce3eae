// Plays payments to a relay at their intended times, whatever the relay does (an open loop), and
// notes what became of each.
//
// Latency counts from the intended arrival, so a late send is the platform's delay and not hidden.
#ifndef GROAT_TOOLS_GROAT_DEMO_REPLAY_H_
#define GROAT_TOOLS_GROAT_DEMO_REPLAY_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "asset/trust.h"
#include "base/mutex.h"
#include "rpc/retry.h"
#include "rpc/tls.h"
#include "tools/groat/demo/payment_log.h"
#include "tools/groat/demo/update_sender.h"
#include "tools/groat/payments/payments.h"

namespace groat::demo {

// What is played. The vectors have the same size.
struct ReplayPlan {
  std::vector<record::Update> updates;
  std::vector<int64_t> arrivals_ns;  // From the start of the replay, ascending.
  size_t wait_sample = 50;  // One payment in so many waits for inclusion, one for anchoring.
  size_t connections = 4;   // For the others, each its own.
};

class Replay {
 public:
  // Connects on first use. Errors as rpc::MakeChannel.
  static absl::StatusOr<std::unique_ptr<Replay>> Make(const std::string& relay_endpoint,
                                                      const rpc::TlsConfig& tls,
                                                      const asset::RelayTrust& trust,
                                                      ReplayPlan plan);

  // Sends everything; returns once the last payment was sent, or when cancelled (Cancelled).
  // Blocks the caller.
  absl::Status Run(rpc::Cancellation& cancellation);
  // Waits until all is answered. DeadlineExceeded says how much is not.
  absl::Status WaitAnswered(std::chrono::milliseconds timeout, rpc::Cancellation& cancellation);

  // While it runs, from any thread.
  uint64_t sent() const { return sent_.load(); }
  uint64_t answered() const { return answered_.load(); }
  uint64_t double_spends() const { return double_spends_.load(); }
  uint64_t last_cycle() const { return last_cycle_.load(); }
  uint32_t reconnects() const;
  // What the relay said with the first answer that was an error; empty if none was.
  std::string first_error() const;

  // After WaitAnswered, whatever it returned: ends the connections and hands out the results.
  std::vector<PaymentResult> TakeResults();

 private:
  using Clock = std::chrono::steady_clock;
  Replay(const asset::RelayTrust& trust, ReplayPlan plan);
  UpdateSender::OnAnswer OnAnswer();
  void SendDue(size_t& next, int64_t now_ns);
  void SendOne(uint32_t row, Wait wait);
  void Note(uint32_t row, const relay::v1::StreamUpdatesResponse& response, int position,
            Clock::time_point now);

  const asset::RelayTrust trust_;
  const ReplayPlan plan_;
  Clock::time_point start_;
  std::vector<PaymentResult> results_;  // Each row is written by one answer.
  std::atomic<uint64_t> sent_{0};
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> double_spends_{0};
  std::atomic<uint64_t> last_cycle_{0};
  mutable Mutex mutex_;
  std::string first_error_ ABSL_GUARDED_BY(mutex_);
  size_t next_sender_ = 0;
  // plan_.connections for accepted, then one for included and one for anchored: a stream is read
  // no further while too much of it is unanswered, so those that wait have their own.
  std::vector<std::unique_ptr<UpdateSender>> senders_;
};

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_REPLAY_H_
