// Sends requests over one stream of StreamUpdates, whatever happens to the connection.
//
// A request is sent again when the stream breaks or the relay asks for a pause; updates are
// idempotent, so each is answered exactly once to the caller. Thread-safe.
#ifndef GROAT_TOOLS_GROAT_DEMO_UPDATE_SENDER_H_
#define GROAT_TOOLS_GROAT_DEMO_UPDATE_SENDER_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "groat/relay/v1/relay.grpc.pb.h"
#include "rpc/retry.h"

namespace groat::demo {

class UpdateSender {
 public:
  // What a request was about, for the caller: indices into its rows.
  using Rows = std::vector<uint32_t>;
  // The answer to one request: OK or ALREADY_EXISTS with one result a row, or another code that
  // repeating does not heal. Called on the sender's threads, for one request at a time.
  using OnAnswer = std::function<void(const Rows&, const relay::v1::StreamUpdatesResponse&)>;

  UpdateSender(std::shared_ptr<grpc::Channel> channel, OnAnswer on_answer);
  // Gives up what is not answered.
  ~UpdateSender();
  UpdateSender(const UpdateSender&) = delete;
  UpdateSender& operator=(const UpdateSender&) = delete;

  // Queues a request and returns at once.
  void Send(Rows rows, relay::v1::SubmitUpdatesRequest submit);

  // Waits until every request is answered; false after `timeout` or when cancelled.
  bool WaitAnswered(std::chrono::milliseconds timeout, const rpc::Cancellation& cancellation);

  // How often the stream broke and was made anew.
  uint32_t reconnects() const;

 private:
  using Stream =
      grpc::ClientReaderWriter<relay::v1::StreamUpdatesRequest, relay::v1::StreamUpdatesResponse>;
  struct Pending {
    Rows rows;
    relay::v1::StreamUpdatesRequest request;
  };

  void Run();
  // Writes until the stream breaks or the sender ends.
  void WriteAll(Stream& stream);
  void ReadAll(Stream& stream);
  void TakeAnswer(const relay::v1::StreamUpdatesResponse& response);

  const std::unique_ptr<relay::v1::RelayService::Stub> stub_;
  const OnAnswer on_answer_;
  mutable Mutex mutex_;
  CondVar changed_;
  // Sent or not, but not answered. Shared, since one may be written while it is answered.
  std::map<uint64_t, std::shared_ptr<const Pending>> pending_ ABSL_GUARDED_BY(mutex_);
  std::deque<uint64_t> unsent_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::chrono::steady_clock::time_point pause_until_ ABSL_GUARDED_BY(mutex_);
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool quit_ ABSL_GUARDED_BY(mutex_) = false;
  uint32_t reconnects_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace groat::demo

#endif  // GROAT_TOOLS_GROAT_DEMO_UPDATE_SENDER_H_
