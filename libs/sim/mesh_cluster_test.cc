#include "sim/mesh_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/status_matchers.h"

namespace groat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using storage::MemoryFileSystem;
using ::testing::ElementsAre;

// Counts its starts on its disk.
class Counter {
 public:
  Counter(const MeshCluster::Process& on, std::vector<size_t>* ended)
      : node_(on.node), ended_(ended) {
    EXPECT_TRUE(on.executor.IsCurrent());
    MemoryFileSystem& files = on.disk.files();
    GROAT_EXPECT_OK(files.CreateFolder("/data"));
    auto log = files.OpenForAppend("/data/starts");
    log_ = log.ok() ? *std::move(log) : *files.Create("/data/starts");
    GROAT_EXPECT_OK(files.SyncFolder("/data"));
    GROAT_EXPECT_OK(log_->Append(AsBytes("x")));
  }
  ~Counter() { ended_->push_back(node_); }
  void Sync() { GROAT_EXPECT_OK(log_->Sync()); }

 private:
  const size_t node_;
  std::vector<size_t>* const ended_;
  std::unique_ptr<storage::AppendFile> log_;
};

class MeshClusterTest : public ::testing::Test {
 protected:
  MeshClusterTest()
      : cluster_({.nodes = 3, .seed = 1, .program = [this](const MeshCluster::Process& on) {
                    return std::make_shared<Counter>(on, &ended_);
                  }}) {
    cluster_.StartAll();
  }
  std::string Starts(size_t i) {
    return ToString(cluster_.disk(i).files().Content("/data/starts"));
  }

  std::vector<size_t> ended_;
  MeshCluster cluster_;
};

TEST_F(MeshClusterTest, ProgramsEndWithTheirProcessAndBeginAnew) {
  ASSERT_TRUE(cluster_.RunUntilFullMesh(seconds(1)));
  cluster_.Kill(1);
  EXPECT_FALSE(cluster_.runs(1));
  EXPECT_THAT(ended_, ElementsAre(1));
  cluster_.Start(1);
  ASSERT_TRUE(cluster_.RunUntilFullMesh(seconds(1)));
  EXPECT_EQ(cluster_.IndexOf(cluster_.id(1)), 1);
}

TEST_F(MeshClusterTest, DisksOutliveProcesses) {
  cluster_.Kill(1);
  cluster_.Start(1);
  EXPECT_EQ(Starts(1), "xx") << "the machine goes on as a process is killed";
  cluster_.program<Counter>(1).Sync();
  cluster_.PowerOff(1);
  cluster_.Start(1);
  cluster_.PowerOff(1);
  EXPECT_EQ(Starts(1), "xx");
  cluster_.PowerOff(0, MemoryFileSystem::Unsynced::kDrop);
  EXPECT_EQ(Starts(0), "");
}

TEST_F(MeshClusterTest, TasksOfNodesRunAsTheirs) {
  EXPECT_TRUE(cluster_.Run(2, [&] { return cluster_.executor(2).IsCurrent(); }));
  EXPECT_FALSE(cluster_.Run(2, [&] { return cluster_.executor(1).IsCurrent(); }));
  bool ran = false;
  cluster_.Freeze(2, true);
  cluster_.executor(2).Post([&] { ran = true; });
  cluster_.RunFor(milliseconds(1));
  EXPECT_FALSE(ran);
  cluster_.Freeze(2, false);
  cluster_.RunFor(milliseconds(1));
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace groat::sim
