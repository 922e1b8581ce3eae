// Simulated links under the contract of transport.h, in the forms that keep it: quick ones, ones of
// uneven delay, and narrow ones.
#include "sim/sim_transport.h"

#include <array>
#include <memory>

#include "p2p/testing/transport_conformance.h"

namespace groat::p2p::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class SimTransportPair final : public TransportPair {
 public:
  explicit SimTransportPair(const sim::LinkOptions& link) : wires_(scheduler_, 1) {
    wires_.SetDefaultLink(link);
    wires_.SetHostState("silent", sim::HostState::kSilent);
    for (size_t i = 0; i < 2; ++i) {
      Process& process = processes_[i];
      process.peer = Ed25519PrivateKey(Bytes32{{static_cast<uint8_t>(i + 1)}}).public_key();
      process.executor = std::make_unique<sim::NodeExecutor>(scheduler_, i);
      process.transport = wires_.MakeTransport(*process.executor, process.peer, i == 0 ? "a" : "b");
    }
  }

  const PeerId& peer(size_t process) override { return processes_[process].peer; }
  Executor& executor(size_t process) override { return *processes_[process].executor; }
  Transport& transport(size_t process) override { return *processes_[process].transport; }
  void Run(size_t process, const std::function<void()>& task) override {
    processes_[process].executor->Run(task);
  }
  bool WaitUntil(size_t process, const std::function<bool()>& condition, Duration limit) override {
    return scheduler_.RunUntil([&] { return processes_[process].executor->Run(condition); }, limit);
  }
  std::string ListenAddress(size_t process) override { return process == 0 ? "a:0" : "b:0"; }
  std::string UnusedAddress() override { return "a:9"; }
  std::string SilentAddress() override { return "silent:1"; }

 private:
  struct Process {
    PeerId peer;
    std::unique_ptr<sim::NodeExecutor> executor;
    std::unique_ptr<Transport> transport;
  };
  sim::Scheduler scheduler_;
  sim::Wires wires_;
  std::array<Process, 2> processes_;
};

TransportForm FormOf(std::string name, const sim::LinkOptions& link) {
  return {std::move(name), [link] { return std::make_unique<SimTransportPair>(link); }};
}

INSTANTIATE_TEST_SUITE_P(
    Sim, TransportConformanceTest,
    ::testing::Values(FormOf("Plain", {}), FormOf("AtOnce", {.latency = milliseconds(0)}),
                      FormOf("Uneven", {.latency = milliseconds(5), .jitter = milliseconds(20)}),
                      FormOf("Narrow", {.latency = microseconds(100), .bytes_per_second = 50e6})),
    TransportFormName);

}  // namespace
}  // namespace groat::p2p::testing
