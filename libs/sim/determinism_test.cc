// The same seed gives the same run, byte for byte; another seed another one.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "sim/mesh_cluster.h"
#include "sim/testing/seeds.h"

namespace groat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr p2p::ChannelId kChannel(1);

// Tells everybody something now and then, answers what it hears, and notes it all on its disk.
class Chatter {
 public:
  explicit Chatter(const MeshCluster::Process& on) : on_(on) {
    channel_ = *on.network.Register(kChannel, {.name = "chat"});
    channel_.receiver->OnReady([this] { Hear(); });
    storage::MemoryFileSystem& files = on.disk.files();
    GROAT_CHECK_OK(files.CreateFolder("/data"));
    auto log = files.OpenForAppend("/data/log");
    log_ = log.ok() ? *std::move(log) : *files.Create("/data/log");
    GROAT_CHECK_OK(files.SyncFolder("/data"));
    on.executor.Post([this] { Talk(); });
  }

 private:
  void Talk() {
    Bytes words(8 + on_.executor.Random() % 500);
    StoreBigEndian(on_.executor.Random(), words.data(), 8);
    channel_.sender->Send(p2p::Recipients::All(), words);
    on_.executor.PostAfter(milliseconds(1 + on_.executor.Random() % 20), [this] { Talk(); });
  }
  void Hear() {
    while (const auto message = channel_.receiver->Poll()) {
      GROAT_CHECK_OK(log_->Append(message->payload));
      if (message->payload.size() % 7 != 0) continue;
      on_.disk.SyncLater(on_.executor, *log_, [this, to = message->from](absl::Status) {
        channel_.sender->Send(p2p::Recipients::One(to), Bytes(3, 1));
      });
    }
  }

  const MeshCluster::Process on_;
  p2p::Channel channel_;
  std::unique_ptr<storage::AppendFile> log_;
};

// Five nodes that talk over bad links while nodes and links come and go.
struct Outcome {
  uint64_t digest = 0;
  uint64_t events = 0;
  Bytes trace;
  std::map<size_t, Bytes> disks;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void Trouble(MeshCluster& cluster, SplitMix64& random) {
  const size_t node = random.Below(cluster.size());
  const std::string host = MeshCluster::Host(node);
  switch (random.Below(8)) {
    case 0:
      if (cluster.runs(node)) cluster.Kill(node);
      break;
    case 1:
      if (cluster.runs(node)) {
        cluster.PowerOff(node, storage::MemoryFileSystem::Unsynced::kTear);
      }
      break;
    case 2:
      if (cluster.runs(node)) cluster.Freeze(node, random.Below(2) == 0);
      break;
    case 3:
      cluster.wires().Partition({{host}});
      break;
    case 4:
      cluster.wires().Cut(host, MeshCluster::Host(random.Below(cluster.size())));
      break;
    case 5:
      cluster.wires().SetLink(host, MeshCluster::Host(random.Below(cluster.size())),
                              {.latency = milliseconds(20), .bytes_per_second = 1e5});
      break;
    default:
      cluster.wires().Heal();
      cluster.wires().ClearLinks();
      cluster.StartAll();
      break;
  }
}

Outcome RunWith(uint64_t seed, bool traced) {
  MeshCluster cluster({.nodes = 5, .seed = seed, .program = [](const MeshCluster::Process& on) {
                         return std::make_shared<Chatter>(on);
                       }});
  Outcome run;
  if (traced) {
    cluster.scheduler().SetTrace([&](const TraceRecord& record) { record.AppendTo(run.trace); });
  }
  cluster.wires().SetDefaultLink({.latency = milliseconds(2),
                                  .jitter = milliseconds(5),
                                  .success_rate = 0.99,
                                  .reorder_rate = 0.01,
                                  .duplicate_rate = 0.01,
                                  .corrupt_rate = 0.001});
  cluster.StartAll();
  SplitMix64 random(seed);
  for (int i = 0; i < 20; ++i) {
    cluster.RunFor(milliseconds(50 + random.Below(200)));
    Trouble(cluster, random);
  }
  run.digest = cluster.scheduler().digest();
  run.events = cluster.scheduler().events_run();
  for (size_t i = 0; i < cluster.size(); ++i) {
    const auto names = cluster.disk(i).files().List("/data");
    if (names.ok() && !names->empty()) {
      run.disks[i] = cluster.disk(i).files().Content("/data/log");
    }
  }
  return run;
}

TEST(DeterminismTest, TheSameSeedGivesTheSameTraceByteForByte) {
  testing::ForEachSeed(5, [](uint64_t seed) {
    const Outcome first = RunWith(seed, /*traced=*/true);
    EXPECT_GT(first.events, 1000);
    EXPECT_EQ(first.trace.size() % TraceRecord::kBytes, 0);
    EXPECT_GE(first.trace.size(), first.events * TraceRecord::kBytes);
    EXPECT_EQ(RunWith(seed, /*traced=*/true), first);
    // A trace changes nothing.
    EXPECT_EQ(RunWith(seed, /*traced=*/false).digest, first.digest);
  });
}

TEST(DeterminismTest, OneNumberTellsRunsApart) {
  std::map<uint64_t, uint64_t> seeds;  // By digest.
  testing::ForEachSeed(60, [&](uint64_t seed) {
    const Outcome run = RunWith(seed, /*traced=*/false);
    EXPECT_EQ(RunWith(seed, /*traced=*/false), run);
    const auto [entry, is_new] = seeds.emplace(run.digest, seed);
    EXPECT_TRUE(is_new) << "as seed " << entry->second;
  });
}

}  // namespace
}  // namespace groat::sim
