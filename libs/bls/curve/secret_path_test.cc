// The path of the processor through a multiplication by a secret, instruction by instruction.
//
// Method: a child process computes with one secret, the parent single-steps it and hashes the
// instruction pointers; another child with another secret must take the same path. This finds every
// branch on a secret that the compiler left in the machine code, also in that for AVX-512, which
// valgrind does not know.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>

#include "bls/curve/testing/points.h"

namespace groat::bls::testing {
namespace {

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

struct Path {
  uint64_t hash = 0;
  uint64_t steps = 0;
  bool traced = false;
};

// The path from the child's first SIGSTOP to its second, between which `work` runs.
Path Trace(const std::function<void()>& work) {
  Path path;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    raise(SIGSTOP);
    work();
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return path;
  while (true) {
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) break;
    if (WSTOPSIG(status) == SIGSTOP) {
      path.traced = path.steps > 0;
      break;
    }
    const long rip = ptrace(PTRACE_PEEKUSER, child, offsetof(user_regs_struct, rip), nullptr);
    path.hash = (path.hash ^ static_cast<uint64_t>(rip)) * 0x9e3779b97f4a7c15;
    path.hash ^= path.hash >> 29;
    ++path.steps;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return path;
}

// What the work leaves, so that no compiler drops it.
volatile uint64_t sink = 0;

// The method itself: a branch on the secret shows.
TEST(SecretPath, TheTraceSeesABranch) {
  const auto operation = [](bool secret) {
    if (secret) sink = sink + 1;
  };
  const Path yes = Trace([&] { operation(true); });
  const Path no = Trace([&] { operation(false); });
  if (!yes.traced) GTEST_SKIP() << "this system does not let a process trace its child";
  EXPECT_NE(yes.hash, no.hash);
}

TEST(SecretPath, OfMultiplicationInG2IsTheSameForAllScalars) {
  const G2 p = RandomPoints(52).Rescaled(G2Affine::Generator());
  const Fr secrets[] = {RandomElements(51).Prime<Fr>(), Fr::One()};
  const auto operation = [&](const Fr& k) { sink = MultiplySecret(p, k).x.c0.montgomery()[0]; };
  operation(secrets[0]);  // What the loader does at first calls.
  Path paths[2];
  for (size_t i = 0; i < 2; ++i) {
    paths[i] = Trace([&] { operation(secrets[i]); });
    if (!paths[i].traced) GTEST_SKIP() << "this system does not let a process trace its child";
  }
  EXPECT_EQ(paths[0].steps, paths[1].steps);
  EXPECT_EQ(paths[0].hash, paths[1].hash);
}

#endif

}  // namespace
}  // namespace groat::bls::testing
