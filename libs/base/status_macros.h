// Short forms for functions that pass a failed Status on to their caller.
#ifndef GROAT_BASE_STATUS_MACROS_H_
#define GROAT_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expression` is a failed absl::Status.
#define GROAT_RETURN_IF_ERROR(expression)        \
  do {                                           \
    absl::Status groat_status = (expression);    \
    if (!groat_status.ok()) return groat_status; \
  } while (false)

// GROAT_ASSIGN_OR_RETURN(const Block block, ReadBlock(height));
#define GROAT_ASSIGN_OR_RETURN(declaration, expression)                                    \
  GROAT_ASSIGN_OR_RETURN_IMPL(GROAT_STATUS_CONCAT(groat_statusor_, __LINE__), declaration, \
                              expression)

#define GROAT_ASSIGN_OR_RETURN_IMPL(holder, declaration, expression) \
  auto holder = (expression);                                        \
  if (!holder.ok()) return std::move(holder).status();               \
  declaration = std::move(holder).value()

#define GROAT_STATUS_CONCAT_INNER(a, b) a##b
#define GROAT_STATUS_CONCAT(a, b) GROAT_STATUS_CONCAT_INNER(a, b)

#endif  // GROAT_BASE_STATUS_MACROS_H_
