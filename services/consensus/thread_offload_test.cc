// Work on real threads; also what ThreadSanitizer looks at.
#include "services/consensus/thread_offload.h"

#include <gmock/gmock.h>

#include <atomic>
#include <numeric>

#include "p2p/tls/event_loop.h"

namespace groat::consensus_service {
namespace {

constexpr size_t kCallers = 4;
constexpr size_t kPieces = 200;

class ThreadOffloadTest : public ::testing::Test {
 protected:
  ThreadOffloadTest() { executor_.Start(); }
  ~ThreadOffloadTest() override { executor_.Stop(); }

  p2p::EventLoop executor_{"offload test"};
};

// From several threads to several threads; what follows a piece belongs to the executor, and sees
// what the piece did.
TEST_F(ThreadOffloadTest, RunsEveryPieceAndThenItsTask) {
  ThreadOffload offload(executor_, 3, "workers");
  size_t finished = 0;  // Of the executor.
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&] {
      for (size_t i = 0; i < kPieces; ++i) {
        const auto made = std::make_shared<size_t>(0);
        offload.Run([made] { *made = 1; }, [made, &finished] { finished += *made; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  offload.Stop();
  size_t seen = 0;
  executor_.RunAndWait([&] { seen = finished; });
  EXPECT_EQ(seen, kCallers * kPieces);
  EXPECT_EQ(offload.waiting(), 0u);
}

TEST_F(ThreadOffloadTest, OneThreadDoesOnePieceAfterAnother) {
  std::vector<size_t> order;  // Without a lock.
  {
    ThreadOffload offload(executor_, 1, "disk");
    for (size_t i = 0; i < kPieces; ++i) offload.Run([&order, i] { order.push_back(i); });
  }
  std::vector<size_t> want(kPieces);
  std::iota(want.begin(), want.end(), size_t{0});
  EXPECT_EQ(order, want);
}

TEST_F(ThreadOffloadTest, DropsWhatComesAfterStop) {
  ThreadOffload offload(executor_, 2, "late");
  std::atomic<size_t> done{0};
  offload.Run([&] { ++done; });
  offload.Stop();
  offload.Run([&] { ++done; });
  offload.Stop();
  EXPECT_EQ(done, 1u);
  EXPECT_EQ(offload.waiting(), 0u);
}

}  // namespace
}  // namespace groat::consensus_service
