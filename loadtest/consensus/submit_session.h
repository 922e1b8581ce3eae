// One stream of commands to a replica, as a careful client has it: what is not answered when the
// stream breaks is sent again to the next replica.
//
// Open loop: the times at which requests leave are fixed in advance, and latency counts from them,
// so a replica that stalls is charged with everything that it kept waiting. Closed loop: a request
// leaves as soon as the window has room.
//
// Owns two threads. Thread-safe.
#ifndef GROAT_LOADTEST_CONSENSUS_SUBMIT_SESSION_H_
#define GROAT_LOADTEST_CONSENSUS_SUBMIT_SESSION_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "groat/consensus/v1/consensus.grpc.pb.h"
#include "loadtest/consensus/places.h"
#include "rpc/channel.h"
#include "rpc/tls.h"
#include "telemetry/latency_histogram.h"

namespace groat::load {

struct SubmitLoad {
  std::vector<std::string> endpoints;  // A session for each, which begins there.
  rpc::TlsConfig tls;
  uint64_t first_client = 1;  // Its clients have numbers from here on; no two loads share any.
  size_t clients = 64;        // Of each session: a client has at most 4,096 commands in flight.
  size_t batch = 100;         // Commands in a request, 1 to 10,000.
  size_t payload_bytes = 128;
  size_t window = 40'000;          // Unanswered commands of all sessions together.
  double commands_per_second = 0;  // Of all sessions together; 0: closed loop.
  std::chrono::milliseconds warm_up{2000};
  std::chrono::milliseconds duration{10'000};  // After the warm-up.
  // A session that gets no answer for so long, though it waits for some, goes to another replica.
  std::chrono::milliseconds answer_timeout{60'000};
};

struct SubmitResult {
  uint64_t sent = 0;          // Commands, once each.
  uint64_t acknowledged = 0;  // Told to be committed.
  uint64_t height = 0;        // The highest block that an answer named.
  uint64_t refused = 0;
  uint64_t unanswered = 0;          // When patience ended.
  uint64_t acknowledged_twice = 0;  // On one stream or on two.
  uint64_t in_time = 0;             // Acknowledged between warm-up and end.
  uint64_t late = 0;                // Requests that left more than 10 ms late in open loop.
  uint64_t moves = 0;               // Streams that broke or were left.
  std::vector<std::string> errors;  // The first of each kind and session.
  // Nanoseconds from the time that a request was due to leave (in closed loop: left) until its
  // command was told to be committed, of requests due between warm-up and end.
  telemetry::LatencyHistogram latency;
  Places places;  // Of every acknowledged command, as told.
};

class SubmitSession {
 public:
  using Clock = std::chrono::steady_clock;

  // `load` must outlive the session. `index`: of its first replica.
  SubmitSession(const SubmitLoad& load, size_t index);
  // Cancels what is under way.
  ~SubmitSession();

  // Connects to its first replica. Unavailable.
  absl::Status Connect();
  void Start(Clock::time_point begin);
  // Sends nothing new; what is open stays so.
  void Stop();
  // Leaves a replica that does not answer. To be called now and then.
  void LeaveIfSilent(Clock::time_point now);
  // The highest block that an answer named.
  uint64_t height() const;
  // Waits until everything sent is answered, or `deadline`, and adds what came of it.
  void Finish(Clock::time_point deadline, SubmitResult& total);

 private:
  using Stream = grpc::ClientReaderWriter<consensus::v1::SubmitStreamRequest,
                                          consensus::v1::SubmitStreamResponse>;
  struct Open {
    Clock::time_point due;
    size_t left = 0;  // Commands without an answer.
  };

  void Run();
  // False if the session is over.
  bool RunStream(const std::shared_ptr<grpc::Channel>& channel);
  void WriteRequests(Stream& stream);
  bool WriteAgain(Stream& stream);
  // Waits until a request is due and has room. Nothing if there is to be no more on this stream.
  bool TakeNext(uint64_t& number);
  void Read(Stream& stream);
  void Take(const consensus::v1::CommittedCommands& committed, Clock::time_point now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(const consensus::v1::RefusedCommands& refused) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Close(uint64_t number, size_t commands) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Note(std::string error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  bool open_loop() const { return load_.commands_per_second > 0; }
  Clock::time_point DueOf(uint64_t number) const;
  size_t PlaceAfter(size_t place, size_t failed) const;
  // Request `number` is of client `number` modulo the clients, and its sequences follow from it.
  uint64_t ClientOf(uint64_t number) const { return first_client_ + number % load_.clients; }
  uint64_t FirstSequenceOf(uint64_t number) const {
    return number / load_.clients * load_.batch + 1;
  }
  uint64_t RequestOf(uint64_t client, uint64_t sequence) const {
    return (sequence - 1) / load_.batch * load_.clients + (client - first_client_);
  }
  bool IsOurs(uint64_t client, uint64_t sequence) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SubmitLoad& load_;
  const size_t index_;
  const uint64_t first_client_;
  const size_t window_;
  Clock::time_point begin_;
  Clock::time_point measured_;
  Clock::time_point end_;
  std::shared_ptr<grpc::Channel> first_channel_;

  mutable Mutex mutex_;
  CondVar changed_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // Number of the next request.
  // Requests from number first_open_ on; the first one is not answered.
  std::deque<Open> open_ ABSL_GUARDED_BY(mutex_);
  uint64_t first_open_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t open_commands_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::pair<uint64_t, uint64_t>> refused_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;  // Of the stream.
  Clock::time_point last_answer_ ABSL_GUARDED_BY(mutex_);
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;    // Nothing new.
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;  // Nothing at all.
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  SubmitResult result_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_CONSENSUS_SUBMIT_SESSION_H_
