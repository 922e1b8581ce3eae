// `groat trace` as a program, on traces of real nodes and of simulated ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "examples/echo.h"
#include "examples/reliable_broadcast.h"
#include "examples/testing/cluster.h"
#include "p2p/trace/traced_node.h"
#include "tools/groat/testing/run_groat.h"

namespace groat {
namespace {

namespace fs = std::filesystem;
using examples::testing::ClusterForm;
using p2p::TracedNode;
using p2p::TraceWriter;
using ::testing::AllOf;
using testing::Content;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Ran;
using testing::RunGroat;
using testing::TemporaryFolder;

constexpr size_t kNodes = 4;

class TraceCommandTest : public ::testing::TestWithParam<ClusterForm> {
 protected:
  Ran Groat(const std::string& arguments) const {
    return RunGroat(folder_.path(), "trace " + arguments);
  }

  // Echoes of a text from the first of four nodes, whose trace goes to `name`.
  void RecordEcho(const std::string& name) {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto writer, OpenWriter(name));
    std::unique_ptr<TracedNode> node;
    std::vector<size_t> echoes(kNodes);  // Of each node, in its tasks.
    const auto cluster = GetParam().make(kNodes, 1, [&](const examples::testing::Node& made) {
      self_ = made.members[0];
      peer_ = made.members[1];
      size_t& count = echoes[made.index];
      p2p::ProtocolRegistry registry;
      registry.Add("echo", [&count](p2p::Network& network, p2p::Executor& executor, ByteView) {
        return absl::StatusOr<std::unique_ptr<p2p::Protocol>>(*examples::Echo::Make(
            network, executor, [&count](const p2p::PeerId&, uint32_t, p2p::Duration) { ++count; }));
      });
      if (made.index > 0) return *registry.Make("echo", made.network, made.executor, {});
      node = std::make_unique<TracedNode>(made.network, made.executor, *writer);
      return *node->Make(registry, "echo", {});
    });
    ASSERT_TRUE(cluster->WaitUntilConnected(std::chrono::seconds(30)));
    for (size_t speaker = 0; speaker < kNodes; ++speaker) {
      cluster->Run(speaker,
                   [&] { GROAT_EXPECT_OK(cluster->protocol(speaker).Request(AsBytes("hello"))); });
    }
    for (size_t i = 0; i < kNodes; ++i) {
      EXPECT_TRUE(cluster->WaitUntil(
          i, [&count = echoes[i]] { return count == kNodes - 1; }, std::chrono::seconds(30)));
    }
  }

  // Broadcasts of all; the first node's trace says that its protocol is called `protocol`.
  void RecordBroadcast(const std::string& name, const std::string& protocol) {
    GROAT_ASSERT_OK_AND_ASSIGN(const auto writer, OpenWriter(name));
    std::unique_ptr<TracedNode> node;
    size_t delivered = 0;  // By the first node.
    const auto cluster = GetParam().make(kNodes, 2, [&](const examples::testing::Node& made) {
      const std::vector<p2p::PeerId> members = made.members;
      const bool is_first = made.index == 0;
      p2p::ProtocolRegistry registry;
      registry.Add(protocol, [&delivered, members, is_first](p2p::Network& network,
                                                             p2p::Executor& executor, ByteView) {
        return absl::StatusOr<std::unique_ptr<p2p::Protocol>>(*examples::ReliableBroadcast::Make(
            network, executor, members,
            [&delivered, is_first](const p2p::PeerId&, uint32_t, const Bytes&) {
              if (is_first) ++delivered;
            }));
      });
      if (!is_first) return *registry.Make(protocol, made.network, made.executor, {});
      Bytes parameters;
      for (const p2p::PeerId& member : members) {
        parameters.insert(parameters.end(), member.begin(), member.end());
      }
      node = std::make_unique<TracedNode>(made.network, made.executor, *writer);
      return *node->Make(registry, protocol, parameters);
    });
    for (size_t speaker = 0; speaker < kNodes; ++speaker) {
      cluster->Run(speaker,
                   [&] { GROAT_EXPECT_OK(cluster->protocol(speaker).Request(AsBytes("news"))); });
    }
    EXPECT_TRUE(cluster->WaitUntil(
        0, [&delivered] { return delivered == kNodes; }, std::chrono::seconds(30)));
  }

  absl::StatusOr<std::unique_ptr<TraceWriter>> OpenWriter(const std::string& name) const {
    return TraceWriter::Open(storage::RealFileSystem(),
                             {.folder = (folder_.path() / name).string()});
  }
  fs::path OnlyFile(const std::string& name) const {
    return fs::directory_iterator(folder_.path() / name)->path();
  }

  TemporaryFolder folder_;
  p2p::PeerId self_;
  p2p::PeerId peer_;
};

TEST_P(TraceCommandTest, ShowsAndReplaysAnEcho) {
  RecordEcho("echo");
  const Ran text = Groat("show echo");
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("start protocol=echo"), HasSubstr("register channel=1"),
                              HasSubstr("request within_task=0 request=5:68656c6c6f"),
                              HasSubstr("send channel=1 recipients=all"), Not(HasSubstr("--"))));

  const Ran lines = Groat("show echo --json");
  ASSERT_EQ(lines.exit, 0) << lines.err;
  size_t polled = 0;
  uint64_t number = 0;
  for (const nlohmann::json& line : lines.JsonLines()) {
    ASSERT_TRUE(line.is_object()) << lines.out;
    EXPECT_EQ(line["record"], ++number);
    if (line["kind"] == "poll" && !line["message"].is_null()) ++polled;
  }
  EXPECT_EQ(polled, 2 * (kNodes - 1));  // Each of the others said something, and said it back.
  EXPECT_EQ(lines.JsonLines()[0]["self"], self_.Hex());

  const Ran some = Groat("show echo --json --kind poll,send --peer " + peer_.Hex().substr(0, 16) +
                         " --from 5 --limit 2");
  ASSERT_EQ(some.exit, 0) << some.err;
  ASSERT_EQ(some.JsonLines().size(), 2u);
  for (const nlohmann::json& line : some.JsonLines()) {
    EXPECT_THAT(line.dump(), HasSubstr(peer_.Hex()));
    EXPECT_GE(line["record"], 5);
  }

  const Ran replay = Groat("replay echo");
  EXPECT_EQ(replay.exit, 0) << replay.out << replay.err;
  EXPECT_THAT(replay.out, HasSubstr("replayed without a difference"));
  const Ran json = Groat("replay echo --json");
  EXPECT_EQ(json.exit, 0);
  EXPECT_EQ(json.Json()["verdict"], "same");
  EXPECT_EQ(json.Json()["protocol"], "echo");
  EXPECT_GT(json.Json()["tasks"], 3);
}

TEST_P(TraceCommandTest, ReplaysABroadcastAndFindsAnotherProtocol) {
  RecordBroadcast("broadcast", "reliable_broadcast");
  const Ran same = Groat("replay broadcast");
  EXPECT_EQ(same.exit, 0) << same.out << same.err;

  RecordBroadcast("other", "echo");  // It was not the echo that this program has.
  const Ran other = Groat("replay other");
  EXPECT_EQ(other.exit, 1) << other.out << other.err;
  EXPECT_THAT(other.out, AllOf(HasSubstr("differs at record 2"), HasSubstr("register channel=2"),
                               HasSubstr("INVALID_ARGUMENT")));
  const Ran json = Groat("replay other --json");
  EXPECT_EQ(json.exit, 1);
  EXPECT_EQ(json.Json()["verdict"], "differs");
  EXPECT_EQ(json.Json()["stopped_at_record"], 2);

  RecordBroadcast("unknown", "paxos");
  const Ran unknown = Groat("replay unknown");
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("\"paxos\" is not known"));
}

INSTANTIATE_TEST_SUITE_P(BothForms, TraceCommandTest,
                         ::testing::ValuesIn(examples::testing::AllForms()),
                         [](const auto& form) { return form.param.name; });

class TraceFilesTest : public TraceCommandTest {};

TEST_P(TraceFilesTest, TornAndDamagedFiles) {
  RecordEcho("echo");
  const fs::path path = OnlyFile("echo");
  const std::string whole = Content(path);
  fs::resize_file(path, whole.size() - 30);  // Into the last record, in front of the mark.
  const Ran torn = Groat("show echo");
  EXPECT_EQ(torn.exit, 0) << torn.err;
  EXPECT_THAT(torn.out, HasSubstr("are no whole record"));
  const Ran replay = Groat("replay echo");
  EXPECT_EQ(replay.exit, 0) << replay.out;
  EXPECT_THAT(replay.out, HasSubstr("bytes at the end are no whole record"));

  std::string damaged = whole;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  std::ofstream(path) << damaged;
  for (const char* command : {"show echo", "replay echo"}) {
    SCOPED_TRACE(command);
    const Ran ran = Groat(command);
    EXPECT_EQ(ran.exit, 2);
    EXPECT_THAT(ran.out + ran.err, AllOf(HasSubstr("damaged"), HasSubstr("offset")));
    EXPECT_THAT(ran.out, HasSubstr("echo"));  // What is sound before it.
  }
  EXPECT_EQ(Groat("replay echo --json").Json()["verdict"], "unknown");
}

TEST_P(TraceFilesTest, SaysWhatIsDeleted) {
  {
    p2p::TraceFileOptions options{.folder = (folder_.path() / "long").string(), .file_bytes = 4096};
    options.max_files = 2;
    GROAT_ASSERT_OK_AND_ASSIGN(const auto writer,
                               TraceWriter::Open(storage::RealFileSystem(), options));
    p2p::TraceRecord record;
    record.kind = p2p::TraceKind::kStart;
    record.label = "echo";
    writer->Append(record);
    record.kind = p2p::TraceKind::kRandom;
    for (int i = 0; i < 1000; ++i) writer->Append(record);
  }
  const Ran show = Groat("show long --limit 1");
  EXPECT_EQ(show.exit, 0) << show.err;
  EXPECT_THAT(show.out, AllOf(HasSubstr("were deleted"), HasSubstr("continue protocol=echo")));
  const Ran replay = Groat("replay long");
  EXPECT_EQ(replay.exit, 2);
  EXPECT_THAT(replay.err, HasSubstr("begins with continue"));
}

TEST_P(TraceFilesTest, WrongUsage) {
  fs::create_directory(folder_.path() / "empty");
  const struct {
    const char* arguments;
    int exit;
    const char* message;
  } cases[] = {
      {"", 64, "subcommand"},
      {"show", 64, "folder"},
      {"show --help", 0, "--kind"},
      {"replay --help", 0, "first difference"},
      {"show none", 2, "none"},
      {"show empty", 2, "empty holds no trace"},
      {"replay empty", 2, "empty holds no trace"},
      {"show empty --kind sending", 64, "want one of start, continue"},
      {"show empty --peer xyz", 64, "--peer is \"xyz\""},
      {"show empty --from x", 64, "--from"},
  };
  for (const auto& usage : cases) {
    SCOPED_TRACE(usage.arguments);
    const Ran ran = Groat(usage.arguments);
    EXPECT_EQ(ran.exit, usage.exit);
    EXPECT_THAT(ran.out + ran.err, HasSubstr(usage.message));
  }
}

INSTANTIATE_TEST_SUITE_P(Simulated, TraceFilesTest,
                         ::testing::Values(ClusterForm{"simulated",
                                                       &examples::testing::MakeSimulatedCluster}),
                         [](const auto& form) { return form.param.name; });

}  // namespace
}  // namespace groat
