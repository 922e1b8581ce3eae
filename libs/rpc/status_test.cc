#include "rpc/status.h"

#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace groat::rpc {
namespace {

using std::chrono::milliseconds;

TEST(StatusTest, EveryCanonicalCodeGoesBothWays) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "height 7, want 6");
    const grpc::Status sent = ToGrpc(status);
    EXPECT_EQ(sent.error_code(), code);
    EXPECT_EQ(sent.error_details(), "") << "no details without payloads";
    EXPECT_EQ(FromGrpc(sent), status);
  }
}

TEST(StatusTest, OkCarriesNothing) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(StatusTest, CodeThatIsNotCanonicalBecomesUnknown) {
  for (const int code : {17, -1, 1000}) {
    const absl::Status status = FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(code), "odd"));
    EXPECT_EQ(status, absl::UnknownError("odd")) << code;
  }
}

TEST(StatusTest, DetailsAreAGoogleRpcStatus) {
  absl::Status status = absl::FailedPreconditionError("root differs");
  google::rpc::ErrorInfo info;
  info.set_reason("ROOT_MISMATCH");
  info.set_domain("ledger.groat");
  (*info.mutable_metadata())["cycle"] = "7";
  SetDetail(status, info);

  const grpc::Status sent = ToGrpc(status);
  google::rpc::Status parsed;
  ASSERT_TRUE(parsed.ParseFromString(sent.error_details()));
  EXPECT_EQ(parsed.code(), 9);
  EXPECT_EQ(parsed.message(), "root differs");
  ASSERT_EQ(parsed.details_size(), 1);
  EXPECT_EQ(parsed.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");

  const absl::Status back = FromGrpc(sent);
  EXPECT_EQ(back, status);
  const auto detail = GetDetail<google::rpc::ErrorInfo>(back);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->metadata().at("cycle"), "7");
  EXPECT_FALSE(GetDetail<google::rpc::BadRequest>(back).has_value());
}

TEST(StatusTest, SeveralPayloadsIncludingForeignOnes) {
  absl::Status status = absl::InvalidArgumentError("two fields");
  google::rpc::BadRequest bad;
  google::rpc::BadRequest::FieldViolation* violation = bad.add_field_violations();
  violation->set_field("update.unlock");
  violation->set_description("31 bytes, want 32");
  SetDetail(status, bad);
  status.SetPayload("example.org/raw", absl::Cord(std::string("\x00\xff", 2)));
  EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
}

TEST(StatusTest, MalformedDetailsAreIgnored) {
  const grpc::Status status(grpc::StatusCode::NOT_FOUND, "no such block", "\xff\xff not proto");
  EXPECT_EQ(FromGrpc(status), absl::NotFoundError("no such block"));
}

TEST(StatusTest, LongMessageIsCutAtACharacter) {
  const std::string text = std::string(kMaxMessageBytes - 1, 'a') + "\xc3\xa9tail";
  const grpc::Status sent = ToGrpc(absl::InternalError(text));
  EXPECT_EQ(sent.error_message(), std::string(kMaxMessageBytes - 1, 'a'));
}

TEST(StatusTest, BytesThatAreNotUtf8AreReplaced) {
  const struct {
    const char* text;
    const char* want;
  } kCases[] = {
      {"plain", "plain"},
      {"caf\xc3\xa9", "caf\xc3\xa9"},
      {"\xe2\x82\xac \xf0\x9f\x92\xb6", "\xe2\x82\xac \xf0\x9f\x92\xb6"},
      {"bad \xff end", "bad ? end"},
      {"cut \xe2\x82", "cut ??"},
      {"overlong \xc0\xaf", "overlong ??"},
      {"surrogate \xed\xa0\x80", "surrogate ???"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ToGrpc(absl::InternalError(c.text)).error_message(), c.want);
  }
}

TEST(StatusTest, PayloadThatDoesNotFitIsLeftOut) {
  absl::Status status = absl::AlreadyExistsError("double spend");
  status.SetPayload("example.org/a", absl::Cord("small"));
  status.SetPayload("example.org/b", absl::Cord(std::string(kMaxDetailsBytes, 'x')));
  status.SetPayload("example.org/c", absl::Cord("small too"));
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_EQ(back.message(), "double spend");
  EXPECT_TRUE(back.GetPayload("example.org/a").has_value());
  EXPECT_FALSE(back.GetPayload("example.org/b").has_value());
  EXPECT_TRUE(back.GetPayload("example.org/c").has_value());
  EXPECT_LE(ToGrpc(status).error_details().size(), kMaxDetailsBytes);
}

TEST(StatusTest, RetryDelay) {
  EXPECT_FALSE(RetryDelay(absl::UnavailableError("busy")).has_value());
  EXPECT_EQ(RetryDelay(WithRetryDelay(absl::UnavailableError("busy"), milliseconds(1250))),
            milliseconds(1250));
  EXPECT_EQ(RetryDelay(WithRetryDelay(absl::UnavailableError("busy"), milliseconds(-5))),
            milliseconds(0));
  // Whatever a peer sends, the delay is in range.
  absl::Status hostile = absl::UnavailableError("busy");
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(INT64_MAX);
  info.mutable_retry_delay()->set_nanos(-7);
  SetDetail(hostile, info);
  EXPECT_EQ(RetryDelay(hostile), std::chrono::hours(24));
}

}  // namespace
}  // namespace groat::rpc
