// How many events a second the simulator runs on one core, and what a thousand nodes take.
//
//   sim_benchmark --benchmark_filter=...
//
// items_per_second is events; MiB is what the process's resident memory grew by.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "sim/mesh_cluster.h"

namespace groat::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kMebibyte = 1024.0 * 1024.0;

double ResidentMebibytes() {
  FILE* file = std::fopen("/proc/self/statm", "r");
  GROAT_CHECK(file != nullptr);
  unsigned long total = 0;
  unsigned long resident = 0;
  GROAT_CHECK(std::fscanf(file, "%lu %lu", &total, &resident) == 2);
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / kMebibyte;
}

// Nodes that post themselves a task again and again.
void BM_Posts(benchmark::State& state) {
  Scheduler scheduler;
  std::vector<std::unique_ptr<NodeExecutor>> executors;
  uint64_t ran = 0;
  struct Again {
    NodeExecutor* executor;
    uint64_t* ran;
    void operator()() const {
      ++*ran;
      executor->Post(*this);
    }
  };
  for (int64_t i = 0; i < state.range(0); ++i) {
    executors.push_back(std::make_unique<NodeExecutor>(scheduler, static_cast<uint64_t>(i)));
    executors.back()->Post(Again{executors.back().get(), &ran});
  }
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) scheduler.Step();
  }
  state.SetItemsProcessed(static_cast<int64_t>(ran));
}
BENCHMARK(BM_Posts)->Arg(1)->Arg(1000);

// Nodes with timers of random times, so many at once over all.
void BM_Timers(benchmark::State& state) {
  Scheduler scheduler;
  NodeExecutor executor(scheduler, 1);
  uint64_t ran = 0;
  struct Again {
    NodeExecutor* executor;
    uint64_t* ran;
    void operator()() const {
      ++*ran;
      executor->PostAfter(microseconds(executor->Random() % 10'000), *this);
    }
  };
  for (int64_t i = 0; i < state.range(0); ++i) executor.Post(Again{&executor, &ran});
  scheduler.RunFor(milliseconds(20));
  ran = 0;
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) scheduler.Step();
  }
  state.SetItemsProcessed(static_cast<int64_t>(ran));
}
BENCHMARK(BM_Timers)->Arg(100)->Arg(10'000)->Arg(1'000'000);

// A timeout that is set for each event and cancelled before it is due.
void BM_TimeoutsThatAreCancelled(benchmark::State& state) {
  Scheduler scheduler;
  NodeExecutor executor(scheduler, 1);
  for (auto _ : state) {
    executor.Cancel(executor.PostAfter(seconds(10), [] {}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_TimeoutsThatAreCancelled);

// An end that sends what it gets back, or keeps its connection silent.
class Echo final : public p2p::ConnectionHandler {
 public:
  explicit Echo(std::unique_ptr<p2p::Connection> connection) : connection_(std::move(connection)) {
    connection_->Start(*this);
  }
  void Write(Bytes frame) { connection_->Write(std::move(frame)); }

 private:
  void OnFrame(ByteView frame) override { connection_->Write(Bytes(frame.begin(), frame.end())); }
  void OnWritten() override {}
  void OnClosed(const absl::Status&) override {}

  std::unique_ptr<p2p::Connection> connection_;
};

// Hosts that listen, and connect as they are told.
class Hosts {
 public:
  explicit Hosts(size_t count) : wires_(scheduler_, 1) {
    for (size_t i = 0; i < count; ++i) {
      Bytes32 peer;
      StoreBigEndian(i + 1, peer.data(), 8);
      hosts_.push_back(std::make_unique<Host>(scheduler_, i));
      Host& host = *hosts_.back();
      host.peer = peer;
      host.transport = wires_.MakeTransport(host.executor, host.peer, absl::StrCat("h", i));
      GROAT_CHECK_OK(host.transport
                         ->Listen(
                             absl::StrCat("h", i, ":1"), [](const p2p::PeerId&) { return true; },
                             [&host](std::unique_ptr<p2p::Connection> connection) {
                               host.ends.push_back(std::make_unique<Echo>(std::move(connection)));
                             })
                         .status());
    }
  }
  ~Hosts() {
    for (const auto& host : hosts_) host->executor.Stop();
  }
  void Connect(size_t from, size_t to) {
    Host& host = *hosts_[from];
    host.transport->Dial(absl::StrCat("h", to, ":1"), hosts_[to]->peer, seconds(5),
                         [&host](absl::StatusOr<std::unique_ptr<p2p::Connection>> connection) {
                           GROAT_CHECK_OK(connection.status());
                           host.ends.push_back(std::make_unique<Echo>(*std::move(connection)));
                         });
  }
  Scheduler& scheduler() { return scheduler_; }
  const WireStats& stats() const { return wires_.stats(); }
  Echo& LastEnd(size_t host) { return *hosts_[host]->ends.back(); }

 private:
  struct Host {
    Host(Scheduler& scheduler, size_t i) : executor(scheduler, i) {}
    NodeExecutor executor;
    p2p::PeerId peer;
    std::unique_ptr<p2p::Transport> transport;
    std::vector<std::unique_ptr<Echo>> ends;
  };
  Scheduler scheduler_;
  Wires wires_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

// Frames of 500 bytes that go to and fro between pairs of hosts; two events a frame.
void BM_Frames(benchmark::State& state) {
  const auto pairs = static_cast<size_t>(state.range(0));
  Hosts hosts(2 * pairs);
  for (size_t i = 0; i < pairs; ++i) hosts.Connect(2 * i, 2 * i + 1);
  hosts.scheduler().RunFor(seconds(1));
  for (size_t i = 0; i < pairs; ++i) hosts.LastEnd(2 * i).Write(Bytes(500, 1));
  const uint64_t events_before = hosts.scheduler().events_run();
  const uint64_t frames_before = hosts.stats().frames_delivered;
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) hosts.scheduler().Step();
  }
  state.SetItemsProcessed(static_cast<int64_t>(hosts.scheduler().events_run() - events_before));
  state.counters["frames"] =
      benchmark::Counter(static_cast<double>(hosts.stats().frames_delivered - frames_before),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Frames)->Arg(1)->Arg(1000);

// Every host connected to every other: what the connections take.
void BM_Connections(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    Hosts hosts(count);
    const double before = ResidentMebibytes();
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < i; ++j) hosts.Connect(i, j);
      hosts.scheduler().RunFor(milliseconds(10));
    }
    const double connections = static_cast<double>(count * (count - 1) / 2);
    GROAT_CHECK_EQ(static_cast<double>(hosts.stats().connections), connections);
    state.counters["MiB"] = ResidentMebibytes() - before;
    // With the handlers of this benchmark, of 16 bytes and their pointers.
    state.counters["bytes/connection"] = (ResidentMebibytes() - before) * kMebibyte / connections;
  }
}
BENCHMARK(BM_Connections)->Arg(1000)->Iterations(1)->Unit(benchmark::kMillisecond);

// Mesh nodes from one bootstrapper to the full mesh, then at rest for a while.
void BM_Mesh(benchmark::State& state) {
  for (auto _ : state) {
    const double before = ResidentMebibytes();
    MeshCluster cluster({.nodes = static_cast<size_t>(state.range(0))});
    cluster.StartAll();
    GROAT_CHECK(cluster.RunUntilFullMesh(seconds(60)));
    const Duration formed = cluster.scheduler().Now().time_since_epoch();
    cluster.RunFor(seconds(5));
    state.counters["MiB"] = ResidentMebibytes() - before;
    state.counters["formed_virtual_s"] = std::chrono::duration<double>(formed).count();
    state.SetItemsProcessed(static_cast<int64_t>(cluster.scheduler().events_run()));
  }
}
BENCHMARK(BM_Mesh)->Arg(100)->Arg(300)->Arg(1000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace groat::sim
