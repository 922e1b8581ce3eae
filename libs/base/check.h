// CHECK: stops the process when an invariant of ours is broken, in release builds too.
//
// Never for input from outside (a peer, a file, a user): that gets a Status.
// Thread-safe; no state.
#ifndef GROAT_BASE_CHECK_H_
#define GROAT_BASE_CHECK_H_

#include <sstream>

namespace groat::internal {

// Collects the message of a failed check and aborts when it is destroyed.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  [[noreturn]] ~CheckFailure();
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;

  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Turns the stream expression of a check into void, so both branches of ?: agree.
struct Voidify {
  void operator&(std::ostream&) const {}
};

}  // namespace groat::internal

// CHECK(cond) << "message with values";
#define GROAT_CHECK(condition)                 \
  (condition) ? static_cast<void>(0)           \
              : ::groat::internal::Voidify() & \
                    ::groat::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()

#define GROAT_CHECK_OP(a, op, b) GROAT_CHECK((a)op(b)) << " (" << (a) << " vs " << (b) << ") "
#define GROAT_CHECK_EQ(a, b) GROAT_CHECK_OP(a, ==, b)
#define GROAT_CHECK_LE(a, b) GROAT_CHECK_OP(a, <=, b)
#define GROAT_CHECK_LT(a, b) GROAT_CHECK_OP(a, <, b)

// For a Status that can only fail when an invariant of ours is broken.
#define GROAT_CHECK_OK(expression)                                         \
  do {                                                                     \
    const auto& groat_check_status = (expression);                         \
    GROAT_CHECK(groat_check_status.ok()) << groat_check_status.ToString(); \
  } while (false)

#endif  // GROAT_BASE_CHECK_H_
