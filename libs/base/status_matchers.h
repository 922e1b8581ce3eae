// GoogleMock matchers for absl::Status and absl::StatusOr. Tests only.
#ifndef GROAT_BASE_STATUS_MATCHERS_H_
#define GROAT_BASE_STATUS_MATCHERS_H_

#include <gmock/gmock.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace groat::testing {

inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& AsStatus(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << AsStatus(arg).ToString();
  return AsStatus(arg).ok();
}

// StatusIs(absl::StatusCode::kNotFound, HasSubstr("height 7"))
MATCHER_P2(StatusIs, code, message_matcher, "") {
  const absl::Status& status = AsStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message_matcher, std::string(status.message()),
                                       result_listener);
}

}  // namespace groat::testing

#define GROAT_ASSERT_OK(expression) ASSERT_THAT(expression, ::groat::testing::IsOk())
#define GROAT_EXPECT_OK(expression) EXPECT_THAT(expression, ::groat::testing::IsOk())

// GROAT_ASSERT_OK_AND_ASSIGN(const Block block, ReadBlock(height));
#define GROAT_ASSERT_OK_AND_ASSIGN(declaration, expression)                                  \
  GROAT_ASSERT_OK_AND_ASSIGN_IMPL(GROAT_TEST_CONCAT(groat_statusor_, __LINE__), declaration, \
                                  expression)
#define GROAT_ASSERT_OK_AND_ASSIGN_IMPL(holder, declaration, expression) \
  auto holder = (expression);                                            \
  ASSERT_TRUE(holder.ok()) << holder.status().ToString();                \
  declaration = std::move(holder).value()
#define GROAT_TEST_CONCAT_INNER(a, b) a##b
#define GROAT_TEST_CONCAT(a, b) GROAT_TEST_CONCAT_INNER(a, b)

#endif  // GROAT_BASE_STATUS_MATCHERS_H_
