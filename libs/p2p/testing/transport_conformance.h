// The contract of transport.h as a suite of tests that every form of transport passes.
//
// A form is tested by a program that has transport_conformance.cc among its sources, and
//
//   INSTANTIATE_TEST_SUITE_P(Grpc, TransportConformanceTest, ::testing::Values(TransportForm{...}),
//                            TransportFormName);
//
// in one of its own. The suite uses what is below and nothing else, so it runs in real as in
// virtual time: it waits for conditions, and takes nothing to happen at once. Tests only.
#ifndef GROAT_P2P_TESTING_TRANSPORT_CONFORMANCE_H_
#define GROAT_P2P_TESTING_TRANSPORT_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "p2p/executor.h"
#include "p2p/peer_id.h"
#include "p2p/transport.h"

namespace groat::p2p::testing {

// Two processes, 0 and 1, that reach each other, each with a key and an executor of its own.
class TransportPair {
 public:
  // The suite has destroyed its connections and shut both transports down.
  virtual ~TransportPair() = default;

  virtual const PeerId& peer(size_t process) = 0;
  virtual Executor& executor(size_t process) = 0;
  virtual Transport& transport(size_t process) = 0;

  // Runs as a task of the process; returns at its end.
  virtual void Run(size_t process, const std::function<void()>& task) = 0;
  // Whether the condition, asked in tasks of the process, came true within `limit`.
  virtual bool WaitUntil(size_t process, const std::function<bool()>& condition,
                         Duration limit) = 0;

  // What the process can listen on: port 0.
  virtual std::string ListenAddress(size_t process) = 0;
  // Where nobody listens, so that a dial of process 1 is refused at once.
  virtual std::string UnusedAddress() = 0;
  // Where a dial of process 1 is never answered.
  virtual std::string SilentAddress() = 0;
};

struct TransportForm {
  std::string name;  // Letters only.
  std::function<std::unique_ptr<TransportPair>()> make;
};

inline std::string TransportFormName(const ::testing::TestParamInfo<TransportForm>& info) {
  return info.param.name;
}

// One end of a connection, as the suite holds it. Belongs to its process's executor.
class TestEnd final : public ConnectionHandler {
 public:
  explicit TestEnd(Executor& executor) : executor_(executor) {}

  void Start(std::unique_ptr<Connection> taken);
  // Only while nothing is being written.
  void Write(Bytes frame);
  void Destroy() { connection.reset(); }

  std::unique_ptr<Connection> connection;
  bool writing = false;
  size_t written = 0;
  std::vector<Bytes> received;
  std::optional<absl::Status> closed;
  // Called after the above have changed.
  std::function<void()> on_frame;
  std::function<void()> on_written;
  std::function<void()> on_closed;

 private:
  void OnFrame(ByteView frame) override;
  void OnWritten() override;
  void OnClosed(const absl::Status& why) override;
  // What holds in every callback.
  void CheckCall();

  Executor& executor_;
  bool in_call_ = false;  // Of the transport: no callback may come.
};

class TransportConformanceTest : public ::testing::TestWithParam<TransportForm> {
 protected:
  static constexpr Duration kSoon = std::chrono::seconds(60);
  // A limit for what must not happen.
  static constexpr Duration kAWhile = std::chrono::milliseconds(400);

  TransportConformanceTest() : pair_(GetParam().make()) {}
  ~TransportConformanceTest() override;

  // Process 0 listens, admits whom `admission` says, and takes what comes into `accepted_`.
  void Listen(Admission admission = [](const PeerId&) { return true; });
  // Process 1 dials; returns what came of it, and keeps the connection in `dialled_`.
  absl::Status Dial(const std::string& address, const PeerId& expected,
                    Duration timeout = std::chrono::seconds(5));
  // A connection with both ends started: `dialled_[0]` and `accepted_[0]`.
  void Connect();
  bool WaitUntil(size_t process, const std::function<bool()>& condition, Duration limit = kSoon) {
    return pair_->WaitUntil(process, condition, limit);
  }

  std::unique_ptr<TransportPair> pair_;
  std::string address_;  // Where process 0 listens.
  // By process: accepted_ belongs to 0, dialled_ to 1.
  std::vector<std::unique_ptr<TestEnd>> accepted_;
  std::vector<std::unique_ptr<TestEnd>> dialled_;
  // Instead of starting what was accepted.
  std::function<void(std::unique_ptr<Connection>)> on_accept_;
};

}  // namespace groat::p2p::testing

#endif  // GROAT_P2P_TESTING_TRANSPORT_CONFORMANCE_H_
