#include "tools/groat/platform/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/status_matchers.h"

namespace groat::platform {
namespace {

using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{20};

// The events of a supervisor, and waiting for one.
class Events {
 public:
  void Add(const ProcessEvent& event) {
    MutexLock lock(mutex_);
    events_.push_back(event);
    changed_.NotifyAll();
  }
  // The n-th event of this kind, from 1; a failed test after 20 s.
  ProcessEvent WaitFor(ProcessEvent::Kind kind, size_t nth = 1) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    for (;;) {
      size_t seen = 0;
      for (const ProcessEvent& event : events_) {
        if (event.kind == kind && ++seen == nth) return event;
      }
      if (!changed_.WaitUntil(mutex_, deadline)) {
        ADD_FAILURE() << "no such event in time";
        return {};
      }
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<ProcessEvent> events_ ABSL_GUARDED_BY(mutex_);
};

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() {
    std::string pattern = ::testing::TempDir() + "supervisorXXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~SupervisorTest() override { std::filesystem::remove_all(folder_); }

  ProcessSpec Shell(const std::string& name, const std::string& script) const {
    return {name, {"/bin/sh", "-c", script}, {}, folder_ / (name + ".log")};
  }
  std::string Log(const std::string& name) const {
    std::ifstream in(folder_ / (name + ".log"));
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
  Events events_;
};

TEST_F(SupervisorTest, StartsAgainAfterKillWithGrowingBackoff) {
  Supervisor supervisor([this](const ProcessEvent& event) { events_.Add(event); });
  GROAT_ASSERT_OK(supervisor.Start(Shell("a", "exec sleep 1000")));
  GROAT_ASSERT_OK_AND_ASSIGN(const ProcessState first, supervisor.State("a"));
  EXPECT_TRUE(first.running);

  GROAT_ASSERT_OK(supervisor.Signal("a", SIGKILL));
  const ProcessEvent ended = events_.WaitFor(ProcessEvent::Kind::kEnded);
  EXPECT_EQ(ended.Text(), "a (pid " + std::to_string(first.pid) +
                              ") ended: signal 9 (Killed); restart in 200 ms");
  EXPECT_EQ(events_.WaitFor(ProcessEvent::Kind::kStarted, 2).starts, 2u);
  GROAT_ASSERT_OK_AND_ASSIGN(const ProcessState second, supervisor.State("a"));
  EXPECT_NE(second.pid, first.pid);

  GROAT_ASSERT_OK(supervisor.Signal("a", SIGKILL));
  EXPECT_EQ(events_.WaitFor(ProcessEvent::Kind::kEnded, 2).restart_in, milliseconds(400));
}

TEST_F(SupervisorTest, LeavesDownWhatShallNotRestart) {
  Supervisor supervisor([this](const ProcessEvent& event) { events_.Add(event); });
  GROAT_ASSERT_OK(supervisor.Start(Shell("a", "exec sleep 1000")));
  GROAT_ASSERT_OK(supervisor.SetRestart("a", false));
  GROAT_ASSERT_OK(supervisor.Signal("a", SIGKILL));
  EXPECT_LT(events_.WaitFor(ProcessEvent::Kind::kEnded).restart_in.count(), 0);
  GROAT_ASSERT_OK_AND_ASSIGN(const ProcessState down, supervisor.State("a"));
  EXPECT_FALSE(down.running);
  EXPECT_THAT(supervisor.Signal("a", SIGTERM),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not running")));

  GROAT_ASSERT_OK(supervisor.SetRestart("a", true));
  EXPECT_EQ(events_.WaitFor(ProcessEvent::Kind::kStarted, 2).name, "a");
}

TEST_F(SupervisorTest, StopTerminatesAndReportsWhatHadToBeKilled) {
  Supervisor supervisor([this](const ProcessEvent& event) { events_.Add(event); });
  GROAT_ASSERT_OK(supervisor.Start(Shell("polite",
                                         "trap 'exit 0' TERM; echo up; "
                                         "while :; do sleep 0.01; done")));
  GROAT_ASSERT_OK(supervisor.Start(Shell("deaf", "trap '' TERM; echo up; exec sleep 1000")));
  // The traps are set once "up" is logged.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (Log("polite").empty() || Log("deaf").empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::yield();
  }
  EXPECT_EQ(supervisor.Stop({"polite", "deaf", "unknown"}, milliseconds(300)),
            (std::vector<std::string>{"deaf"}));
  EXPECT_EQ(events_.WaitFor(ProcessEvent::Kind::kKilled).name, "deaf");
  EXPECT_TRUE(supervisor.names().empty());
  EXPECT_THAT(supervisor.State("deaf"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("deaf")));
}

TEST_F(SupervisorTest, RefusesMissingExecutableAndNameInUse) {
  Supervisor supervisor([this](const ProcessEvent& event) { events_.Add(event); });
  EXPECT_THAT(supervisor.Start({"a", {"/no/such/program"}, {}, folder_ / "a.log"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/program")));
  EXPECT_THAT(supervisor.Start({"a", {"/bin/sh"}, {}, folder_ / "none" / "a.log"}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("cannot open")));
  GROAT_EXPECT_OK(supervisor.Start(Shell("a", "exec sleep 1000")));
  EXPECT_THAT(supervisor.Start(Shell("a", "exec sleep 1000")),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("a is running")));
}

TEST_F(SupervisorTest, ChildSeesOnlyItsOwnEnvironmentAndFiles) {
  setenv("GROAT_CYCLE_TIME", "9s", 1);
  Supervisor supervisor([this](const ProcessEvent& event) { events_.Add(event); });
  ProcessSpec spec = Shell("a", "echo [$GROAT_CYCLE_TIME] [$ETCD_NAME]; ls /proc/self/fd | wc -l");
  spec.environment = {"ETCD_NAME=m1"};
  GROAT_ASSERT_OK(supervisor.Start(spec));
  GROAT_ASSERT_OK(supervisor.SetRestart("a", false));
  events_.WaitFor(ProcessEvent::Kind::kEnded);
  unsetenv("GROAT_CYCLE_TIME");
  // Standard input, output, error, and the folder that ls reads.
  EXPECT_THAT(Log("a"), HasSubstr("[] [m1]\n4\n"));
}

// Children must not outlive a supervisor that is killed. Method: a child process of the test runs
// a supervisor and is killed; the grandchild's end closes the pipe that it holds open.
TEST_F(SupervisorTest, ChildrenDieWithAKilledSupervisor) {
  const std::string fifo = folder_ / "alive";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    Supervisor supervisor([](const ProcessEvent&) {});
    static_cast<void>(
        supervisor.Start(Shell("a", "exec 3> " + fifo + "; echo up >&3; exec sleep 1000")));
    for (;;) pause();
  }
  std::ifstream pipe(fifo);
  std::string line;
  ASSERT_TRUE(std::getline(pipe, line));
  kill(parent, SIGKILL);
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  // Ends only when the last writer is gone.
  EXPECT_FALSE(std::getline(pipe, line));
}

TEST(FindExecutableTest, LooksInPath) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::filesystem::path shell, FindExecutable("sh"));
  EXPECT_EQ(shell.filename(), "sh");
  EXPECT_THAT(FindExecutable("groat-no-such-program"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("groat-no-such-program")));
}

}  // namespace
}  // namespace groat::platform
