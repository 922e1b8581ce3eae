#include "services/ledger/growth_checker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "merkle/growth_proof.h"

namespace groat::ledger_service {
namespace {

using record::Block;
using record::Height;
using record::RootStatement;

// How far the workers may run ahead of the slowest of them.
constexpr uint64_t kMaxAhead = 64;

}  // namespace

void GrowthChecker::Start(Height verified) {
  {
    MutexLock lock(mutex_);
    offered_ = taken_ = verified_ = verified;
  }
  {
    MutexLock lock(report_mutex_);
    reported_ = verified;
  }
  context_.metrics->verified_height.Set(static_cast<double>(verified.value()));
  for (size_t i = 0; i < worker_count_; ++i) workers_.emplace_back([this] { Work(); });
}

void GrowthChecker::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    work_.NotifyAll();
  }
  stopping_.Stop();
  source_.Stop();
  for (std::thread& worker : std::exchange(workers_, {})) worker.join();
}

void GrowthChecker::Offer(Height height) {
  MutexLock lock(mutex_);
  if (height <= offered_) return;
  offered_ = height;
  work_.NotifyAll();
}

Height GrowthChecker::verified() const {
  MutexLock lock(mutex_);
  return verified_;
}

absl::Status GrowthChecker::alarm() const {
  MutexLock lock(mutex_);
  if (failed_height_.value() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(failure_);
}

void GrowthChecker::Work() {
  while (const std::optional<Height> height = Take()) {
    std::string reason;
    switch (CheckUntilDecided(*height, &reason)) {
      case Verdict::kRight:
        Finish(*height);
        break;
      case Verdict::kWrong:
        Fail(*height, reason);
        break;
      case Verdict::kStopped:
        return;
    }
  }
}

std::optional<Height> GrowthChecker::Take() {
  MutexLock lock(mutex_);
  while (!stopped_ && (taken_ >= offered_ || taken_.value() >= verified_.value() + kMaxAhead ||
                       failed_height_.value() != 0)) {
    work_.Wait(mutex_);
  }
  if (stopped_) return std::nullopt;
  taken_ = taken_.Next();
  return taken_;
}

GrowthChecker::Verdict GrowthChecker::CheckUntilDecided(Height height, std::string* reason) {
  const absl::StatusOr<Block> block = context_.store->AtHeight(height);
  GROAT_CHECK_OK(block.status());
  const RootStatement& statement = block->root.statement;
  // Without new leaves the root is that of the cycle before: the chain's rules saw to it.
  if (statement.new_leaf_count == 0) return Verdict::kRight;

  const ledger::RelayShard name = ledger::RelayShard::Of(statement);
  std::optional<RootStatement> previous;
  if (statement.cycle.value() > 1) {
    const absl::StatusOr<Block> before = context_.store->ByCycle(name, statement.cycle.Previous());
    GROAT_CHECK_OK(before.status());
    if (before->root.statement.period == statement.period) previous = before->root.statement;
  }
  std::chrono::milliseconds backoff = context_.timing.retry_backoff;
  while (true) {
    const auto begin = std::chrono::steady_clock::now();
    bool wrong = false;
    const absl::Status status =
        CheckOnce(*block, previous.has_value() ? &*previous : nullptr, &wrong);
    if (status.ok()) {
      context_.metrics->growth_seconds.Observe(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      return Verdict::kRight;
    }
    if (stopping_.stopped()) return Verdict::kStopped;
    if (wrong) {
      *reason =
          absl::StrCat("block ", height.value(), ", ", statement.Name(), ": ", status.message());
      return Verdict::kWrong;
    }
    context_.metrics->growth_retries.Increment();
    if (!stopping_.Pause(backoff)) return Verdict::kStopped;
    const auto longer = std::min(2 * backoff, context_.timing.max_retry_backoff);
    // Said once, when it starts to take long.
    if (longer == context_.timing.max_retry_backoff && backoff < longer) {
      context_.logger->Warn("growth proof is not available",
                            {{"height", height}, {"root", statement.Name()}, {"error", status}});
    }
    backoff = longer;
  }
}

absl::Status GrowthChecker::CheckOnce(const Block& block, const RootStatement* previous,
                                      bool* wrong) {
  const RootStatement& statement = block.root.statement;
  const ledger::RelayShard name = ledger::RelayShard::Of(statement);
  const merkle::GrowthClaim claim{.cycle = statement.cycle.value(),
                                  .old_root = previous == nullptr ? Hash() : previous->root,
                                  .new_root = statement.root,
                                  .old_leaf_count = previous == nullptr ? 0 : previous->leaf_count,
                                  .new_leaf_count = statement.new_leaf_count};
  absl::Status wrong_status;
  absl::Status unavailable;
  for (size_t endpoint = 0; endpoint < source_.EndpointCount(name); ++endpoint) {
    merkle::GrowthVerifier verifier(claim);
    absl::Status verdict;
    std::optional<record::SignedRoot> root;
    size_t size_bytes = 0;
    const absl::Status transfer = source_.Stream(
        statement, endpoint,
        [&](ByteView chunk) {
          size_bytes += chunk.size();
          verdict = verifier.Feed(chunk);
          return verdict;
        },
        &root);
    if (root.has_value() && root->statement != statement) {
      verdict = absl::InvalidArgumentError(absl::StrCat(
          "the relay's root is ", root->statement.root.Hex(), " with ", root->statement.leaf_count,
          " leaves, the block's is ", statement.root.Hex(), " with ", statement.leaf_count));
    } else if (verdict.ok() && !transfer.ok()) {
      unavailable = transfer;
      continue;
    } else if (verdict.ok()) {
      verdict = verifier.Finish();
    }
    if (verdict.ok()) {
      context_.metrics->growth_bytes.Increment(static_cast<double>(size_bytes));
      return absl::OkStatus();
    }
    // The roots decide what a right proof is, so one right proof outweighs any wrong one: a wrong
    // one shows a faulty endpoint, or that there is no right one.
    context_.metrics->growth_failures.Increment();
    context_.logger->Error("an endpoint sent a wrong growth proof", {{"height", block.height},
                                                                     {"root", statement.Name()},
                                                                     {"endpoint", endpoint},
                                                                     {"error", verdict}});
    wrong_status = verdict;
  }
  *wrong = !wrong_status.ok() && unavailable.ok();
  if (*wrong) return wrong_status;
  return unavailable.ok() ? absl::UnavailableError("no endpoint is known") : unavailable;
}

void GrowthChecker::Finish(Height height) {
  {
    MutexLock lock(mutex_);
    done_.insert(height);
    while (!done_.empty() && *done_.begin() == verified_.Next()) {
      verified_ = *done_.begin();
      done_.erase(done_.begin());
    }
    work_.NotifyAll();
  }
  // The lock is held over the callback on purpose: two workers must not report out of order.
  MutexLock lock(report_mutex_);
  const Height now = verified();
  if (now <= reported_) return;
  reported_ = now;
  context_.metrics->verified_height.Set(static_cast<double>(now.value()));
  callbacks_.verified(now);
}

void GrowthChecker::Fail(Height height, const std::string& reason) {
  {
    MutexLock lock(mutex_);
    // Blocks below it may still be under way; the lowest failure is the one that counts.
    if (failed_height_.value() != 0 && failed_height_ <= height) return;
    failed_height_ = height;
    failure_ = reason;
  }
  callbacks_.failed(height, reason);
}

}  // namespace groat::ledger_service
