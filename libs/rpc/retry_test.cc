#include "rpc/retry.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "base/status_matchers.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "rpc/testing/echo_server.h"

namespace groat::rpc {
namespace {

using ::groat::testing::IsOk;
using ::groat::testing::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoService;
using ::testing::HasSubstr;
using testing::LiveEcho;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

const RetryPolicy kFast{
    .max_attempts = 4, .initial_backoff = milliseconds(2), .max_backoff = milliseconds(8)};

// Answers with the given statuses in turn, then with OK.
class Script {
 public:
  explicit Script(std::vector<absl::Status> statuses) : statuses_(std::move(statuses)) {}
  Attempt AsAttempt() {
    return [this](grpc::ClientContext&) {
      times_.push_back(Clock::now());
      const size_t i = times_.size() - 1;
      return i < statuses_.size() ? ToGrpc(statuses_[i]) : grpc::Status::OK;
    };
  }
  size_t attempts() const { return times_.size(); }
  Clock::duration Pause(size_t i) const { return times_[i + 1] - times_[i]; }

 private:
  std::vector<absl::Status> statuses_;
  std::vector<Clock::time_point> times_;
};

TEST(RetryTest, SuccessIsNotRepeated) {
  Cancellation cancellation;
  Script script({});
  EXPECT_THAT(CallWithRetry(kFast, cancellation, script.AsAttempt()), IsOk());
  EXPECT_EQ(script.attempts(), 1u);
}

TEST(RetryTest, UnavailableIsTriedAgain) {
  Cancellation cancellation;
  Script script({absl::UnavailableError("a"), absl::UnavailableError("b")});
  EXPECT_THAT(CallWithRetry(kFast, cancellation, script.AsAttempt()), IsOk());
  EXPECT_EQ(script.attempts(), 3u);
}

TEST(RetryTest, AttemptsAreBoundedAndCounted) {
  Cancellation cancellation;
  Script script(std::vector<absl::Status>(10, absl::UnavailableError("down")));
  EXPECT_THAT(CallWithRetry(kFast, cancellation, script.AsAttempt()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("down (4 attempts)")));
  EXPECT_EQ(script.attempts(), 4u);
}

TEST(RetryTest, OtherErrorsAreFinalUnlessListed) {
  Cancellation cancellation;
  Script once({absl::AbortedError("no")});
  EXPECT_EQ(CallWithRetry(kFast, cancellation, once.AsAttempt()), absl::AbortedError("no"));
  EXPECT_EQ(once.attempts(), 1u);
  RetryPolicy policy = kFast;
  policy.also_retry = {absl::StatusCode::kAborted};
  Script again({absl::AbortedError("no"), absl::NotFoundError("never")});
  EXPECT_THAT(CallWithRetry(policy, cancellation, again.AsAttempt()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("never (2 attempts)")));
}

TEST(RetryTest, DetailsOfTheLastFailureStay) {
  Cancellation cancellation;
  absl::Status last = absl::InternalError("broken");
  last.SetPayload("example.org/a", absl::Cord("b"));
  Script script({absl::UnavailableError("a"), last});
  EXPECT_EQ(CallWithRetry(kFast, cancellation, script.AsAttempt()).GetPayload("example.org/a"),
            absl::Cord("b"));
}

TEST(RetryTest, PausesGrowWithJitterUpToTheMaximum) {
  Cancellation cancellation;
  RetryPolicy policy{
      .max_attempts = 5, .initial_backoff = milliseconds(20), .max_backoff = milliseconds(40)};
  Script script(std::vector<absl::Status>(10, absl::UnavailableError("down")));
  EXPECT_THAT(CallWithRetry(policy, cancellation, script.AsAttempt()), Not(IsOk()));
  const milliseconds want[] = {milliseconds(10), milliseconds(20), milliseconds(20),
                               milliseconds(20)};
  for (size_t i = 0; i < 4; ++i) EXPECT_GE(script.Pause(i), want[i]) << i;
}

TEST(RetryTest, ServerMayAskForALongerPause) {
  Cancellation cancellation;
  Script script({WithRetryDelay(absl::UnavailableError("busy"), milliseconds(60))});
  EXPECT_THAT(CallWithRetry(kFast, cancellation, script.AsAttempt()), IsOk());
  EXPECT_GE(script.Pause(0), milliseconds(60));
}

TEST(RetryTest, TotalTimeIsBounded) {
  Cancellation cancellation;
  RetryPolicy policy = kFast;
  policy.total_timeout = milliseconds(500);
  Script script({WithRetryDelay(absl::UnavailableError("busy"), seconds(3600))});
  const Clock::time_point start = Clock::now();
  EXPECT_THAT(CallWithRetry(policy, cancellation, script.AsAttempt()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("busy")));
  EXPECT_LT(Clock::now() - start, milliseconds(500)) << "a pause past the end is not begun";
}

TEST(RetryTest, EachAttemptHasADeadlineWithinTheTotal) {
  Cancellation cancellation;
  RetryPolicy policy = kFast;
  policy.attempt_timeout = seconds(2);
  policy.total_timeout = milliseconds(300);
  const auto latest = std::chrono::system_clock::now() + milliseconds(310);
  EXPECT_THAT(CallWithRetry(policy, cancellation,
                            [latest](grpc::ClientContext& context) {
                              EXPECT_LE(context.deadline(), latest);
                              return grpc::Status::OK;
                            }),
              IsOk());
}

TEST(RetryTest, CancelEndsAPause) {
  Cancellation cancellation;
  RetryPolicy policy = kFast;
  policy.initial_backoff = policy.max_backoff = seconds(600);
  policy.total_timeout = seconds(3600);
  std::thread cancelling;
  EXPECT_THAT(CallWithRetry(policy, cancellation,
                            [&](grpc::ClientContext&) {
                              cancelling = std::thread([&] { cancellation.Cancel(); });
                              return grpc::Status(grpc::StatusCode::UNAVAILABLE, "down");
                            }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("gave up")));
  cancelling.join();
  EXPECT_TRUE(cancellation.cancelled());
  EXPECT_FALSE(cancellation.Sleep(seconds(600))) << "stays cancelled";
}

TEST(RetryTest, CancelEndsACallInFlight) {
  LiveEcho live;
  live.Start();
  Cancellation cancellation;
  RetryPolicy policy = kFast;
  policy.attempt_timeout = policy.total_timeout = seconds(600);
  std::thread cancelling([&] {
    const UnaryReply<EchoResponse> reply = live.echo.held.Take();
    cancellation.Cancel();
  });
  EchoResponse response;
  EXPECT_THAT(CallWithRetry(policy, cancellation,
                            [&](grpc::ClientContext& context) {
                              return live.stub->Hold(&context, EchoRequest(), &response);
                            }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("")));
  cancelling.join();
  // A call begun after the cancellation ends at once.
  EXPECT_THAT(CallWithRetry(policy, cancellation,
                            [&](grpc::ClientContext& context) {
                              return live.stub->Hold(&context, EchoRequest(), &response);
                            }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("")));
}

TEST(ChannelTest, EndpointMustBeHostAndPort) {
  for (const char* endpoint :
       {"", "host", ":1", "host:0", "host:x", "host:65536", "a:1,b:2", "dns:///host:1"}) {
    EXPECT_THAT(MakeChannel(endpoint, {.insecure = true}, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(endpoint), HasSubstr("is not host:port"))))
        << endpoint;
  }
  EXPECT_THAT(ChannelGroup::Make({}, {.insecure = true}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no endpoints")));
  EXPECT_THAT(ChannelGroup::Make({"127.0.0.1:1", "b"}, {.insecure = true}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"b\"")));
}

TEST(ChannelTest, CallContextHasADeadline) {
  const auto before = std::chrono::system_clock::now();
  const CallContext context(seconds(5));
  EXPECT_GE(context.deadline(), before + seconds(5));
  EXPECT_LE(context.deadline(), std::chrono::system_clock::now() + seconds(5));
}

TEST(ChannelTest, GroupMovesOnFromAFailedServer) {
  LiveEcho first;
  LiveEcho second;
  first.Start();
  second.Start();
  const std::vector<std::string> endpoints = {"127.0.0.1:" + std::to_string(first.server->port()),
                                              "127.0.0.1:" + std::to_string(second.server->port())};
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ChannelGroup> group,
                             ChannelGroup::Make(endpoints, {.insecure = true}, {}));
  first.server.reset();
  Cancellation cancellation;
  EchoResponse response;
  EXPECT_THAT(
      CallWithRetry(
          RetryPolicy{}, cancellation,
          [&](grpc::ClientContext& context) {
            const ChannelGroup::Choice choice = group->Current();
            const grpc::Status status =
                EchoService::NewStub(choice.channel)->Echo(&context, EchoRequest(), &response);
            if (!status.ok()) group->ReportFailure(choice.index);
            return status;
          }),
      IsOk());
  EXPECT_EQ(group->Current().index, 1u);
  EXPECT_EQ(group->size(), 2u);
  group->ReportFailure(0);  // Stale: no longer the current one.
  EXPECT_EQ(group->Current().index, 1u);
  group->ReportFailure(1);
  EXPECT_EQ(group->Current().index, 0u) << "round and round";
}

TEST(ChannelTest, GroupFollowsHintsButNotToAServerThatJustFailed) {
  const std::vector<std::string> endpoints = {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"};
  GROAT_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ChannelGroup> group,
                             ChannelGroup::Make(endpoints, {.insecure = true}, {}));
  group->Prefer("127.0.0.1:3");
  EXPECT_EQ(group->Current().index, 2u);
  group->Prefer("127.0.0.1:4");
  EXPECT_EQ(group->Current().index, 2u) << "none of the group";
  group->ReportFailure(2);
  EXPECT_EQ(group->Current().index, 0u);
  group->Prefer("127.0.0.1:3");
  EXPECT_EQ(group->Current().index, 0u) << "it failed a moment ago";
  group->Prefer("127.0.0.1:2");
  EXPECT_EQ(group->Current().index, 1u);
}

TEST(ChannelTest, ReconnectsSoonAfterAnOutage) {
  LiveEcho live;
  live.Start();
  const int port = live.server->port();
  const auto call = [&live] {
    CallContext context(seconds(20));
    context.set_wait_for_ready(true);
    EchoResponse response;
    return FromGrpc(live.stub->Echo(&context, EchoRequest(), &response));
  };
  GROAT_ASSERT_OK(call());
  live.server.reset();
  std::unique_ptr<EchoService::Stub> stub = std::move(live.stub);
  const std::shared_ptr<grpc::Channel> channel = live.channel;
  live.Start({.address = "127.0.0.1:" + std::to_string(port)});
  live.stub = std::move(stub);
  const Clock::time_point start = Clock::now();
  GROAT_EXPECT_OK(call());
  EXPECT_LT(Clock::now() - start, seconds(5));
}

}  // namespace
}  // namespace groat::rpc
